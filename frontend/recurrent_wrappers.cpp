// Layers around recurrent layers, and around any layer for each step.

#include <sinter/frontend/recurrent_layers.h>
#include <sinter/ir/near_matches.h>

#include <algorithm>
#include <array>

namespace sinter {

Bidirectional::Bidirectional(std::shared_ptr<Recurrent> forward, Options options)
    : Layer({.name = options.name, .trainable = options.trainable}),
      options_(std::move(options)),
      forward_(std::move(forward)),
      backward_(forward_->reversed()) {
  constexpr std::array<std::string_view, 5> modes = {"concat", "sum", "mul", "ave", "none"};
  if (std::find(modes.begin(), modes.end(), options_.merge_mode) == modes.end())
    fail(str("unknown merge_mode '", options_.merge_mode, "'", ir::did_you_mean(options_.merge_mode, modes),
             "; there are concat, sum, mul, ave and none"));
  if (forward_->goes_backwards())
    fail("the layer has to read forwards (go_backwards = false); its mirror image goes backwards");
  for (Recurrent* layer : {forward_.get(), backward_.get()})
    layer->design_.zero_output_for_mask = layer->returns_sequences();
}

Tensors Bidirectional::merged(const Tensor& ahead, const Tensor& back) const {
  if (options_.merge_mode == "none") return {ahead, back};
  if (options_.merge_mode == "concat") return {concatenate({ahead, back})};
  if (options_.merge_mode == "mul") return {ahead * back};
  return {options_.merge_mode == "ave" ? (ahead + back) / 2.0 : ahead + back};
}

Tensors Bidirectional::call_many(Tensors xs) {
  const std::size_t given = xs.size() - 1, half = given / 2;
  if (given % 2 != 0) fail(str("expected as many initial states for one direction as for the other, got ", given));
  Tensors ahead{xs[0]}, back{xs[0]};
  ahead.insert(ahead.end(), xs.begin() + 1, xs.begin() + 1 + static_cast<std::ptrdiff_t>(half));
  back.insert(back.end(), xs.begin() + 1 + static_cast<std::ptrdiff_t>(half), xs.end());
  ahead = (*forward_)(ahead);
  back = (*backward_)(back);
  Tensors results = merged(ahead[0], backward_->returns_sequences() ? flip(back[0], 1) : back[0]);
  for (const Tensors* states : {&ahead, &back}) results.insert(results.end(), states->begin() + 1, states->end());
  return results;
}

Tensor Bidirectional::call(Tensor x) { return call_many({x})[0]; }

Tensors Bidirectional::compute_mask(const Tensors& xs) const {
  if (!forward_->returns_sequences()) return {};
  return Tensors(options_.merge_mode == "none" ? 2 : 1, xs.front().mask());
}

void Bidirectional::reset_states() {
  forward_->reset_states();
  backward_->reset_states();
}

namespace {

/// [n, steps, ...] -> [n * steps, ...].
Tensor steps_as_samples(const Tensor& x) {
  const ir::Ints extents = x.shape().ints();
  ir::Ints merged = {extents[0] * extents[1]};
  merged.insert(merged.end(), extents.begin() + 2, extents.end());
  return reshape(x, Dims(merged));
}

/// [n * steps, ...] -> [n, steps, ...].
Tensor samples_as_steps(const Tensor& y, std::int64_t n) {
  ir::Ints extents = y.shape().ints();
  extents.front() /= n;
  extents.insert(extents.begin(), n);
  return reshape(y, Dims(extents));
}

}  // namespace

Tensor TimeDistributed::call(Tensor x) {
  if (x.rank() < 3) fail(str("expected an input of shape [n, steps, ...], got ", x.shape()));
  const Tensor mask = x.mask();
  if (!mask.empty() && mask.rank() < 2)
    fail(str("expected a mask of shape [n, steps, ...] for ", x.type(), ", got ", mask.shape()));
  const std::int64_t n = x.shape()[0];
  const Tensor each = steps_as_samples(x);
  const Tensor y = (*layer_)(mask.empty() ? each : each.with_mask(steps_as_samples(mask)));
  const Tensor result = samples_as_steps(y, n);
  if (mask.empty()) return result;
  if (!y.mask().empty()) return result.with_mask(samples_as_steps(y.mask(), n));
  ir::Ints rest;
  for (int k = 2; k < mask.rank(); ++k) rest.push_back(k);
  return result.with_mask(rest.empty() ? mask : any(mask, Axes(rest)));
}

}  // namespace sinter

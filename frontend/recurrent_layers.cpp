#include <sinter/frontend/recurrent_layers.h>
#include <sinter/frontend/scan.h>

#include <algorithm>

#include "dropout_mask.h"

namespace sinter {
namespace {

/// Columns [from * units, to * units) of the last axis.
Tensor gates(const Tensor& z, int from, int to, std::int64_t units) {
  if (from == 0 && to * units == z.dim(-1)) return z;
  return slice(z, {0, from * units}, {z.shape()[0], to * units});
}
Tensor gate(const Tensor& z, int k, std::int64_t units) { return gates(z, k, k + 1, units); }

Initializer forget_bias(const Initializer& rest, std::int64_t units) {
  return [rest, units](const InitializerRequest& request) {
    Array bias = rest(request);
    const std::span<float> values = bias.mutable_span<float>();
    std::fill_n(values.begin() + units, units, 1.0F);
    return bias;
  };
}

template <class Options>
Options turned(Options options) {
  options.go_backwards = !options.go_backwards;
  options.name.clear();
  return options;
}

template <class Options>
LayerOptions layer_options(const Options& options) {
  return {.name = options.name, .trainable = options.trainable, .activity_regularizer = options.activity_regularizer};
}

/// What the options of every kind name, beside what the kind fixes. Throws UserError for values out of range; `kind` is
/// the layer's name in messages unless it has its own.
template <class Options, class Design>
Design designed(const char* kind, const Options& options, Design design) {
  const std::string who = options.name.empty() ? kind : options.name;
  if (options.units < 1) user_error(who, ": units must be positive, got ", options.units.value());
  for (const double rate : {options.dropout, options.recurrent_dropout})
    if (!(rate >= 0.0 && rate < 1.0))  // NaN is not
      user_error(who, ": dropout and recurrent_dropout must be at least 0 and below 1, got ", rate);
  design.units = options.units.value();
  design.use_bias = options.use_bias;
  design.kernel = {.initializer = options.kernel_initializer,
                   .regularizer = options.kernel_regularizer,
                   .constraint = options.kernel_constraint};
  design.recurrent_kernel = {.initializer = options.recurrent_initializer,
                             .regularizer = options.recurrent_regularizer,
                             .constraint = options.recurrent_constraint};
  design.bias = {.initializer = options.bias_initializer,
                 .regularizer = options.bias_regularizer,
                 .constraint = options.bias_constraint};
  design.return_sequences = options.return_sequences;
  design.return_state = options.return_state;
  design.go_backwards = options.go_backwards;
  design.dropout = options.dropout;
  design.recurrent_dropout = options.recurrent_dropout;
  design.stateful = options.stateful;
  design.zero_output_for_mask = options.zero_output_for_mask;
  return design;
}

LSTMOptions with_forget_bias(LSTMOptions options) {
  if (options.unit_forget_bias) options.bias_initializer = forget_bias(options.bias_initializer, options.units.value());
  return options;
}

}  // namespace

// ---- What they share ----

Recurrent::Recurrent(LayerOptions options, Design design) : Layer(std::move(options)), design_(std::move(design)) {}

void Recurrent::build(const Shape& input) {
  check_input(input);
  const std::int64_t width = design_.gates * design_.units;
  kernel_ = add_weight("kernel", {input[-1], width}, design_.kernel);
  recurrent_kernel_ = add_weight("recurrent_kernel", {design_.units, width}, design_.recurrent_kernel);
  if (design_.use_bias) bias_ = add_weight("bias", design_.two_biases ? Dims{2, width} : Dims{width}, design_.bias);
  states_.clear();
  if (!design_.stateful) return;
  if (!detail::Trace::current()->is_batch_fixed())
    fail(
        "a stateful layer keeps states for a batch of one size; say which: Input({steps, features}, {.batch_size = "
        "32})");
  for (int k = 0; k < design_.states; ++k)
    states_.push_back(
        add_weight(str("state_", k), {input[0], design_.units}, {.initializer = "zeros", .trainable = false}));
}

Tensor Recurrent::bias(int k) const {
  const std::int64_t width = bias_.shape()[-1];
  return reshape(slice(bias_, {k, 0}, {k + 1, width}), {width});
}

Recurrent::Product Recurrent::product(const Variable& kernel, double rate, std::int64_t n) const {
  Tensors keep;  // of all gates, or of each one
  if (training() && rate > 0.0) {
    const int draws = design_.recurrent_dropout > 0.0 ? design_.gates : 1;
    for (int k = 0; k < draws; ++k) keep.push_back(detail::drawn_to_keep({n, kernel.shape()[0]}, rate));
  }
  return [kernel, keep, rate, units = design_.units](const Tensor& x, int from, int to) {
    if (keep.size() <= 1) {
      const Tensor left = keep.empty() ? x : detail::dropped(x, keep.front(), rate);
      return matmul(left, gates(kernel.tensor(), from, to, units));
    }
    std::vector<Operand> parts;
    for (int k = from; k < to; ++k)
      parts.emplace_back(
          matmul(detail::dropped(x, keep[static_cast<std::size_t>(k)], rate), gate(kernel.tensor(), k, units)));
    return concatenate(parts);
  };
}

Tensor Recurrent::project(const Tensor& x) const {
  const Tensor z = product(kernel_, design_.dropout, x.shape()[1])(x, 0, design_.gates);
  if (!design_.use_bias) return z;
  return z + (design_.two_biases ? bias(0) : bias_.tensor());
}

Tensor Recurrent::step_mask(const Tensor& x) const {
  const Tensor mask = x.mask();
  if (mask.empty()) return mask;
  if (mask.rank() != 2) fail(str("expected a mask of shape [n, steps] for ", x.type(), ", got ", mask.shape()));
  return expand_dims(transpose(mask), 2);
}

Tensors Recurrent::compute_mask(const Tensors& xs) const {
  const Tensor mask = xs.front().mask();
  if (!design_.return_sequences || mask.empty()) return {};
  return {design_.go_backwards ? flip(mask, 1) : mask};
}

void Recurrent::reset_states() {
  if (!design_.stateful) fail("the layer keeps no states between batches; make it with .stateful = true");
  for (const Variable& v : states_) v.assign(Array::zeros(v.shape()));
}

void Recurrent::check_input(const Shape& input) const {
  if (input.rank() != 3) fail(str("expected an input of shape [n, steps, features], got ", input));
  if (input[1] < 1) fail(str("expected at least one step, got ", input));
}

Tensors Recurrent::initial_states(const Tensors& xs) const {
  const Shape expected{xs[0].shape()[0], design_.units};
  if (xs.size() > 1) {
    if (static_cast<int>(xs.size()) != 1 + design_.states)
      fail(str("expected ", design_.states, " initial states behind the input, got ", xs.size() - 1));
    Tensors states(xs.begin() + 1, xs.end());
    for (const Tensor& s : states)
      if (s.shape() != expected) fail(str("expected an initial state of shape ", expected, ", got ", s.shape()));
    return states;
  }
  Tensors kept;
  for (const Variable& v : states_) {
    kept.push_back(v.tensor());
    if (v.shape() != expected)
      fail(str("the layer is stateful for batches of ", v.shape()[0], ", got a batch of ", expected[0]));
  }
  if (!kept.empty()) return kept;
  const Tensor zero = Operand(0.0).in(xs[0].graph(), xs[0].dtype());
  return Tensors(static_cast<std::size_t>(design_.states), broadcast_to(zero, {expected[0], design_.units}));
}

Tensors Recurrent::call_many(Tensors xs) {
  check_input(xs[0].shape());
  const std::int64_t n = xs[0].shape()[0];
  const auto count = static_cast<std::size_t>(design_.states);
  const Tensor mask = step_mask(xs[0]);
  // Skipped steps repeat an output. That is the state, unless there is one before the first output, or zeros are
  // wanted.
  const bool begins_at_zero = xs.size() == 1 && !design_.stateful;
  const bool repeats = !mask.empty() && (design_.zero_output_for_mask || !begins_at_zero);

  Tensors carries = initial_states(xs), sequences{project(transpose(xs[0], {1, 0, 2}))};
  if (repeats) carries.push_back(zeros_like(carries.front()));
  if (!mask.empty()) sequences.push_back(mask);
  const Product recurrent = product(recurrent_kernel_, design_.recurrent_dropout, n);
  const auto turn = [&](const Tensors& carried, const Tensors& slices) -> Turn {
    Tensors next = step(slices[0], {carried.begin(), carried.begin() + design_.states}, recurrent);
    if (repeats) next.push_back(next.front());
    for (std::size_t k = 0; k < next.size() && !mask.empty(); ++k) {
      const bool zero = k == count && design_.zero_output_for_mask;
      next[k] = where(slices[1], next[k], zero ? zeros_like(next[k]) : carried[k]);
    }
    return {next, design_.return_sequences ? Tensors{next[repeats ? count : 0]} : Tensors{}};
  };
  const Turn loop = scan(carries, sequences, turn, {.reverse = design_.go_backwards});
  for (std::size_t k = 0; k < states_.size(); ++k)  // in inference as well, where Variable::update does nothing
    detail::Trace::current()->update(states_[k].state(), loop.carries[k].expr());
  Tensors results = {loop.carries[repeats ? count : 0]};
  if (design_.return_sequences) {
    const Tensor outputs = transpose(loop.outputs[0], {1, 0, 2});
    results[0] = design_.go_backwards ? flip(outputs, 1) : outputs;
  }
  if (design_.return_state) results.insert(results.end(), loop.carries.begin(), loop.carries.begin() + design_.states);
  return results;
}

Tensor Recurrent::call(Tensor x) { return call_many({x})[0]; }

// ---- SimpleRNN ----

SimpleRNN::SimpleRNN(Options options)
    : Recurrent(layer_options(options), designed("simple_rnn", options, Design{})), options_(std::move(options)) {}

Tensors SimpleRNN::step(const Tensor& projected, const Tensors& states, const Product& recurrent) {
  return {options_.activation(projected + recurrent(states[0], 0, 1))};
}

std::shared_ptr<Recurrent> SimpleRNN::reversed() const { return std::make_shared<SimpleRNN>(turned(options_)); }

// ---- LSTM ----

LSTM::LSTM(Options options)
    : Recurrent(layer_options(options), designed("lstm", with_forget_bias(options), Design{.gates = 4, .states = 2})),
      options_(std::move(options)) {}

Tensors LSTM::step(const Tensor& projected, const Tensors& states, const Product& recurrent) {
  const std::int64_t units = options_.units.value();
  const Tensor z = projected + recurrent(states[0], 0, 4);
  const Tensor i = options_.recurrent_activation(gate(z, 0, units));
  const Tensor f = options_.recurrent_activation(gate(z, 1, units));
  const Tensor c = f * states[1] + i * options_.activation(gate(z, 2, units));
  const Tensor o = options_.recurrent_activation(gate(z, 3, units));
  return {o * options_.activation(c), c};
}

std::shared_ptr<Recurrent> LSTM::reversed() const { return std::make_shared<LSTM>(turned(options_)); }

// ---- GRU ----

GRU::GRU(Options options)
    : Recurrent(layer_options(options),
                designed("gru", options, Design{.gates = 3, .two_biases = options.reset_after})),
      options_(std::move(options)) {}

Tensors GRU::step(const Tensor& projected, const Tensors& states, const Product& recurrent) {
  const std::int64_t units = options_.units.value();
  const Tensor& h = states[0];
  const auto activated = [&](const Tensor& z, int k) {
    return options_.recurrent_activation(gate(projected, k, units) + gate(z, k, units));
  };
  if (options_.reset_after) {
    Tensor z = recurrent(h, 0, 3);
    if (options_.use_bias) z = z + bias(1);
    const Tensor update = activated(z, 0);
    const Tensor candidate = options_.activation(gate(projected, 2, units) + activated(z, 1) * gate(z, 2, units));
    return {update * h + (1.0 - update) * candidate};
  }
  const Tensor z = recurrent(h, 0, 2);
  const Tensor update = activated(z, 0);
  const Tensor inner = recurrent(activated(z, 1) * h, 2, 3);
  return {update * h + (1.0 - update) * options_.activation(gate(projected, 2, units) + inner)};
}

std::shared_ptr<Recurrent> GRU::reversed() const { return std::make_shared<GRU>(turned(options_)); }

}  // namespace sinter

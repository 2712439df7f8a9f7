#include <sinter/frontend/recurrent_layers.h>

#include <algorithm>
#include <array>

#include <sinter/ir/near_matches.h>

namespace sinter {
namespace {

/// Columns [k * units, (k + 1) * units) of the last axis.
Tensor gate(const Tensor& z, int k, std::int64_t units) {
  return slice(z, {0, k * units}, {z.shape()[0], (k + 1) * units});
}

/// Step t of [n, steps, k] as [n, k].
Tensor at_step(const Tensor& x, std::int64_t t) {
  const Shape& s = x.shape();
  return reshape(slice(x, {0, t, 0}, {s[0], t + 1, s[2]}), {s[0], s[2]});
}

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
  return {.name = options.name, .trainable = options.trainable};
}

}  // namespace

// ---- What they share ----

Recurrent::Recurrent(LayerOptions options, Protocol protocol, std::int64_t units, int states)
    : Layer(std::move(options)),
      returns_sequences_(protocol.return_sequences),
      returns_state_(protocol.return_state),
      goes_backwards_(protocol.go_backwards),
      units_(units),
      states_(states) {
  if (units < 1) fail(str("units must be positive, got ", units));
}

void Recurrent::check_input(const Shape& input) const {
  if (input.rank() != 3) fail(str("expected an input of shape [n, steps, features], got ", input));
  if (input[1] < 1) fail(str("expected at least one step, got ", input));
  if (input[1] > most_steps)
    fail(str("expected at most ", most_steps, " steps, got ", input[1],
             ": steps are written out one after the other; cut the sequence into pieces and pass the states on"));
}

Tensors Recurrent::initial_states(const Tensors& xs) const {
  const Shape expected{xs[0].shape()[0], units_};
  if (xs.size() > 1) {
    if (static_cast<int>(xs.size()) != 1 + states_)
      fail(str("expected ", states_, " initial states behind the input, got ", xs.size() - 1));
    Tensors states(xs.begin() + 1, xs.end());
    for (const Tensor& s : states)
      if (s.shape() != expected) fail(str("expected an initial state of shape ", expected, ", got ", s.shape()));
    return states;
  }
  const Tensor zero = broadcast_to(full_like(gate(at_step(xs[0], 0), 0, 1), 0.0), {expected[0], units_});
  return Tensors(static_cast<std::size_t>(states_), zero);
}

Tensors Recurrent::call_many(Tensors xs) {
  check_input(xs[0].shape());
  const std::int64_t steps = xs[0].shape()[1];
  const Tensor projected = project(xs[0]);
  Tensors states = initial_states(xs);
  std::vector<Operand> outputs;
  for (std::int64_t t = 0; t < steps; ++t) {
    states = step(at_step(projected, goes_backwards_ ? steps - 1 - t : t), states);
    outputs.emplace_back(states[0]);
  }
  Tensors results = {returns_sequences_ ? stack(outputs, 1) : states[0]};
  if (returns_state_) results.insert(results.end(), states.begin(), states.end());
  return results;
}

Tensor Recurrent::call(Tensor x) { return call_many({std::move(x)})[0]; }

// ---- SimpleRNN ----

SimpleRNN::SimpleRNN(Options options)
    : Recurrent(layer_options(options), {options.return_sequences, options.return_state, options.go_backwards},
                options.units.value(), 1),
      options_(std::move(options)) {}

void SimpleRNN::build(const Shape& input) {
  check_input(input);
  kernel_ = add_weight("kernel", {input[-1], options_.units}, {.initializer = options_.kernel_initializer});
  recurrent_kernel_ =
      add_weight("recurrent_kernel", {options_.units, options_.units}, {.initializer = options_.recurrent_initializer});
  if (options_.use_bias) bias_ = add_weight("bias", {options_.units}, {.initializer = options_.bias_initializer});
}

Tensor SimpleRNN::project(const Tensor& x) {
  const Tensor z = matmul(x, kernel_);
  return options_.use_bias ? z + bias_ : z;
}

Tensors SimpleRNN::step(const Tensor& projected, const Tensors& states) {
  return {options_.activation(projected + matmul(states[0], recurrent_kernel_))};
}

std::shared_ptr<Recurrent> SimpleRNN::reversed() const { return std::make_shared<SimpleRNN>(turned(options_)); }

// ---- LSTM ----

LSTM::LSTM(Options options)
    : Recurrent(layer_options(options), {options.return_sequences, options.return_state, options.go_backwards},
                options.units.value(), 2),
      options_(std::move(options)) {}

void LSTM::build(const Shape& input) {
  check_input(input);
  const std::int64_t units = options_.units.value();
  kernel_ = add_weight("kernel", {input[-1], 4 * units}, {.initializer = options_.kernel_initializer});
  recurrent_kernel_ =
      add_weight("recurrent_kernel", {units, 4 * units}, {.initializer = options_.recurrent_initializer});
  if (!options_.use_bias) return;
  const Initializer initial =
      options_.unit_forget_bias ? forget_bias(options_.bias_initializer, units) : options_.bias_initializer;
  bias_ = add_weight("bias", {4 * units}, {.initializer = initial});
}

Tensor LSTM::project(const Tensor& x) {
  const Tensor z = matmul(x, kernel_);
  return options_.use_bias ? z + bias_ : z;
}

Tensors LSTM::step(const Tensor& projected, const Tensors& states) {
  const std::int64_t units = options_.units.value();
  const Tensor z = projected + matmul(states[0], recurrent_kernel_);
  const Tensor i = options_.recurrent_activation(gate(z, 0, units));
  const Tensor f = options_.recurrent_activation(gate(z, 1, units));
  const Tensor c = f * states[1] + i * options_.activation(gate(z, 2, units));
  const Tensor o = options_.recurrent_activation(gate(z, 3, units));
  return {o * options_.activation(c), c};
}

std::shared_ptr<Recurrent> LSTM::reversed() const { return std::make_shared<LSTM>(turned(options_)); }

// ---- GRU ----

GRU::GRU(Options options)
    : Recurrent(layer_options(options), {options.return_sequences, options.return_state, options.go_backwards},
                options.units.value(), 1),
      options_(std::move(options)) {}

void GRU::build(const Shape& input) {
  check_input(input);
  const std::int64_t units = options_.units.value();
  kernel_ = add_weight("kernel", {input[-1], 3 * units}, {.initializer = options_.kernel_initializer});
  recurrent_kernel_ =
      add_weight("recurrent_kernel", {units, 3 * units}, {.initializer = options_.recurrent_initializer});
  if (!options_.use_bias) return;
  const Dims shape = options_.reset_after ? Dims{2, 3 * units} : Dims{3 * units};
  bias_ = add_weight("bias", shape, {.initializer = options_.bias_initializer});
}

Tensor GRU::project(const Tensor& x) {
  const Tensor z = matmul(x, kernel_);
  if (!options_.use_bias) return z;
  const std::int64_t width = 3 * options_.units.value();
  return options_.reset_after ? z + reshape(slice(bias_, {0, 0}, {1, width}), {width}) : z + bias_;
}

Tensors GRU::step(const Tensor& projected, const Tensors& states) {
  const std::int64_t units = options_.units.value();
  const Tensor& h = states[0];
  const auto activated = [&](const Tensor& z, int k) {
    return options_.recurrent_activation(gate(projected, k, units) + gate(z, k, units));
  };
  if (options_.reset_after) {
    Tensor z = matmul(h, recurrent_kernel_);
    if (options_.use_bias) z = z + reshape(slice(bias_, {1, 0}, {2, 3 * units}), {3 * units});
    const Tensor update = activated(z, 0);
    const Tensor candidate = options_.activation(gate(projected, 2, units) + activated(z, 1) * gate(z, 2, units));
    return {update * h + (1.0 - update) * candidate};
  }
  const Tensor z = matmul(h, slice(recurrent_kernel_, {0, 0}, {units, 2 * units}));
  const Tensor update = activated(z, 0);
  const Tensor inner = matmul(activated(z, 1) * h, slice(recurrent_kernel_, {0, 2 * units}, {units, 3 * units}));
  return {update * h + (1.0 - update) * options_.activation(gate(projected, 2, units) + inner)};
}

std::shared_ptr<Recurrent> GRU::reversed() const { return std::make_shared<GRU>(turned(options_)); }

// ---- Wrappers ----

Bidirectional::Bidirectional(std::shared_ptr<Recurrent> forward, Options options)
    : Layer({.name = options.name, .trainable = options.trainable}),
      options_(std::move(options)),
      forward_(std::move(forward)),
      backward_(forward_->reversed()) {
  constexpr std::array<std::string_view, 4> modes = {"concat", "sum", "mul", "ave"};
  if (std::find(modes.begin(), modes.end(), options_.merge_mode) == modes.end())
    fail(str("unknown merge_mode '", options_.merge_mode, "'", ir::did_you_mean(options_.merge_mode, modes),
             "; there are concat, sum, mul and ave"));
}

Tensor Bidirectional::call(Tensor x) {
  const Tensor ahead = (*forward_)(x);
  Tensor back = (*backward_)(x);
  if (backward_->returns_sequences()) back = flip(back, 1);
  if (options_.merge_mode == "concat") return concatenate({ahead, back});
  if (options_.merge_mode == "mul") return ahead * back;
  return options_.merge_mode == "ave" ? (ahead + back) / 2.0 : ahead + back;
}

Tensor TimeDistributed::call(Tensor x) {
  if (x.rank() < 3) fail(str("expected an input of shape [n, steps, ...], got ", x.shape()));
  const ir::Ints extents = x.shape().ints();
  ir::Ints merged = {extents[0] * extents[1]};
  merged.insert(merged.end(), extents.begin() + 2, extents.end());
  const Tensor y = (*layer_)(reshape(x, Dims(merged)));
  ir::Ints result = {extents[0], extents[1]};
  const ir::Ints inner = y.shape().ints();
  result.insert(result.end(), inner.begin() + 1, inner.end());
  return reshape(y, Dims(result));
}

}  // namespace sinter

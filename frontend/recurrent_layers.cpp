#include <sinter/frontend/recurrent_layers.h>
#include <sinter/frontend/scan.h>

#include <algorithm>
#include <array>

#include <sinter/ir/near_matches.h>

namespace sinter {
namespace {

/// Columns [k * units, (k + 1) * units) of the last axis.
Tensor gate(const Tensor& z, int k, std::int64_t units) {
  return slice(z, {0, k * units}, {z.shape()[0], (k + 1) * units});
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

/// What the options of every kind name, beside what the kind fixes.
template <class Options, class Design>
Design designed(const Options& options, Design design) {
  design.units = options.units.value();
  design.use_bias = options.use_bias;
  design.kernel = options.kernel_initializer;
  design.recurrent_kernel = options.recurrent_initializer;
  design.bias = options.bias_initializer;
  design.return_sequences = options.return_sequences;
  design.return_state = options.return_state;
  design.go_backwards = options.go_backwards;
  return design;
}

LSTMOptions with_forget_bias(LSTMOptions options) {
  if (options.unit_forget_bias) options.bias_initializer = forget_bias(options.bias_initializer, options.units.value());
  return options;
}

}  // namespace

// ---- What they share ----

Recurrent::Recurrent(LayerOptions options, Design design) : Layer(std::move(options)), design_(std::move(design)) {
  if (design_.units < 1) fail(str("units must be positive, got ", design_.units));
}

void Recurrent::build(const Shape& input) {
  check_input(input);
  const std::int64_t width = design_.gates * design_.units;
  kernel_ = add_weight("kernel", {input[-1], width}, {.initializer = design_.kernel});
  recurrent_kernel_ = add_weight("recurrent_kernel", {design_.units, width}, {.initializer = design_.recurrent_kernel});
  if (!design_.use_bias) return;
  bias_ = add_weight("bias", design_.two_biases ? Dims{2, width} : Dims{width}, {.initializer = design_.bias});
}

Tensor Recurrent::bias(int k) const {
  const std::int64_t width = bias_.shape()[-1];
  return reshape(slice(bias_, {k, 0}, {k + 1, width}), {width});
}

Tensor Recurrent::project(const Tensor& x) {
  const Tensor z = matmul(x, kernel_);
  if (!design_.use_bias) return z;
  return z + (design_.two_biases ? bias(0) : bias_.tensor());
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
  const Tensor zero = Operand(0.0).in(xs[0].graph(), xs[0].dtype());
  return Tensors(static_cast<std::size_t>(design_.states), broadcast_to(zero, {expected[0], design_.units}));
}

Tensors Recurrent::call_many(Tensors xs) {
  check_input(xs[0].shape());
  const Tensor projected = project(transpose(xs[0], {1, 0, 2}));
  const auto turn = [&](const Tensors& states, const Tensors& slices) -> Turn {
    const Tensors next = step(slices[0], states);
    return {next, design_.return_sequences ? Tensors{next[0]} : Tensors{}};
  };
  const Turn loop = scan(initial_states(xs), {projected}, turn, {.reverse = design_.go_backwards});
  Tensors results = {loop.carries[0]};
  if (design_.return_sequences) {
    const Tensor outputs = transpose(loop.outputs[0], {1, 0, 2});
    results[0] = design_.go_backwards ? flip(outputs, 1) : outputs;
  }
  if (design_.return_state) results.insert(results.end(), loop.carries.begin(), loop.carries.end());
  return results;
}

Tensor Recurrent::call(Tensor x) { return call_many({x})[0]; }

// ---- SimpleRNN ----

SimpleRNN::SimpleRNN(Options options)
    : Recurrent(layer_options(options), designed(options, Design{})), options_(std::move(options)) {}

Tensors SimpleRNN::step(const Tensor& projected, const Tensors& states) {
  return {options_.activation(projected + matmul(states[0], recurrent_kernel()))};
}

std::shared_ptr<Recurrent> SimpleRNN::reversed() const { return std::make_shared<SimpleRNN>(turned(options_)); }

// ---- LSTM ----

LSTM::LSTM(Options options)
    : Recurrent(layer_options(options), designed(with_forget_bias(options), Design{.gates = 4, .states = 2})),
      options_(std::move(options)) {}

Tensors LSTM::step(const Tensor& projected, const Tensors& states) {
  const std::int64_t units = options_.units.value();
  const Tensor z = projected + matmul(states[0], recurrent_kernel());
  const Tensor i = options_.recurrent_activation(gate(z, 0, units));
  const Tensor f = options_.recurrent_activation(gate(z, 1, units));
  const Tensor c = f * states[1] + i * options_.activation(gate(z, 2, units));
  const Tensor o = options_.recurrent_activation(gate(z, 3, units));
  return {o * options_.activation(c), c};
}

std::shared_ptr<Recurrent> LSTM::reversed() const { return std::make_shared<LSTM>(turned(options_)); }

// ---- GRU ----

GRU::GRU(Options options)
    : Recurrent(layer_options(options), designed(options, Design{.gates = 3, .two_biases = options.reset_after})),
      options_(std::move(options)) {}

Tensors GRU::step(const Tensor& projected, const Tensors& states) {
  const std::int64_t units = options_.units.value();
  const Tensor& h = states[0];
  const auto activated = [&](const Tensor& z, int k) {
    return options_.recurrent_activation(gate(projected, k, units) + gate(z, k, units));
  };
  if (options_.reset_after) {
    Tensor z = matmul(h, recurrent_kernel());
    if (options_.use_bias) z = z + bias(1);
    const Tensor update = activated(z, 0);
    const Tensor candidate = options_.activation(gate(projected, 2, units) + activated(z, 1) * gate(z, 2, units));
    return {update * h + (1.0 - update) * candidate};
  }
  const Tensor z = matmul(h, slice(recurrent_kernel(), {0, 0}, {units, 2 * units}));
  const Tensor update = activated(z, 0);
  const Tensor inner = matmul(activated(z, 1) * h, slice(recurrent_kernel(), {0, 2 * units}, {units, 3 * units}));
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

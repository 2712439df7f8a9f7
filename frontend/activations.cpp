#include <sinter/frontend/activations.h>

#include <sinter/frontend/near_matches.h>

namespace sinter {

namespace {

/// exp(x) - 1 without cancellation: tanh(x / 2) * (exp(x) + 1).
Tensor expm1(const Tensor& x) { return tanh(x * 0.5) * (exp(x) + 1.0); }

/// x, at most 0: keeps exp() finite on the side that where() discards. At 0 the gradient goes to x.
Tensor below_zero(const Tensor& x) { return minimum(0.0, x); }

}  // namespace

Tensor linear(const Operand& x) { return x.tensor(); }

Tensor relu(const Operand& x) { return maximum(x, 0.0); }

Tensor relu(const Operand& operand, const ReluOptions& options) {
  const Tensor x = operand.tensor();
  const bool plain = options.negative_slope == 0.0 && options.threshold == 0.0;
  Tensor y =
      plain ? relu(x) : where(greater(x, options.threshold), x, options.negative_slope * (x - options.threshold));
  if (options.max_value != std::numeric_limits<double>::infinity()) y = minimum(options.max_value, y);
  return y;
}

Tensor relu6(const Operand& x) { return minimum(maximum(x, 0.0), 6.0); }

Tensor leaky_relu(const Operand& x) { return leaky_relu(x, 0.2); }
Tensor leaky_relu(const Operand& operand, double negative_slope) {
  const Tensor x = operand.tensor();
  return where(greater(x, 0.0), x, negative_slope * x);
}

Tensor elu(const Operand& x) { return elu(x, 1.0); }
Tensor elu(const Operand& operand, double alpha) {
  const Tensor x = operand.tensor();
  return where(greater(x, 0.0), x, alpha * expm1(below_zero(x)));
}

Tensor selu(const Operand& x) { return 1.0507009873554805 * elu(x, 1.6732632423543772); }

Tensor celu(const Operand& x) { return celu(x, 1.0); }
Tensor celu(const Operand& operand, double alpha) {
  const Tensor x = operand.tensor();
  return where(greater(x, 0.0), x, alpha * expm1(below_zero(x) / alpha));
}

Tensor gelu(const Operand& x) { return gelu(x, GeluOptions{}); }
Tensor gelu(const Operand& operand, GeluOptions options) {
  const Tensor x = operand.tensor();
  if (options.approximate) return 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * (x * x * x))));
  return 0.5 * x * (1.0 + erf(x * 0.7071067811865476));
}

Tensor silu(const Operand& operand) {
  const Tensor x = operand.tensor();
  return x * sigmoid(x);
}

Tensor mish(const Operand& operand) {
  const Tensor x = operand.tensor();
  return x * tanh(softplus(x));
}

Tensor exponential(const Operand& x) { return exp(x); }

Tensor softsign(const Operand& operand) {
  const Tensor x = operand.tensor();
  return x / (1.0 + abs(x));
}

Tensor hard_sigmoid(const Operand& x) { return relu6(x + 3.0) / 6.0; }

Tensor hard_silu(const Operand& operand) {
  const Tensor x = operand.tensor();
  return x * hard_sigmoid(x);
}

Tensor hard_tanh(const Operand& x) { return minimum(maximum(x, -1.0), 1.0); }

Tensor log_sigmoid(const Operand& x) { return -softplus(-x); }

Tensor hard_shrink(const Operand& x) { return hard_shrink(x, 0.5); }
Tensor hard_shrink(const Operand& operand, double threshold) {
  const Tensor x = operand.tensor();
  return where(greater(abs(x), threshold), x, 0.0);
}

Tensor soft_shrink(const Operand& x) { return soft_shrink(x, 0.5); }
Tensor soft_shrink(const Operand& operand, double threshold) {
  const Tensor x = operand.tensor();
  return where(greater(x, threshold), x - threshold, where(less(x, -threshold), x + threshold, 0.0));
}

Tensor tanh_shrink(const Operand& operand) {
  const Tensor x = operand.tensor();
  return x - tanh(x);
}

Tensor sparse_plus(const Operand& operand) {
  const Tensor x = operand.tensor();
  return where(less_equal(x, -1.0), 0.0, where(less(x, 1.0), 0.25 * square(x + 1.0), x));
}

Tensor sparse_sigmoid(const Operand& operand) {
  const Tensor x = operand.tensor();
  return where(less_equal(x, -1.0), 0.0, where(greater_equal(x, 1.0), 1.0, 0.5 * (x + 1.0)));
}

Tensor squareplus(const Operand& x) { return squareplus(x, 4.0); }
Tensor squareplus(const Operand& operand, double b) {
  const Tensor x = operand.tensor();
  const Tensor root = sqrt(square(x) + b);
  // Below 0 the same number without cancellation.
  return where(greater(x, 0.0), 0.5 * (x + root), 0.5 * b / (root - below_zero(x)));
}

namespace {

using Function = Tensor (*)(const Operand&);

struct Known {
  std::string name;
  Function function;
};

Tensor softmax_of_last(const Operand& x) { return softmax(x); }
Tensor log_softmax_of_last(const Operand& x) { return log_softmax(x); }

/// Aliases stand after the name that a function is known by.
const std::vector<Known>& known_activations() {
  static const std::vector<Known> known = {{"linear", linear},
                                           {"relu", relu},
                                           {"relu6", relu6},
                                           {"leaky_relu", leaky_relu},
                                           {"elu", elu},
                                           {"selu", selu},
                                           {"celu", celu},
                                           {"gelu", gelu},
                                           {"silu", silu},
                                           {"swish", silu},
                                           {"mish", mish},
                                           {"sigmoid", sigmoid},
                                           {"hard_sigmoid", hard_sigmoid},
                                           {"hard_silu", hard_silu},
                                           {"hard_swish", hard_silu},
                                           {"log_sigmoid", log_sigmoid},
                                           {"sparse_sigmoid", sparse_sigmoid},
                                           {"tanh", tanh},
                                           {"hard_tanh", hard_tanh},
                                           {"softplus", softplus},
                                           {"squareplus", squareplus},
                                           {"sparse_plus", sparse_plus},
                                           {"softsign", softsign},
                                           {"hard_shrink", hard_shrink},
                                           {"soft_shrink", soft_shrink},
                                           {"tanh_shrink", tanh_shrink},
                                           {"exponential", exponential},
                                           {"softmax", softmax_of_last},
                                           {"log_softmax", log_softmax_of_last}};
  return known;
}

std::string name_of(Function function) {
  for (const Known& k : known_activations())
    if (k.function == function) return k.name;
  return {};
}

}  // namespace

const std::vector<std::string>& ActivationFn::names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Known& k : known_activations()) result.push_back(k.name);
    return result;
  }();
  return names;
}

ActivationFn::ActivationFn(std::string_view name) {
  for (const Known& k : known_activations()) {
    if (k.name != name) continue;
    *this = ActivationFn(k.function);
    return;
  }
  unknown_name("activation", name, names());
}

ActivationFn::ActivationFn(Tensor (*function)(const Operand&)) : function_(function), name_(name_of(function)) {}

ActivationFn::ActivationFn(Tensor (*function)(const Operand&, Dim))
    : function_([function](const Tensor& x) { return function(x, -1); }) {
  using OverAxis = Tensor (*)(const Operand&, Dim);
  name_ = function == static_cast<OverAxis>(softmax)       ? "softmax"
          : function == static_cast<OverAxis>(log_softmax) ? "log_softmax"
                                                           : "";
}

}  // namespace sinter

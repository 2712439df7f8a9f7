#pragma once
// What it takes to be an op. An op is one struct under ops/ and one entry in ops.h; printing, parsing, verification,
// autodiff dispatch, interpretation and code emission are folds over that list.

#include <array>
#include <concepts>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <sinter/ir/attributes.h>
#include <sinter/ir/export.h>
#include <sinter/ir/index_map.h>
#include <sinter/ir/type.h>

namespace sinter::ir {

/// The shapes of computation that the interpreter and the loop builder know.
enum class Form : std::uint8_t {
  source,     // no operand is computed on: input, state, constant; or generated from axis numbers (iota, rng_bits)
  pointwise,  // result[i] = scalar(a[i], b[i], ...)
  map,        // result[i] = scalar(a[map(i)], ...): movement; absent reads give the fill
  reduce,     // result[i] = combine over r of scalar(a[i, r])
  contract,   // result[i] = sum over r of a[map(i, r)] * b[map(i, r)]: one FMA chain per chunk
  scatter,    // result = first operand, then scalar(...) combined into computed places, in order
  prefix,     // running combine along an axis
  region,     // holds a body graph
  external,   // results = f(operands), by a function of the user's that nobody looks into
};
SINTER_API std::string_view to_string(Form form);

/// How the terms of a reduction are ordered (ir/README.md, "Order of sums").
enum class Order : std::uint8_t { chain, lanes };

/// One operator kind: an index into the op list.
enum class OpKind : std::uint8_t {};

/// How often a region op runs its body. Its operands are the first values of the carries, then the sequences, which
/// give each turn one slice along axis 0, then constants, which every turn sees whole. The body's inputs follow that
/// order; its outputs are the next values of the carries, then one slice of each stacked result.
struct Repetition {
  std::int64_t length = 1;
  std::size_t carries = 0;
  std::size_t sequences = 0;
  bool reverse = false;  // from the last slice to the first
};

class VjpContext;
class Expr;

/// Gradients of the operands, in order; an empty Expr means zero.
using Gradients = std::vector<Expr>;

/// The run-time view of an op's declaration, for code that needs no template.
struct OpInfo {
  OpKind kind{};
  std::string_view name;
  int arity = 0;  // -1: any number of operands
  Form form = Form::pointwise;
  bool differentiable = false;  // has a vjp
  bool zero_gradient = false;   // has none, because its gradient is zero everywhere (floor, stop_gradient)
  bool integer_result = false;  // results carry no gradient whatever their dtype
  bool reads_axes = false;      // scalar sees axis numbers
  bool foldable = true;         // may be evaluated at compile time when all operands are constants
  bool expensive = false;       // transcendental or long: worth keeping rather than computing twice
  bool divides = false;         // in the processor's divider: slow, but beside its other units
  int accumulators = 0;         // values carried by a reduction
  std::vector<std::string_view> attribute_names;

  std::vector<TensorType> (*infer)(const Attributes&, std::span<const TensorType>) = nullptr;
  Space (*space)(const Attributes&, std::span<const TensorType> operands) = nullptr;
  /// Fill of absent reads of a map (in the operand's dtype).
  double (*fill)(const Attributes&, DType) = nullptr;
  Order (*order)(const Attributes&, std::span<const TensorType> operands) = nullptr;
  Gradients (*vjp)(const VjpContext&) = nullptr;

  /// Of a region: how its body repeats; null when it runs once and operands and results are its own.
  Repetition (*repetition)(const Attributes&) = nullptr;
  bool linear =
      false;  // a sum of results is the result of summed operands (a map too, if it has one operand and fill 0)
  /// The sum over axis 0 of what the op makes of each slice of its operands, without stacking the results; null when
  /// the op has no such form.
  Expr (*stacked_sum)(const Attributes&, std::span<const Expr>) = nullptr;
};

/// The declaration behind a kind.
SINTER_API const OpInfo& info(OpKind kind);
/// The op spelled `name`, if there is one.
SINTER_API std::optional<OpKind> find_op(std::string_view name);
/// Every op, in list order.
SINTER_API std::span<const OpInfo> all_ops();

/// Every op struct has these members; a missing one is a compile error that names this concept.
template <class Op>
concept OpDefinition = requires(const Attributes& attributes, std::span<const TensorType> types, const VjpContext& context) {
  { Op::name } -> std::convertible_to<std::string_view>;
  { Op::arity } -> std::convertible_to<int>;
  { Op::form } -> std::convertible_to<Form>;
  typename Op::Attrs;
  { Op::Attrs::fields() };
  { Op::infer(std::declval<const typename Op::Attrs&>(), types) } -> std::same_as<std::vector<TensorType>>;
  { Op::space(std::declval<const typename Op::Attrs&>(), types) } -> std::same_as<Space>;
} && (requires(const VjpContext& c) { { Op::vjp(c) } -> std::same_as<Gradients>; } || requires { requires Op::not_differentiable; });

/// A list of op types.
template <class... Ops>
struct OpList {
  static constexpr std::size_t size = sizeof...(Ops);
  /// Calls f.template operator()<Op>() for each op, in order.
  template <class F>
  static void for_each(F f) {
    (f.template operator()<Ops>(), ...);
  }
};

}  // namespace sinter::ir

// The op table: one OpInfo per entry of AllOps, made by a fold.

#include <sinter/ir/ops.h>

#include <array>
#include <cmath>

namespace sinter::ir {

std::string_view to_string(Form form) {
  constexpr std::array<std::string_view, 9> names = {"source",  "pointwise", "map",    "reduce", "contract",
                                                     "scatter", "prefix",    "region", "extern"};
  return names[static_cast<std::size_t>(form)];
}

namespace {

template <class Op>
consteval bool flag_differentiable() {
  return !requires { requires Op::not_differentiable; };
}

template <OpDefinition Op>
OpInfo describe(OpKind kind) {
  using Attrs = typename Op::Attrs;
  OpInfo i;
  i.kind = kind;
  i.name = Op::name;
  i.arity = Op::arity;
  i.form = Op::form;
  i.differentiable = flag_differentiable<Op>();
  if constexpr (requires { Op::zero_gradient; }) i.zero_gradient = Op::zero_gradient;
  if constexpr (requires { Op::integer_result; }) i.integer_result = Op::integer_result;
  if constexpr (requires { Op::reads_axes; }) i.reads_axes = Op::reads_axes;
  if constexpr (requires { Op::foldable; }) i.foldable = Op::foldable;
  if constexpr (requires { Op::expensive; }) i.expensive = Op::expensive;
  if constexpr (requires { Op::divides; }) i.divides = Op::divides;
  if constexpr (requires { Op::accumulators; }) i.accumulators = Op::accumulators;
  std::apply([&](const auto&... f) { (i.attribute_names.push_back(f.name), ...); }, Attrs::fields());
  i.infer = [](const Attributes& a, Types types) { return Op::infer(unpack<Attrs>(a), types); };
  i.space = [](const Attributes& a, Types types) { return Op::space(unpack<Attrs>(a), types); };
  i.fill = [](const Attributes& a, DType dtype) -> double {
    if constexpr (requires(const Attrs& attrs) { Op::fill(attrs, dtype); })
      return Op::fill(unpack<Attrs>(a), dtype);
    else
      return static_cast<void>(a), static_cast<void>(dtype), 0.0;
  };
  if constexpr (requires(const Attrs& attrs, Types t) { Op::order(attrs, t); })
    i.order = [](const Attributes& a, Types types) { return Op::order(unpack<Attrs>(a), types); };
  if constexpr (requires(const Attrs& attrs) { Op::repetition(attrs); })
    i.repetition = [](const Attributes& a) { return Op::repetition(unpack<Attrs>(a)); };
  if constexpr (requires { Op::linear; }) i.linear = Op::linear;
  if constexpr (requires(const Attrs& attrs, std::span<const Expr> x) { Op::stacked_sum(attrs, x); })
    i.stacked_sum = [](const Attributes& a, std::span<const Expr> x) { return Op::stacked_sum(unpack<Attrs>(a), x); };
  if constexpr (flag_differentiable<Op>()) i.vjp = [](const VjpContext& c) { return Op::vjp(c); };
  return i;
}

template <class... Ops>
std::array<OpInfo, sizeof...(Ops)> make_table(OpList<Ops...>) {
  std::uint8_t next = 0;
  return {describe<Ops>(static_cast<OpKind>(next++))...};
}

const auto& table() {
  static const auto entries = make_table(AllOps{});
  return entries;
}

}  // namespace

const OpInfo& info(OpKind kind) { return table()[static_cast<std::size_t>(kind)]; }
std::span<const OpInfo> all_ops() { return table(); }

std::optional<OpKind> find_op(std::string_view name) {
  for (const OpInfo& i : table())
    if (i.name == name) return i.kind;
  return std::nullopt;
}

}  // namespace sinter::ir

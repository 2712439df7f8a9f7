#include <sinter/frontend/extern.h>

#include <algorithm>
#include <memory>

#include "broadcasting.h"

namespace sinter {

namespace {

/// The gradient of a result that nothing depends on is zero.
Tensor gradient_of(const ir::VjpContext& c, std::size_t result) {
  const ir::Expr gradient = c.grad(result);
  return Tensor(gradient ? gradient : ir::full_like(c.result(static_cast<std::uint32_t>(result)), 0.0));
}

ir::Gradients traced_vjp(const ir::VjpContext& c,
                         const std::function<Tensors(const Tensors&, const Tensors&, const Tensors&)>& vjp) {
  Tensors x, y, dy;
  for (std::size_t k = 0; k < c.operands(); ++k) x.emplace_back(c.operand(k));
  const std::size_t results = c.node().results.size();
  for (std::size_t r = 0; r < results; ++r) {
    y.emplace_back(c.result(static_cast<std::uint32_t>(r)));
    dy.push_back(gradient_of(c, r));
  }
  ir::Gradients gradients;
  for (const Tensor& g : vjp(x, y, dy)) gradients.push_back(g.empty() ? ir::Expr() : g.expr());
  return gradients;
}

}  // namespace

Extern::Extern(ExternOptions options) {
  auto function = std::make_shared<ir::ExternFunction>();
  function->name = std::move(options.name);
  function->address = options.function;
  function->linkable = options.linkable;
  function->results = [rule = std::move(options.results)](std::span<const TensorType> operands) {
    return rule ? rule({operands.begin(), operands.end()}) : std::vector<TensorType>{operands.front()};
  };
  if (options.vjp)
    function->vjp = [rule = std::move(options.vjp)](const ir::VjpContext& c) { return traced_vjp(c, rule); };
  ir::check_extern(*function);
  function_ = std::move(function);
}

Tensors Extern::call_many(const std::vector<Operand>& operands) const {
  const auto of_graph = std::ranges::find_if(operands, [](const Operand& o) { return o.graph() != nullptr; });
  ir::Graph& graph = of_graph == operands.end() ? detail::traced_graph(name()) : *of_graph->graph();
  const auto typed = std::ranges::find_if(operands, [](const Operand& o) { return o.dtype() != nullptr; });
  const DType dtype = typed == operands.end() ? DType::f32 : *typed->dtype();
  std::vector<ir::Expr> exprs;
  for (const Operand& o : operands) exprs.push_back(o.in(graph, dtype).expr());
  Tensors results;
  for (const ir::Expr& e : ir::extern_call(function_, exprs)) results.emplace_back(e);
  return results;
}

Tensor Extern::only_result(const std::vector<Operand>& operands) const {
  Tensors results = call_many(operands);
  if (results.size() != 1)
    user_error(detail::where(results.front(), "extern"), " '", name(), "' gives ", results.size(),
               " tensors; call_many({...}) returns all of them");
  return results.front();
}

}  // namespace sinter

// Tensor, Operand and the checked integers and lists that they are called with.

#include <sinter/frontend/array.h>
#include <sinter/frontend/tensor.h>
#include <sinter/frontend/variable.h>
#include <sinter/ir/ops/source.h>

#include <algorithm>
#include <cmath>

#include "broadcasting.h"
#include "trace.h"

namespace sinter {

Shape Dims::shape(std::string_view where) const {
  for (const std::int64_t d : values_)
    if (d < 0) user_error(where, ": a shape has no negative extents, got ", ir::to_string(std::span(values_)));
  return Shape(values_);
}

ir::Ints Axes::resolve(int rank, std::string_view where) const {
  ir::Ints axes = axes_;
  if (all_)
    for (int k = 0; k < rank; ++k) axes.push_back(k);
  for (std::int64_t& axis : axes) {
    if (axis < -rank || axis >= rank)
      user_error(where, ": axis ", axis, " is out of range for a tensor of rank ", rank, "; expected ", -rank, " to ",
                 rank - 1);
    if (axis < 0) axis += rank;
  }
  std::sort(axes.begin(), axes.end());
  if (const auto twice = std::adjacent_find(axes.begin(), axes.end()); twice != axes.end())
    user_error(where, ": axis ", *twice, " is named twice");
  return axes;
}

Tensor::Tensor(const ir::Expr& expr) : expr_(expr) {
  const detail::Trace* trace = detail::Trace::current();
  if (trace != nullptr && expr && &trace->graph() == &expr.graph()) trace_ = trace->number();
}

ir::Expr Tensor::expr() const {
  if (!expr_) user_error("an empty Tensor was used: it has to be assigned first");
  if (trace_ != 0 && !detail::Trace::is_live(trace_)) {
    const detail::Trace* now = detail::Trace::current();
    user_error(detail::where(now == nullptr ? nullptr : &now->graph(), "tensor"),
               ": a tensor of another tracing was used; a layer must not keep tensors between calls");
  }
  detail::Trace* body = detail::Trace::current();
  return body == nullptr ? expr_ : body->captured(expr_);
}

Tensor Tensor::logits() const {
  Tensor result;
  result.expr_ = logits_;
  result.trace_ = trace_;
  return result;
}

Tensor Tensor::mask() const {
  Tensor result;
  result.expr_ = mask_;
  result.trace_ = trace_;
  return result;
}

Tensor Tensor::with_mask(const Tensor& mask) const {
  Tensor result = *this;
  result.mask_ = {};
  if (mask.empty()) return result;
  const int rank = mask.rank();
  if (rank > this->rank() || !std::equal(mask.shape().begin(), mask.shape().end(), shape().begin()))
    user_error(detail::where(*this, "with_mask"), ": a mask has the first axes of its tensor; got a mask of shape ",
               mask.shape(), " for ", type());
  result.mask_ = (mask.dtype() == DType::i1 ? mask : not_equal(mask, 0)).expr();
  return result;
}

std::int64_t Tensor::dim(int axis) const {
  const std::int64_t resolved = Axes(axis).resolve(rank(), "dim")[0];
  return shape()[static_cast<int>(resolved)];
}

Tensor Tensor::with_logits(Probabilities kind, const Tensor& logits) const {
  Tensor result = *this;
  result.logits_ = logits.expr();
  result.probabilities_ = kind;
  return result;
}

Operand::Operand(const Variable& variable) : value_(variable.tensor()) {}
Operand::Operand(const Array& array) : value_(array.to_data()) {}

ir::Graph* Operand::graph() const {
  const auto* tensor = std::get_if<Tensor>(&value_);
  return tensor == nullptr ? nullptr : &tensor->graph();
}

const DType* Operand::dtype() const {
  if (const auto* tensor = std::get_if<Tensor>(&value_)) return &tensor->type().dtype;
  if (const auto* data = std::get_if<ir::TensorData>(&value_)) return &data->type.dtype;
  return nullptr;
}

namespace {

/// A number in an integer dtype must be that integer.
void check_fits(double value, DType dtype, const ir::Graph& graph) {
  if (ir::is_float(dtype)) return;
  const int bits = ir::bit_width(dtype);
  const double low = ir::is_signed_integer(dtype) ? -std::ldexp(1.0, bits - 1) : 0.0;
  const double high = std::ldexp(1.0, ir::is_signed_integer(dtype) ? bits - 1 : bits);
  if (value == std::floor(value) && value >= low && value < high) return;
  user_error(detail::where(&graph, "number"), ": ", value, " is no value of ", dtype,
             ", the dtype of the tensor beside it; use cast(x, DType::f32) first");
}

}  // namespace

Tensor Operand::in(ir::Graph& graph, DType dtype) const {
  if (const auto* tensor = std::get_if<Tensor>(&value_)) {
    if (&tensor->graph() != &graph)
      user_error(detail::where(&graph, "tensor"),
                 ": tensors of two graphs meet; each belongs to the model or step it was made in");
    return *tensor;
  }
  if (const auto* data = std::get_if<ir::TensorData>(&value_)) return Tensor(ir::constant(graph, *data));
  const double value = std::get<double>(value_);
  check_fits(value, dtype, graph);
  return Tensor(ir::constant(graph, dtype, value));
}

Tensor Operand::tensor() const {
  if (const auto* tensor = std::get_if<Tensor>(&value_)) {
    (void)tensor->expr();
    return *tensor;
  }
  return in(detail::traced_graph("number"));
}

std::pair<Tensor, Tensor> unify(std::string_view function, const Operand& a, const Operand& b) {
  ir::Graph* graph = a.graph() != nullptr ? a.graph() : b.graph();
  if (graph == nullptr) graph = &detail::traced_graph(function);
  const DType* dtype = a.dtype() != nullptr ? a.dtype() : b.dtype();
  const DType chosen = dtype != nullptr ? *dtype : DType::f32;
  std::pair<Tensor, Tensor> result{a.in(*graph, chosen), b.in(*graph, chosen)};
  const DType common = ir::is_float(result.first.dtype()) ? result.first.dtype() : result.second.dtype();
  if (result.first.dtype() != result.second.dtype())
    user_error(detail::where(graph, function), ": operands have different dtypes: ", result.first.type(), " and ",
               result.second.type(), "; bring them to one with cast(x, DType::", common, ")");
  return result;
}

Tensor tap(const Tensor& x, const std::string& name) {
  if (detail::Trace* trace = detail::Trace::current()) trace->add_tap(name, x);
  return x;
}

namespace detail {

ir::Graph& traced_graph(std::string_view function) {
  Trace* trace = Trace::current();
  if (trace == nullptr)
    user_error(
        function,
        ": no operand belongs to a graph; numbers, arrays and variables alone can be combined only inside a layer's "
        "call(), where the graph is known");
  return trace->graph();
}

std::string where(const ir::Graph* graph, std::string_view function) {
  if (graph == nullptr || graph->path().empty()) return std::string(function);
  return str(graph->path(), ": ", function);
}

}  // namespace detail
}  // namespace sinter

#include "reference/reference.h"

#include <cmath>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

namespace sinter::reference {

Tensor Tensor::from(const ir::TensorData& data) {
  Tensor t{data.type, {}};
  const std::int64_t bytes = ir::size_of(data.type.dtype);
  for (std::int64_t k = 0; k < data.type.elements(); ++k)
    t.cells.push_back(decode(data.type.dtype, data.bytes->data() + k * bytes));
  return t;
}

Tensor Tensor::filled(const ir::TensorType& type, const Cell& cell) {
  return {type, std::vector<Cell>(static_cast<std::size_t>(type.elements()), cell)};
}

const Cell* Tensor::at(const ir::Ints& index) const {
  std::int64_t flat = 0;
  for (std::size_t k = 0; k < index.size(); ++k) {
    const std::int64_t extent = type.shape.ints()[k];
    if (index[k] < 0 || index[k] >= extent) return nullptr;
    flat = flat * extent + index[k];
  }
  return &cells[static_cast<std::size_t>(flat)];
}

Cell* Tensor::at(const ir::Ints& index) { return const_cast<Cell*>(std::as_const(*this).at(index)); }

const std::vector<Definition>& definitions() {
  static const std::vector<Definition> all = [] {
    std::vector<Definition> joined;
    for (const auto family : {source_definitions, elementwise_definitions, movement_definitions, reduction_definitions,
                              contraction_definitions, window_definitions, external_definitions})
      for (const Definition& d : family()) joined.push_back(d);
    return joined;
  }();
  return all;
}

const Definition* find_definition(std::string_view op) {
  for (const Definition& d : definitions())
    if (d.op == op) return &d;
  return nullptr;
}

std::vector<std::string> undefined_ops() {
  std::vector<std::string> missing;
  for (const ir::OpInfo& op : ir::all_ops())
    if (op.form != ir::Form::region && find_definition(op.name) == nullptr) missing.emplace_back(op.name);
  return missing;
}

namespace {

std::vector<Cell> cells_at(std::span<const Tensor> operands, std::size_t k) {
  std::vector<Cell> cells;
  for (const Tensor& t : operands)
    if (k < t.cells.size()) cells.push_back(t.cells[k]);
  return cells;
}

}  // namespace

std::string difference(const ir::Node& node, std::span<const Tensor> operands, std::span<const Tensor> got) {
  const std::string_view name = ir::info(node.kind).name;
  const Definition* definition = find_definition(name);
  if (definition == nullptr) return str(name, ": no definition");
  const std::vector<Tensor> expected = definition->evaluate(node, operands);
  if (expected.size() != got.size()) return str(name, ": ", got.size(), " results, expected ", expected.size());
  for (std::size_t r = 0; r < got.size(); ++r) {
    if (expected[r].type != got[r].type) return str(name, ": type ", got[r].type, ", expected ", expected[r].type);
    const DType dtype = got[r].type.dtype;
    for (std::size_t k = 0; k < got[r].cells.size(); ++k) {
      const Cell& want = expected[r].cells[k];
      const Cell& have = got[r].cells[k];
      const std::vector<Cell> at = cells_at(operands, k);
      if (definition->accept == nullptr ? same(dtype, want, have) : definition->accept(dtype, at, want, have)) continue;
      std::string message = str(name, " ", got[r].type, " element ", k, ": got ", show(dtype, have), ", expected ",
                                show(dtype, want), " from");
      for (std::size_t j = 0; j < at.size(); ++j) message += " " + show(operands[j].type.dtype, at[j]);
      return message;
    }
  }
  return {};
}

}  // namespace sinter::reference

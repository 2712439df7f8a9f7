#pragma once
// A plain definition of every op, independent of the op's `scalar` and `space` and of the interpreter: loops over
// elements and the C++ library's functions. Slow and obvious. The interpreter must give the same bits, or, for the
// transcendental functions, come as near as the definition states.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/attributes.h>
#include <sinter/ir/graph.h>

#include "reference/dtype.h"

namespace sinter::reference {

/// Elements in row-major order.
struct Tensor {
  ir::TensorType type;
  std::vector<Cell> cells;

  static Tensor from(const ir::TensorData& data);
  static Tensor filled(const ir::TensorType& type, const Cell& cell);
  /// The element at `index`, or nullptr outside.
  const Cell* at(const ir::Ints& index) const;
  Cell* at(const ir::Ints& index);
};

/// The results of one node. Of `input` and `state` the bound contents are the one operand.
using Evaluate = std::vector<Tensor> (*)(const ir::Node& node, std::span<const Tensor> operands);
/// Whether `got` is near enough to `expected`; `operands` are the operands' elements at the same place.
using Accept = bool (*)(DType dtype, std::span<const Cell> operands, const Cell& expected, const Cell& got);

struct Definition {
  std::string_view op;
  Evaluate evaluate = nullptr;
  Accept accept = nullptr;  // null: the same bits
};

/// Every definition we have. Region ops have none: they are their bodies.
const std::vector<Definition>& definitions();
const Definition* find_definition(std::string_view op);
/// Ops of `all_ops()` without a definition.
std::vector<std::string> undefined_ops();

/// Empty when `got` are acceptable results of `node` on `operands`; else says which element differs, and how.
std::string difference(const ir::Node& node, std::span<const Tensor> operands, std::span<const Tensor> got);

/// Calls visit(index) for every index of `shape`, in row-major order.
template <class Visit>
void for_each_index(const ir::Ints& shape, Visit visit) {
  for (const std::int64_t extent : shape)
    if (extent == 0) return;
  ir::Ints index(shape.size(), 0);
  while (true) {
    visit(std::as_const(index));
    std::size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

std::vector<Definition> source_definitions();
std::vector<Definition> elementwise_definitions();
std::vector<Definition> movement_definitions();
std::vector<Definition> reduction_definitions();
std::vector<Definition> contraction_definitions();
std::vector<Definition> window_definitions();
std::vector<Definition> external_definitions();

/// a * b + c, rounded once.
Cell multiply_add(DType dtype, const Cell& a, const Cell& b, const Cell& c);

}  // namespace sinter::reference

// References of the ops that move elements.

#include <cmath>

#include <sinter/ir/ops.h>

#include "reference/reference.h"

namespace sinter::reference {

namespace {

using ir::Ints;

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

/// The result of type `type` whose element at `index` is source(index).
template <class Source>
std::vector<Tensor> build(const ir::TensorType& type, Source source) {
  Tensor t{type, {}};
  for_each_index(type.shape.ints(), [&](const Ints& index) { t.cells.push_back(source(index)); });
  return {t};
}

std::vector<Tensor> broadcast(const ir::Node& node, std::span<const Tensor> x) {
  const auto a = ir::unpack<ir::Broadcast::Attrs>(node.attributes);
  return build({x[0].type.dtype, a.shape}, [&](const Ints& index) {
    Ints from;
    for (const std::int64_t axis : a.dims) from.push_back(index[at(axis)]);
    return *x[0].at(from);
  });
}

std::vector<Tensor> reshape(const ir::Node& node, std::span<const Tensor> x) {
  Tensor t = x[0];
  t.type.shape = ir::unpack<ir::Reshape::Attrs>(node.attributes).shape;
  return {t};
}

std::vector<Tensor> transpose(const ir::Node& node, std::span<const Tensor> x) {
  const Ints permutation = ir::unpack<ir::Transpose::Attrs>(node.attributes).permutation;
  Ints shape;
  for (const std::int64_t axis : permutation) shape.push_back(x[0].type.shape.ints()[at(axis)]);
  return build({x[0].type.dtype, ir::Shape(shape)}, [&](const Ints& index) {
    Ints from(index.size());
    for (std::size_t k = 0; k < index.size(); ++k) from[at(permutation[k])] = index[k];
    return *x[0].at(from);
  });
}

std::vector<Tensor> reverse(const ir::Node& node, std::span<const Tensor> x) {
  const Ints axes = ir::unpack<ir::Reverse::Attrs>(node.attributes).axes;
  return build(x[0].type, [&](Ints index) {
    for (const std::int64_t axis : axes) index[at(axis)] = x[0].type.shape.ints()[at(axis)] - 1 - index[at(axis)];
    return *x[0].at(index);
  });
}

std::vector<Tensor> slice(const ir::Node& node, std::span<const Tensor> x) {
  const auto a = ir::unpack<ir::Slice::Attrs>(node.attributes);
  Ints shape;
  for (std::size_t k = 0; k < a.start.size(); ++k) {
    std::int64_t count = 0;
    for (std::int64_t p = a.start[k]; p < a.limit[k]; p += a.stride[k]) ++count;
    shape.push_back(count);
  }
  return build({x[0].type.dtype, ir::Shape(shape)}, [&](Ints index) {
    for (std::size_t k = 0; k < index.size(); ++k) index[k] = a.start[k] + index[k] * a.stride[k];
    return *x[0].at(index);
  });
}

/// Writes each element of the operand to its place.
std::vector<Tensor> pad(const ir::Node& node, std::span<const Tensor> x) {
  const auto a = ir::unpack<ir::Pad::Attrs>(node.attributes);
  Ints shape;
  for (std::size_t k = 0; k < a.low.size(); ++k) {
    const std::int64_t n = x[0].type.shape.ints()[k];
    shape.push_back(a.low[k] + a.high[k] + n + (n > 0 ? (n - 1) * a.interior[k] : 0));
  }
  const DType dtype = x[0].type.dtype;
  Tensor t = Tensor::filled({dtype, ir::Shape(shape)}, element(dtype, a.value));
  std::size_t next = 0;
  for_each_index(x[0].type.shape.ints(), [&](Ints index) {
    for (std::size_t k = 0; k < index.size(); ++k) index[k] = a.low[k] + index[k] * (a.interior[k] + 1);
    if (Cell* place = t.at(index)) *place = x[0].cells[next];
    ++next;
  });
  return {t};
}

std::vector<Tensor> concat(const ir::Node& node, std::span<const Tensor> x) {
  const std::size_t axis = at(ir::unpack<ir::Concat::Attrs>(node.attributes).axis);
  Ints shape = x[0].type.shape.ints();
  shape[axis] = 0;
  for (const Tensor& part : x) shape[axis] += part.type.shape.ints()[axis];
  return build({x[0].type.dtype, ir::Shape(shape)}, [&](Ints index) {
    std::size_t part = 0;
    while (index[axis] >= x[part].type.shape.ints()[axis]) index[axis] -= x[part++].type.shape.ints()[axis];
    return *x[part].at(index);
  });
}

/// False when a + b leaves the operand whatever its size.
bool shift(std::int64_t& position, std::int64_t by) { return !__builtin_add_overflow(position, by, &position); }

std::vector<Tensor> dynamic_slice(const ir::Node& node, std::span<const Tensor> x) {
  const auto a = ir::unpack<ir::DynamicSlice::Attrs>(node.attributes);
  return build({x[0].type.dtype, a.shape}, [&](Ints index) {
    for (std::size_t k = 0; k < index.size(); ++k)
      if (!shift(index[k], x[k + 1].cells[0].integer)) return Cell{};
    const Cell* from = x[0].at(index);
    return from == nullptr ? Cell{} : *from;
  });
}

std::vector<Tensor> dynamic_update(const ir::Node&, std::span<const Tensor> x) {
  Tensor t = x[0];
  std::size_t next = 0;
  for_each_index(x[1].type.shape.ints(), [&](Ints index) {
    const Cell& update = x[1].cells[next++];
    for (std::size_t k = 0; k < index.size(); ++k)
      if (!shift(index[k], x[k + 2].cells[0].integer)) return;
    if (Cell* place = t.at(index)) *place = update;
  });
  return {t};
}

Ints gathered_shape(const Tensor& x, const Tensor& indices, std::size_t axis) {
  Ints shape;
  for (std::size_t k = 0; k < at(x.type.rank()); ++k) {
    if (k != axis) shape.push_back(x.type.shape.ints()[k]);
    if (k == axis) shape.insert(shape.end(), indices.type.shape.begin(), indices.type.shape.end());
  }
  return shape;
}

/// Where in x the element `index` of the gathered shape lies.
Ints gathered_from(const Ints& index, const Tensor& indices, std::size_t axis) {
  const auto first = index.begin() + static_cast<std::ptrdiff_t>(axis);
  const auto last = first + indices.type.rank();
  Ints from(index.begin(), first);
  from.push_back(indices.at(Ints(first, last))->integer);
  from.insert(from.end(), last, index.end());
  return from;
}

std::vector<Tensor> gather(const ir::Node& node, std::span<const Tensor> x) {
  const std::size_t axis = at(ir::unpack<ir::Gather::Attrs>(node.attributes).axis);
  const DType dtype = x[0].type.dtype;
  return build({dtype, ir::Shape(gathered_shape(x[0], x[1], axis))}, [&](const Ints& index) {
    const Cell* from = x[0].at(gathered_from(index, x[1], axis));
    if (from != nullptr) return *from;
    return ir::is_float(dtype) ? Cell{NAN, 0} : Cell{};
  });
}

std::vector<Tensor> scatter_add(const ir::Node& node, std::span<const Tensor> x) {
  const std::size_t axis = at(ir::unpack<ir::ScatterAdd::Attrs>(node.attributes).axis);
  const DType dtype = x[0].type.dtype;
  Tensor t = x[0];
  std::size_t next = 0;
  for_each_index(x[2].type.shape.ints(), [&](const Ints& index) {
    const Cell& update = x[2].cells[next++];
    Cell* place = t.at(gathered_from(index, x[1], axis));
    if (place == nullptr) return;
    place->integer =
        ir::is_float(dtype)
            ? 0
            : wrap(dtype, static_cast<std::uint64_t>(place->integer) + static_cast<std::uint64_t>(update.integer));
    if (ir::is_float(dtype)) place->real = round_to(dtype, flush(dtype, place->real) + flush(dtype, update.real));
  });
  return {t};
}

}  // namespace

std::vector<Definition> movement_definitions() {
  return {{"broadcast", broadcast},
          {"reshape", reshape},
          {"transpose", transpose},
          {"reverse", reverse},
          {"slice", slice},
          {"pad", pad},
          {"concat", concat},
          {"dynamic_slice", dynamic_slice},
          {"dynamic_update", dynamic_update},
          {"gather", gather},
          {"scatter_add", scatter_add}};
}

}  // namespace sinter::reference

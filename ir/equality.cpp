// Equality of graphs and programs: what the text form shows, floats by their bits (so that NaN equals NaN and 0 differs
// from -0).

#include <algorithm>
#include <bit>

#include <sinter/ir/extern.h>
#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

namespace {

bool same_value(const AttributeValue& a, const AttributeValue& b) {
  const auto* x = std::get_if<double>(&a);
  const auto* y = std::get_if<double>(&b);
  if (x == nullptr || y == nullptr) return a == b;
  return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
}

bool same_attributes(const Attributes& a, const Attributes& b) {
  return std::ranges::equal(a.items(), b.items(), [](const Attribute& x, const Attribute& y) {
    return x.name == y.name && same_value(x.value, y.value);
  });
}

bool same_body(const std::shared_ptr<const Graph>& a, const std::shared_ptr<const Graph>& b) {
  return a == b || (a && b && *a == *b);
}

/// A text holds no functions, so that what was read from one equals what was printed.
bool same_callee(const ExternPointer& a, const ExternPointer& b) {
  return a == nullptr || b == nullptr || a->address == b->address;
}

bool same_node(const Node& a, const Node& b) {
  return a.kind == b.kind && same_attributes(a.attributes, b.attributes) && a.operands == b.operands &&
         a.results == b.results && a.path == b.path && same_body(a.body, b.body) && same_callee(a.callee, b.callee);
}

bool same_buffer(const Buffer& a, const Buffer& b) {
  return a.kind == b.kind && a.name == b.name && a.type == b.type && a.offset == b.offset && a.of == b.of &&
         a.stride == b.stride && a.depth == b.depth && (a.kind != BufferKind::constant || a.data == b.data);
}

bool same_items(const std::vector<Item>& a, const std::vector<Item>& b);

bool same_item(const Kernel& a, const Kernel& b) {
  return a.name == b.name && a.note == b.note && same_body(a.body, b.body) && a.inputs == b.inputs &&
         a.outputs == b.outputs && a.schedule == b.schedule && a.ahead == b.ahead;
}
bool same_item(const Barrier&, const Barrier&) { return true; }
bool same_item(const Strips& a, const Strips& b) {
  return a.count == b.count &&
         std::ranges::equal(a.kernels, b.kernels, [](const Kernel& x, const Kernel& y) { return same_item(x, y); });
}
bool same_item(const std::shared_ptr<const Loop>& a, const std::shared_ptr<const Loop>& b) {
  return a->count == b->count && same_items(a->items, b->items);
}

bool same_items(const std::vector<Item>& a, const std::vector<Item>& b) {
  return std::ranges::equal(a, b, [](const Item& x, const Item& y) {
    return x.index() == y.index() &&
           std::visit([&]<class T>(const T& item) { return same_item(item, std::get<T>(y)); }, x);
  });
}

}  // namespace

bool same_nodes(const Graph& a, const Graph& b) { return std::ranges::equal(a.nodes(), b.nodes(), same_node); }

bool operator==(const Graph& a, const Graph& b) {
  return a.name() == b.name() && same_nodes(a, b) && a.outputs() == b.outputs() && a.updates() == b.updates();
}

bool operator==(const Program& a, const Program& b) {
  return a.name == b.name && std::ranges::equal(a.buffers, b.buffers, same_buffer) && same_items(a.items, b.items) &&
         a.arena_bytes == b.arena_bytes && a.arena_lower_bound == b.arena_lower_bound;
}

}  // namespace sinter::ir

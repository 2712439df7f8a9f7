#include <sinter/ir/extern.h>

#include <algorithm>
#include <cstring>

#include <sinter/ir/error.h>
#include <sinter/ir/memory.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>

namespace sinter::ir {

namespace {

std::string symbol_of(const Node& node) { return unpack<Extern::Attrs>(node.attributes).symbol; }

/// "sequential/lambda: extern 'saturate'": where something is wrong.
std::string place_of(const std::string& path, const std::string& name) {
  return str(where(path, Extern::name), " '", name, "'");
}
std::string place_of(const Node& node) { return place_of(node.path, symbol_of(node)); }

constexpr const char* how_to_bind =
    "; ir::bind_externs(graph, functions) binds functions to a graph that was read from a text, the option --externs "
    "of "
    "the tool `sinter` those of a shared library";

void expect_bound(const Node& node) {
  if (node.callee == nullptr) user_error(place_of(node), ": no function of that name is registered", how_to_bind);
}

std::string list_text(std::span<const TensorType> types) {
  std::string text;
  for (const TensorType& type : types) text += str(text.empty() ? "" : ", ", type);
  return "(" + text + ")";
}

std::vector<TensorType> results_for(const ExternFunction& function, std::span<const TensorType> operands) {
  if (!function.results) return {operands.front()};
  std::vector<TensorType> results = function.results(operands);
  if (results.empty()) user_error("its rule gives no results for operands ", list_text(operands));
  return results;
}

}  // namespace

bool is_c_name(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || is_digit(c); });
}

void check_extern(const ExternFunction& function) {
  if (!is_c_name(function.name))
    user_error("extern: expected a name that C takes, letters, digits and underscores, got '", function.name, "'");
  if (function.address == nullptr) user_error("extern '", function.name, "': its function is null");
}

std::vector<TensorType> extern_results(const Node& node, std::span<const TensorType> operands) {
  const std::string symbol = symbol_of(node);
  if (!is_c_name(symbol)) user_error("expected a symbol that C takes as a name, got '", symbol, "'");
  if (node.results.empty()) user_error("expected the types of the results of '", symbol, "', as in ': f32[2,3]'");
  if (node.callee == nullptr) return node.results;
  if (node.callee->name != symbol) user_error("the function of '", symbol, "' calls itself '", node.callee->name, "'");
  if (!node.callee->results) return node.results;  // only the node knows
  if (const std::vector<TensorType> results = results_for(*node.callee, operands); results != node.results)
    user_error("'", symbol, "' gives ", list_text(results), " for operands ", list_text(operands), ", not ",
               list_text(node.results));
  return node.results;
}

std::vector<Expr> extern_call(const ExternPointer& function, std::span<const Expr> operands) {
  check(function != nullptr, "extern_call: the function is null");
  check_extern(*function);
  if (operands.empty()) user_error("extern '", function->name, "': expected at least one operand");
  Graph& graph = operands.front().graph();
  Node node;
  node.kind = kind_of<Extern>();
  node.attributes = pack(Extern::Attrs{function->name});
  node.path = graph.path();
  node.callee = function;
  std::vector<TensorType> types;
  for (const Expr& operand : operands) {
    if (&operand.graph() != &graph) user_error(place_of(node), ": operands belong to different graphs");
    node.operands.push_back(operand.value());
    types.push_back(operand.type());
  }
  try {
    node.results = results_for(*function, types);
  } catch (const UserError& e) {
    throw UserError(place_of(node) + ": " + e.what());
  }
  const NodeId id = graph.add_unchecked(std::move(node));
  std::vector<Expr> results;
  for (std::uint32_t r = 0; r < graph.node(id).results.size(); ++r) results.emplace_back(graph, Value{id, r});
  return results;
}

Gradients Extern::vjp(const VjpContext& c) {
  expect_bound(c.node());
  const ExternPointer function = c.node().callee;
  const std::string place = place_of(c.node());
  if (!function->vjp)
    user_error(place,
               " has no vjp, but the loss depends on parameters through it; register it with one, or wrap its operands "
               "in stop_gradient to treat it as a constant");
  const std::vector<Value> operands = c.node().operands;
  Gradients gradients = function->vjp(c);
  if (gradients.size() != operands.size())
    user_error(place, ": its vjp gives ", gradients.size(), " gradients for ", operands.size(),
               " operands; expected one each, an empty one where it is zero");
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    if (!gradients[k] || !c.wants(k)) continue;
    if (&gradients[k].graph() != &c.graph()) user_error(place, ": gradient ", k, " belongs to another graph");
    if (const TensorType& type = c.graph().type(operands[k]); gradients[k].type() != type)
      user_error(place, ": its vjp gives a gradient of type ", gradients[k].type(), " for operand ", k, " of type ",
                 type);
  }
  return gradients;
}

// ---- Binding ----

namespace {

std::map<std::string, ExternPointer, std::less<>> by_name(std::span<const ExternPointer> functions) {
  std::map<std::string, ExternPointer, std::less<>> known;
  for (const ExternPointer& function : functions) {
    const auto [at, fresh] = known.emplace(function->name, function);
    check_extern(*function);
    if (!fresh && at->second->address != function->address)
      user_error("bind_externs: two functions are named '", function->name, "'");
  }
  return known;
}

using Functions = std::map<std::string, ExternPointer, std::less<>>;

bool calls_extern(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [](const Node& n) {
    return n.kind == kind_of<Extern>() || (n.body != nullptr && calls_extern(*n.body));
  });
}

Graph bound(const Graph& graph, const Functions& functions) {
  Graph result(graph.name());
  for (Node node : graph.nodes()) {
    if (node.body != nullptr && calls_extern(*node.body))
      node.body = std::make_shared<const Graph>(bound(*node.body, functions));
    if (node.kind == kind_of<Extern>()) {
      if (const auto found = functions.find(symbol_of(node)); found != functions.end()) node.callee = found->second;
      try {
        extern_results(node, operand_types(graph, node));
      } catch (const UserError& e) {
        throw UserError(where(node.path, Extern::name) + ": " + e.what());
      }
    }
    result.add_unchecked(std::move(node));
  }
  for (const Output& o : graph.outputs()) result.add_output(o.name, o.value);
  for (const Update& u : graph.updates()) result.set_update(u.state, u.value);
  result.set_path(graph.path());
  return result;
}

std::vector<Item> bound(const std::vector<Item>& items, const Functions& functions) {
  std::vector<Item> result = items;
  for (Item& item : result) {
    if (auto* kernel = std::get_if<Kernel>(&item)) {
      kernel->body = std::make_shared<const Graph>(bound(*kernel->body, functions));
    } else if (auto* strips = std::get_if<Strips>(&item)) {
      for (Kernel& k : strips->kernels) k.body = std::make_shared<const Graph>(bound(*k.body, functions));
    } else if (const auto* loop = std::get_if<std::shared_ptr<const Loop>>(&item)) {
      item = std::make_shared<const Loop>(Loop{(*loop)->count, bound((*loop)->items, functions)});
    }
  }
  return result;
}

void collect(const Graph& graph, std::vector<ExternCall>& calls) {
  for (const Node& node : graph.nodes()) {
    if (node.body) collect(*node.body, calls);
    if (node.kind == kind_of<Extern>())
      calls.push_back({symbol_of(node), node.path, operand_types(graph, node), node.results, node.callee});
  }
}

}  // namespace

Graph bind_externs(const Graph& graph, std::span<const ExternPointer> functions) {
  return bound(graph, by_name(functions));
}

Program bind_externs(const Program& program, std::span<const ExternPointer> functions) {
  Program result = program;
  result.items = bound(program.items, by_name(functions));
  return result;
}

std::vector<ExternCall> extern_calls(const Graph& graph) {
  std::vector<ExternCall> calls;
  collect(graph, calls);
  return calls;
}

std::vector<ExternCall> extern_calls(const Program& program) {
  std::vector<ExternCall> calls;
  for_each_kernel(program.items, [&](const Kernel& kernel) { collect(*kernel.body, calls); });
  return calls;
}

std::map<std::string, ExternPointer> bound_externs(std::span<const ExternCall> calls) {
  std::map<std::string, ExternPointer> functions;
  std::map<std::string, std::string> first_path;
  for (const ExternCall& call : calls) {
    const std::string place = place_of(call.path, call.name);
    if (call.function == nullptr) user_error(place, ": no function of that name is registered", how_to_bind);
    const auto [at, fresh] = functions.emplace(call.name, call.function);
    if (fresh) first_path[call.name] = place;
    if (at->second->address != call.function->address)
      user_error(place, " is another function than ", first_path.at(call.name), "; give each a name of its own");
  }
  return functions;
}

// ---- The interpreter's call ----

namespace {

constexpr auto guard = static_cast<std::int64_t>(memory_alignment);  // bytes in front of a tensor and behind it
constexpr std::byte guard_byte{0xA5};

/// Memory of one tensor between two guards.
class Guarded {
 public:
  Guarded(std::int64_t bytes, std::byte fill) : bytes_(bytes), memory_(allocate_aligned(bytes + 2 * guard)) {
    std::fill_n(memory_.get(), bytes + 2 * guard, guard_byte);
    std::fill_n(data(), bytes, fill);
  }
  explicit Guarded(const TensorData& contents) : Guarded(contents.type.bytes(), std::byte{0}) {
    std::ranges::copy(*contents.bytes, data());
  }
  std::byte* data() const { return memory_.get() + guard; }
  bool is_intact() const {
    const auto is_guard = [](std::byte b) { return b == guard_byte; };
    return std::all_of(memory_.get(), data(), is_guard) &&
           std::all_of(data() + bytes_, data() + bytes_ + guard, is_guard);
  }
  bool holds(const TensorData& contents) const {
    return std::equal(contents.bytes->begin(), contents.bytes->end(), data());
  }

 private:
  std::int64_t bytes_;
  AlignedBytes memory_;
};

/// One call on copies of the operands; results begin with every byte `fill`.
std::vector<TensorData> call_once(const Node& node, std::span<const TensorData> operands, std::byte fill) {
  std::vector<Guarded> in, out;
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  std::vector<sinter_shape> shapes;
  const auto add_shape = [&](const TensorType& type) {
    shapes.push_back({type.elements(), type.rank(), type.shape.ints().data()});
  };
  for (const TensorData& operand : operands) {
    inputs.push_back(in.emplace_back(operand).data());
    add_shape(operand.type);
  }
  for (const TensorType& type : node.results) {
    outputs.push_back(out.emplace_back(type.bytes(), fill).data());
    add_shape(type);
  }
  node.callee->address(inputs.data(), outputs.data(), shapes.data());
  for (std::size_t k = 0; k < in.size(); ++k)
    if (!in[k].is_intact() || !in[k].holds(operands[k]))
      user_error(place_of(node), " writes to operand ", k, " of type ", operands[k].type, "; it may only read it");
  std::vector<TensorData> results;
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (!out[k].is_intact()) user_error(place_of(node), " writes outside of result ", k, " of type ", node.results[k]);
    results.push_back(TensorData::copy(node.results[k], out[k].data()));
  }
  return results;
}

}  // namespace

std::vector<TensorData> call_extern(const Node& node, std::span<const TensorData> operands) {
  expect_bound(node);
  const std::vector<TensorData> results = call_once(node, operands, std::byte{0xFF});
  const std::vector<TensorData> again = call_once(node, operands, std::byte{0x5A});
  for (std::size_t k = 0; k < results.size(); ++k)
    if (!(results[k] == again[k]))
      user_error(place_of(node), " gives other bits for result ", k, " of type ", node.results[k],
                 " when it is called again; it has to write every element, and the same for the same operands");
  return results;
}

}  // namespace sinter::ir

// From a graph whose nodes are kernels to a program: order, buffers, memory plan, barriers, loop schedules.

#include "lower.h"

#include <algorithm>
#include <map>

#include <sinter/ir/error.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/ops.h>
#include <sinter/passes/memory_plan.h>
#include <sinter/passes/schedule_order.h>

#include "anti_dependence.h"
#include "loop_schedule.h"

namespace sinter::passes {

using ir::Buffer;
using ir::BufferId;
using ir::BufferKind;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Program;
using ir::Value;

namespace {

/// A body that copies its input.
Graph copy_body(const ir::TensorType& type) {
  Graph body;
  body.add_output("r0", ir::input(body, "p0", type).value());
  return body;
}

class Lowering {
 public:
  Lowering(const Graph& graph, const ir::Target& target)
      : graph_(graph), target_(target), storage_(graph), order_(order_nodes(graph)) {
    program_.name = graph.name();
  }

  Program run() {
    make_bound_buffers();
    choose_homes();
    for (const NodeId id : order_.nodes)
      if (!is_bound(graph_.node(id)) && !storage_.is_view(id)) add_kernel(id);
    copy_outputs();
    copy_states();
    place_arena();
    add_barriers();
    return std::move(program_);
  }

 private:
  BufferId add_buffer(BufferKind kind, std::string name, ir::TensorType type, ir::TensorData data = {}) {
    program_.buffers.push_back({kind, std::move(name), std::move(type), 0, std::move(data)});
    return static_cast<BufferId>(program_.buffers.size() - 1);
  }

  /// Inputs, states, outputs, constants: the signature first, in the graph's order.
  void make_bound_buffers() {
    for (const NodeId id : graph_.inputs())
      home_[{id, 0}] = add_buffer(BufferKind::input, name_of(graph_.node(id)), graph_.type({id, 0}));
    for (const NodeId id : graph_.states())
      home_[{id, 0}] = add_buffer(BufferKind::state, name_of(graph_.node(id)), graph_.type({id, 0}));
    for (const ir::Output& o : graph_.outputs())
      outputs_.push_back(add_buffer(BufferKind::output, o.name, graph_.type(o.value)));
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (graph_.node(id).kind == ir::kind_of<ir::Constant>())
        home_[{id, 0}] = add_buffer(BufferKind::constant, "", graph_.type({id, 0}),
                                    ir::unpack<ir::Constant::Attrs>(graph_.node(id).attributes).value);
  }

  bool is_copied(NodeId state) const {
    return std::count(order_.copied_states.begin(), order_.copied_states.end(), state) > 0;
  }

  /// New values go straight into their state or output where they may.
  void choose_homes() {
    for (const ir::Update& u : graph_.updates()) {
      const Value made = storage_.of(u.value);
      if (!is_copied(u.state) && made.node != u.state) home_[made] = home_.at({u.state, 0});
    }
    for (std::size_t k = 0; k < outputs_.size(); ++k)
      home_.try_emplace(storage_.of(graph_.outputs()[k].value), outputs_[k]);
  }

  BufferId home(Value v) {
    const Value root = storage_.of(v);
    const auto found = home_.find(root);
    if (found != home_.end()) return found->second;
    return home_[root] = add_buffer(BufferKind::arena, "", graph_.type(root));
  }

  void add_kernel(NodeId id) {
    const Node& n = graph_.node(id);
    ir::Kernel kernel;
    kernel.name = std::string(info(n.kind).name);
    if (n.body) {
      const auto attrs = ir::unpack<ir::Fused::Attrs>(n.attributes);
      kernel.name = attrs.name;
      kernel.note = attrs.note;
    }
    if (!n.path.empty()) kernel.name = n.path + ": " + kernel.name;
    kernel.body = n.body ? n.body : std::make_shared<const Graph>(single_node_body(graph_, id));
    for (const Value& v : n.operands) kernel.inputs.push_back(home(v));
    for (std::uint32_t r = 0; r < n.results.size(); ++r) kernel.outputs.push_back(home({id, r}));
    append(std::move(kernel));
  }

  void append(ir::Kernel kernel) {
    const auto shape = ir::kernel_shape(*kernel.body);
    if (const auto* why = std::get_if<std::string>(&shape)) internal_error("'", kernel.name, "' is no kernel: ", *why);
    kernel.schedule = choose_schedule(*kernel.body, std::get<ir::KernelShape>(shape), target_);
    program_.items.emplace_back(std::move(kernel));
  }

  void copy(BufferId from, BufferId to, const ir::TensorType& type) {
    ir::Kernel kernel;
    kernel.name = "copy";
    kernel.body = std::make_shared<const Graph>(copy_body(type));
    kernel.inputs = {from};
    kernel.outputs = {to};
    append(std::move(kernel));
  }

  void copy_outputs() {
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      const BufferId made = home(graph_.outputs()[k].value);
      if (made != outputs_[k]) copy(made, outputs_[k], graph_.type(graph_.outputs()[k].value));
    }
  }

  /// Values that are other states' old contents are saved first, so that states can be exchanged.
  void copy_states() {
    std::vector<BufferId> sources;
    for (const NodeId state : order_.copied_states) {
      const BufferId made = home(*graph_.update_of(state));
      const bool overwritten = std::any_of(order_.copied_states.begin(), order_.copied_states.end(),
                                           [&](NodeId s) { return home_.at({s, 0}) == made; });
      sources.push_back(made);
      if (!overwritten) continue;
      sources.back() = add_buffer(BufferKind::arena, "", graph_.type({state, 0}));
      copy(made, sources.back(), graph_.type({state, 0}));
    }
    for (std::size_t k = 0; k < sources.size(); ++k)
      copy(sources[k], home_.at({order_.copied_states[k], 0}), graph_.type({order_.copied_states[k], 0}));
  }

  void place_arena() {
    std::vector<Lifetime> lifetimes;
    std::vector<BufferId> arena = program_.of_kind(BufferKind::arena);
    for (const BufferId b : arena) {
      Lifetime life{program_.buffers[b].type.bytes(), -1, -1};
      for (std::size_t k = 0; k < program_.items.size(); ++k) {
        const auto& kernel = std::get<ir::Kernel>(program_.items[k]);
        const bool touched = std::count(kernel.inputs.begin(), kernel.inputs.end(), b) +
                                 std::count(kernel.outputs.begin(), kernel.outputs.end(), b) >
                             0;
        if (!touched) continue;
        if (life.first < 0) life.first = static_cast<std::int64_t>(k);
        life.last = static_cast<std::int64_t>(k);
      }
      lifetimes.push_back(life);
    }
    const MemoryPlan plan = plan_memory(lifetimes);
    for (std::size_t k = 0; k < arena.size(); ++k) program_.buffers[arena[k]].offset = plan.offsets[k];
    program_.arena_bytes = plan.peak;
    program_.arena_lower_bound = plan.lower_bound;
  }

  /// Two buffers share bytes.
  bool overlap(BufferId a, BufferId b) const {
    if (a == b) return true;
    const Buffer& x = program_.buffers[a];
    const Buffer& y = program_.buffers[b];
    if (x.kind != BufferKind::arena || y.kind != BufferKind::arena) return false;
    return x.offset < y.offset + y.type.bytes() && y.offset < x.offset + x.type.bytes();
  }

  bool any_overlap(const std::vector<BufferId>& a, const std::vector<BufferId>& b) const {
    return std::any_of(a.begin(), a.end(), [&](BufferId x) {
      return std::any_of(b.begin(), b.end(), [&](BufferId y) { return overlap(x, y); });
    });
  }

  /// One kernel must not start on some thread while the other still runs on another.
  bool conflict(const ir::Kernel& a, const ir::Kernel& b) const {
    if (!a.schedule.parallel && !b.schedule.parallel) return false;  // both on thread 0, in order
    return any_overlap(a.outputs, b.inputs) || any_overlap(a.inputs, b.outputs) || any_overlap(a.outputs, b.outputs);
  }

  void add_barriers() {
    std::vector<ir::Item> items;
    std::vector<const ir::Kernel*> since;  // kernels since the last barrier
    for (const ir::Item& item : program_.items) {
      const auto& kernel = std::get<ir::Kernel>(item);
      if (std::any_of(since.begin(), since.end(), [&](const ir::Kernel* k) { return conflict(*k, kernel); })) {
        items.emplace_back(ir::Barrier{});
        since.clear();
      }
      since.push_back(&kernel);
      items.push_back(item);
    }
    program_.items = std::move(items);
  }

  const Graph& graph_;
  const ir::Target& target_;
  Storage storage_;
  Order order_;
  Program program_;
  std::map<Value, BufferId> home_;
  std::vector<BufferId> outputs_;
};

}  // namespace

Program lower_graph(const Graph& graph, const ir::Target& target) { return Lowering(graph, target).run(); }

}  // namespace sinter::passes

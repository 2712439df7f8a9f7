// From a graph whose nodes are kernels to a program: order, buffers, memory plan, barriers, loop schedules.

#include "lower.h"

#include <algorithm>
#include <map>

#include <sinter/ir/error.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/region.h>
#include <sinter/passes/memory_plan.h>
#include <sinter/passes/schedule_order.h>

#include "anti_dependence.h"
#include "in_place.h"
#include "input_views.h"
#include "loop_schedule.h"
#include "strip_ahead.h"
#include "strip_buffers.h"
#include "strips.h"

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

/// The body of a loop as a graph of its own: the carries are states, which each turn updates.
Graph turn_graph(const Graph& body, std::size_t carries) {
  Graph turn(body.name());
  const std::vector<NodeId> inputs = body.inputs();
  for (NodeId id = 0; id < body.size(); ++id) {
    Node node = body.node(id);
    const auto carried = inputs.begin() + static_cast<std::ptrdiff_t>(carries);
    if (std::find(inputs.begin(), carried, id) != carried) node.kind = ir::kind_of<ir::State>();
    turn.add_unchecked(std::move(node));
  }
  for (std::size_t k = 0; k < body.outputs().size(); ++k) {
    if (k < carries)
      turn.set_update(inputs[k], body.outputs()[k].value);
    else
      turn.add_output(body.outputs()[k].name, body.outputs()[k].value);
  }
  return turn;
}

/// Lowers one graph, or the body of one loop, into items. All share the buffers of one program.
class Lowering {
 public:
  Lowering(const Graph& graph, const ir::Target& target, Program& program, int depth)
      : graph_(graph), target_(target), program_(program), depth_(depth), storage_(graph) {
    KernelShapes shapes;
    order_ = order_nodes(graph, shapes);
    taken_ = places_taken(graph, storage_, order_.nodes, shapes);
  }

  /// A whole program.
  void run() {
    bind_signature();
    program_.items = lower();
  }

 private:
  BufferId add_buffer(BufferKind kind, std::string name, ir::TensorType type, ir::TensorData data = {}) {
    program_.buffers.push_back({kind, std::move(name), std::move(type), 0, std::move(data)});
    return static_cast<BufferId>(program_.buffers.size() - 1);
  }

  std::vector<ir::Item> lower() {
    bind_constants();
    choose_homes();
    copy_outputs(true);
    for (const NodeId id : order_.nodes)
      if (!is_bound(graph_.node(id)) && !storage_.is_view(id)) add_node(id);
    copy_outputs(false);
    copy_states();
    return std::move(items_);
  }

  /// Inputs, states, outputs, in the graph's order.
  void bind_signature() {
    for (const NodeId id : graph_.inputs())
      home_[{id, 0}] = add_buffer(BufferKind::input, name_of(graph_.node(id)), graph_.type({id, 0}));
    for (const NodeId id : graph_.states())
      home_[{id, 0}] = add_buffer(BufferKind::state, name_of(graph_.node(id)), graph_.type({id, 0}));
    for (const ir::Output& o : graph_.outputs())
      outputs_.push_back(add_buffer(BufferKind::output, o.name, graph_.type(o.value)));
  }

  void bind_constants() {
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

  bool is_arena(BufferId buffer) const { return program_.buffers[buffer].kind == BufferKind::arena; }

  BufferId home(Value v) {
    const Value root = storage_.of(v);
    const auto found = home_.find(root);
    if (found != home_.end()) return found->second;
    if (const auto taken = taken_.find(root); taken != taken_.end() && is_arena(home(taken->second)))
      return home_[root] = home(taken->second);
    return home_[root] = add_buffer(BufferKind::arena, "", graph_.type(root));
  }

  void add_node(NodeId id) {
    if (const auto loop = repetition_of(graph_.node(id)))
      add_loop(id, *loop);
    else
      add_kernel(id);
  }

  /// What turn k of the loop around an inner kernel sees of a stack: slice k, or the k-th from the end.
  BufferId add_slice(BufferId stack, const ir::TensorType& type, const ir::Repetition& loop) {
    Buffer slice{BufferKind::slice, "", type, 0, {}};
    slice.of = stack;
    slice.stride = loop.reverse ? -type.bytes() : type.bytes();
    slice.offset = loop.reverse ? type.bytes() * (loop.length - 1) : 0;
    slice.depth = depth_;
    program_.buffers.push_back(std::move(slice));
    return static_cast<BufferId>(program_.buffers.size() - 1);
  }

  /// The carries live in the buffers of the last values; before the loop these get the first ones.
  void add_loop(NodeId id, const ir::Repetition& loop) {
    const Node& n = graph_.node(id);
    const Graph turn = turn_graph(*n.body, loop.carries);
    Lowering inner(turn, target_, program_, depth_ + 1);
    const std::vector<NodeId> inputs = n.body->inputs();
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const ir::TensorType& type = turn.type({inputs[k], 0});
      BufferId given = home(n.operands[k]);
      if (k < loop.carries) {
        const BufferId carry = home({id, static_cast<std::uint32_t>(k)});
        copy(given, carry, type);
        given = carry;
      } else if (k < loop.carries + loop.sequences) {
        given = add_slice(given, type, loop);
      }
      inner.home_[{inputs[k], 0}] = given;
    }
    for (std::size_t r = loop.carries; r < n.results.size(); ++r)
      inner.outputs_.push_back(
          add_slice(home({id, static_cast<std::uint32_t>(r)}), n.body->type(n.body->outputs()[r].value), loop));
    items_.emplace_back(std::make_shared<const ir::Loop>(ir::Loop{loop.length, inner.lower()}));
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
    if (const auto* symbol = n.attributes.find("symbol")) kernel.name += " " + std::get<std::string>(*symbol);
    if (!n.path.empty()) kernel.name = n.path + ": " + kernel.name;
    kernel.body = n.body ? n.body : std::make_shared<const Graph>(single_node_body(graph_, id));
    for (const Value& v : n.operands) kernel.inputs.push_back(home(v));
    for (std::uint32_t r = 0; r < n.results.size(); ++r) kernel.outputs.push_back(home({id, r}));
    append(std::move(kernel));
  }

  void append(ir::Kernel kernel) {
    kernel.body = with_inputs_as_viewed(std::move(kernel.body));
    const auto shape = ir::kernel_shape(*kernel.body);
    if (const auto* why = std::get_if<std::string>(&shape)) internal_error("'", kernel.name, "' is no kernel: ", *why);
    kernel.schedule = choose_schedule(*kernel.body, std::get<ir::KernelShape>(shape), target_);
    items_.emplace_back(std::move(kernel));
  }

  void copy(BufferId from, BufferId to, const ir::TensorType& type) {
    ir::Kernel kernel;
    kernel.name = "copy";
    kernel.body = std::make_shared<const Graph>(copy_body(type));
    kernel.inputs = {from};
    kernel.outputs = {to};
    append(std::move(kernel));
  }

  /// Old values of states leave before anything runs, so that new ones may be written over them (a turn of a loop whose
  /// gradient reads the old carry); the others when they are made.
  void copy_outputs(bool of_states) {
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      const Node& maker = graph_.node(storage_.of(graph_.outputs()[k].value));
      if ((maker.kind == ir::kind_of<ir::State>()) != of_states) continue;
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

  const Graph& graph_;
  const ir::Target& target_;
  Program& program_;
  int depth_;  // loops around
  Storage storage_;
  Order order_;
  std::vector<ir::Item> items_;
  std::map<Value, BufferId> home_;
  std::map<Value, Value> taken_;  // places, by result
  std::vector<BufferId> outputs_;
};

// ---- Memory ----

/// Calls visit(root) for every buffer that an item touches.
template <class Visit>
void for_each_root(const Program& program, const ir::Item& item, Visit visit) {
  ir::for_each_kernel({&item, 1}, [&](const ir::Kernel& kernel) {
    for (const BufferId id : kernel.inputs) visit(program.root_of(id));
    for (const BufferId id : kernel.outputs) visit(program.root_of(id));
  });
}

/// What a loop or a group of strips touches lives as long as that.
void place_arena(Program& program) {
  const std::vector<BufferId> arena = program.of_kind(BufferKind::arena);
  std::map<BufferId, Lifetime> lives;
  for (const BufferId b : arena) lives[b] = {program.buffers[b].type.bytes(), -1, -1};
  for (std::size_t k = 0; k < program.items.size(); ++k) {
    for_each_root(program, program.items[k], [&](BufferId b) {
      const auto life = lives.find(b);
      if (life == lives.end()) return;
      if (life->second.first < 0) life->second.first = static_cast<std::int64_t>(k);
      life->second.last = static_cast<std::int64_t>(k);
    });
  }
  std::vector<Lifetime> lifetimes;
  for (const BufferId b : arena) lifetimes.push_back(lives.at(b));
  const MemoryPlan plan = plan_memory(lifetimes);
  for (std::size_t k = 0; k < arena.size(); ++k) program.buffers[arena[k]].offset = plan.offsets[k];
  program.arena_bytes = plan.peak;
  program.arena_lower_bound = plan.lower_bound;
}

// ---- Barriers ----

/// What an item reads and writes, and whether threads share it.
struct Access {
  std::vector<BufferId> reads, writes;  // roots
  bool parallel = false;
};

Access access_of(const Program& program, const ir::Item& item) {
  Access access;
  ir::for_each_kernel({&item, 1}, [&](const ir::Kernel& kernel) {
    for (const BufferId id : kernel.inputs) access.reads.push_back(program.root_of(id));
    for (const BufferId id : kernel.outputs) access.writes.push_back(program.root_of(id));
    access.parallel = access.parallel || kernel.schedule.parallel;
  });
  return access;
}

class Barriers {
 public:
  explicit Barriers(const Program& program) : program_(program) {}

  /// The items with a barrier before each that must not start before all threads are through with earlier ones.
  std::vector<ir::Item> between(const std::vector<ir::Item>& items) const {
    std::vector<ir::Item> made;
    std::vector<Access> since;  // the last barrier
    for (const ir::Item& item : items) {
      Access access = access_of(program_, item);
      if (std::any_of(since.begin(), since.end(), [&](const Access& a) { return conflict(a, access); })) {
        made.emplace_back(ir::Barrier{});
        since.clear();
      }
      since.push_back(std::move(access));
      made.push_back(with_inner(item));
    }
    return made;
  }

 private:
  /// In a loop one turn ends before the next begins.
  ir::Item with_inner(const ir::Item& item) const {
    const auto* loop = std::get_if<std::shared_ptr<const ir::Loop>>(&item);
    if (loop == nullptr) return item;
    ir::Loop inner{(*loop)->count, between((*loop)->items)};
    if (access_of(program_, item).parallel) inner.items.emplace_back(ir::Barrier{});
    return std::make_shared<const ir::Loop>(std::move(inner));
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

  /// One item must not start on some thread while the other still runs on another.
  bool conflict(const Access& a, const Access& b) const {
    if (!a.parallel && !b.parallel) return false;  // both on thread 0, in order
    return any_overlap(a.writes, b.reads) || any_overlap(a.reads, b.writes) || any_overlap(a.writes, b.writes);
  }

  const Program& program_;
};

}  // namespace

Program lower_graph(const Graph& graph, const ir::Target& target) {
  Program program;
  program.name = graph.name();
  Lowering(graph, target, program, 0).run();
  put_in_strips(program, target);
  keep_in_strips(program);
  fetch_ahead_in_strips(program, target);
  place_arena(program);
  program.items = Barriers(program).between(program.items);
  return program;
}

}  // namespace sinter::passes

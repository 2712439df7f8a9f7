// The loop over sequences and its gradient: a loop in the other direction. What that one needs of the forward turns is
// saved by a second forward loop, which does all that the first does and returns more; a pass makes one of the two
// (passes/tidy_loops.cpp), so nothing is computed twice.

#include <sinter/ir/ops.h>
#include <sinter/ir/region.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

namespace sinter::ir {

namespace {

Graph with_nodes_of(const Graph& body) {
  Graph copy(body.name());
  for (const Node& node : body.nodes()) copy.add_unchecked(node);
  return copy;
}

/// Builds the loop that runs backwards.
class ScanGradient {
 public:
  explicit ScanGradient(const VjpContext& c)
      : c_(c),
        graph_(c.graph()),
        node_(c.node()),
        loop_(*repetition_of(node_)),
        body_(*node_.body),
        inputs_(body_.inputs()),
        back_(with_nodes_of(body_)) {
    for (std::size_t k = 0; k < inputs_.size(); ++k) input_number_[inputs_[k]] = k;
  }

  Gradients run() {
    find_active();
    differentiate_body();
    choose_ways();
    save_what_is_needed();
    make_body();
    return gradients();
  }

 private:
  /// How the gradient of one operand leaves the backward loop.
  enum class Way : std::uint8_t { none, carry, slices, summed_inside, summed_behind };
  struct Wanted {
    Value gradient;  // in back_, of one turn
    Way way = Way::none;
    std::size_t result = 0;  // of the backward loop
  };

  bool is_carry(std::size_t input) const { return input < loop_.carries; }
  bool is_sequence(std::size_t input) const { return !is_carry(input) && input < loop_.carries + loop_.sequences; }
  bool is_forward(Value v) const { return v.node < body_.size(); }

  // ---- Which inputs of the body have gradients ----

  /// Values of the body that change when an active input does.
  std::vector<char> reached() const {
    std::vector<char> marks(body_.size(), 0);
    for (NodeId id = 0; id < body_.size(); ++id) {
      const Node& n = body_.node(id);
      const OpInfo& op = info(n.kind);
      if (const auto input = input_number_.find(id); input != input_number_.end()) marks[id] = active_[input->second];
      const bool gives_floats =
          std::any_of(n.results.begin(), n.results.end(), [](const TensorType& t) { return is_float(t.dtype); });
      if (op.zero_gradient || op.integer_result || !gives_floats) continue;
      for (const Value v : n.operands) marks[id] = static_cast<char>(marks[id] | marks[v.node]);
    }
    return marks;
  }

  /// A carry is active when its first value is, or when a turn makes it depend on something that is.
  void find_active() {
    for (std::size_t k = 0; k < inputs_.size(); ++k) active_.push_back(c_.wants(k) ? 1 : 0);
    for (bool changed = true; changed;) {
      changed = false;
      const std::vector<char> marks = reached();
      for (std::size_t k = 0; k < loop_.carries; ++k) {
        const Value next = body_.outputs()[k].value;
        if (active_[k] != 0 || marks[next.node] == 0 || !is_float(body_.type(next).dtype)) continue;
        active_[k] = 1;
        changed = true;
      }
    }
  }

  // ---- The gradient of one turn ----

  void differentiate_body() {
    const std::vector<char> marks = reached();
    std::vector<Expr> outputs, seeds, parameters;
    for (std::size_t r = 0; r < body_.outputs().size(); ++r) {
      const Value v = body_.outputs()[r].value;
      const bool flows = r < loop_.carries ? active_[r] != 0 : static_cast<bool>(c_.grad(r)) && marks[v.node] != 0;
      if (!flows || !is_float(body_.type(v).dtype)) continue;
      const Expr seed = input(back_, unused_name(str("grad/", body_.outputs()[r].name)), body_.type(v));
      seed_of_[seed.value().node] = r;
      outputs.emplace_back(back_, v);
      seeds.push_back(seed);
    }
    for (std::size_t k = 0; k < inputs_.size(); ++k)
      if (active_[k] != 0) parameters.emplace_back(back_, Value{inputs_[k]});
    const std::vector<Expr> found = c_.reverse_mode()(outputs, seeds, parameters);
    std::size_t next = 0;
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      Wanted w;
      const Expr gradient = active_[k] != 0 ? found[next++] : Expr();
      if (active_[k] != 0 && (gradient || is_carry(k))) {
        w.gradient = (gradient ? gradient : full_like(Expr(back_, Value{inputs_[k]}), 0.0)).value();
        w.way = is_carry(k) ? Way::carry : is_sequence(k) ? Way::slices : Way::summed_inside;
      }
      wanted_.push_back(w);
    }
  }

  std::string unused_name(const std::string& name) const {
    std::string unused = name;
    for (int k = 2; back_.find(unused); ++k) unused = str(name, "@", k);
    return unused;
  }

  // ---- Sums over all turns ----

  bool is_linear(const Node& n) const {
    const OpInfo& op = info(n.kind);
    const bool moves = op.form == Form::map && n.operands.size() == 1 && !op.reads_axes &&
                       op.fill(n.attributes, n.results[0].dtype) == 0.0;
    return op.linear || moves;
  }

  /// Whether a value differs from turn to turn, so that a stack of it is no waste.
  bool varies(Value v) const { return varies_[v.node] != 0; }

  void find_varying() {
    for (NodeId id = 0; id < back_.size(); ++id) {
      const auto input = input_number_.find(id);
      const bool fresh =
          input != input_number_.end() ? is_carry(input->second) || is_sequence(input->second) : seed_of_.contains(id);
      const std::vector<Value>& operands = back_.node(id).operands;
      const bool follows = std::any_of(operands.begin(), operands.end(), [&](Value o) { return varies(o); });
      varies_.push_back(fresh || follows ? 1 : 0);
    }
  }

  bool sums_behind(Value v) const {
    const Node& n = back_.node(v);
    if (is_forward(v) || n.operands.empty()) return false;
    const auto all = [&](auto holds) { return std::all_of(n.operands.begin(), n.operands.end(), holds); };
    if (info(n.kind).stacked_sum != nullptr) return all([&](Value o) { return varies(o); });
    return is_linear(n) && all([&](Value o) { return sums_behind(o); });
  }

  void choose_ways() {
    find_varying();
    for (Wanted& w : wanted_)
      if (w.way == Way::summed_inside && sums_behind(w.gradient)) {
        w.way = Way::summed_behind;
        collect_stacked(w.gradient);
      }
  }

  void collect_stacked(Value v) {
    const Node& n = back_.node(v);
    for (const Value o : n.operands) {
      if (info(n.kind).stacked_sum != nullptr)
        stacked_[o] = 0;
      else
        collect_stacked(o);
    }
  }

  // ---- What the backward turns read of the forward turns ----

  /// Cheap enough to make again: moved elements of something no larger, and what follows from constants.
  bool is_made_again(Value v) const {
    const Node& n = back_.node(v);
    if (input_number_.contains(v.node)) return false;
    if (n.operands.empty()) return true;
    const OpInfo& op = info(n.kind);
    if (op.form == Form::map && n.operands.size() == 1)
      return back_.type(n.operands[0]).elements() <= back_.type(v).elements();
    return (op.form == Form::pointwise || op.form == Form::map) && !op.expensive && !varies(v);
  }

  /// Marks what `v` needs: nodes of the backward body, saved values, sequences, constants.
  void need(Value v) {
    if (const auto input = input_number_.find(v.node); input != input_number_.end()) {
      if (is_carry(input->second))
        saved_[v] = {};
      else
        used_inputs_.insert(input->second);
      return;
    }
    if (is_forward(v) && !is_made_again(v)) {
      saved_[v] = {};
      return;
    }
    if (!copied_.insert(v.node).second) return;
    for (const Value o : back_.node(v).operands) need(o);
  }

  /// A forward value that the backward body does not compute but reads from a stack.
  bool is_read_from_stack(Value v) const {
    const auto input = input_number_.find(v.node);
    if (input != input_number_.end()) return is_carry(input->second) || is_sequence(input->second);
    return is_forward(v);
  }

  /// Whether cheap arithmetic gives `v` from constants and values that are saved besides.
  bool follows_from_saved(Value v) const {
    const Node& n = back_.node(v);
    const OpInfo& op = info(n.kind);
    if (input_number_.contains(v.node) || stacked_.contains(v)) return false;
    if (op.form != Form::pointwise || op.expensive || op.reads_axes) return false;
    return std::all_of(n.operands.begin(), n.operands.end(),
                       [&](Value o) { return saved_.contains(o) || (!varies(o) && is_made_again(o)); });
  }

  /// 1 - z beside z takes no stack. The last first: what it is made from is still saved then.
  void make_again_from_saved() {
    std::vector<Value> candidates;
    for (const auto& [v, unused] : saved_) candidates.push_back(v);
    for (auto v = candidates.rbegin(); v != candidates.rend(); ++v) {
      if (!follows_from_saved(*v)) continue;
      saved_.erase(*v);
      copied_.insert(v->node);
      for (const Value o : back_.node(*v).operands) need(o);
    }
  }

  void save_what_is_needed() {
    for (const Wanted& w : wanted_)
      if (w.way != Way::none && w.way != Way::summed_behind) need(w.gradient);
    for (const auto& [v, unused] : stacked_) {
      if (!is_read_from_stack(v))
        need(v);
      else if (!input_number_.contains(v.node) || is_carry(input_number_.at(v.node)))
        saved_[v] = {};
    }
    make_again_from_saved();
    auto wider = std::make_shared<Graph>(body_);
    std::size_t results = body_.outputs().size();
    std::map<Value, std::size_t> place;
    for (std::size_t r = loop_.carries; r < results; ++r) place.emplace(body_.outputs()[r].value, r);
    bool grows = false;
    for (const auto& [v, unused] : saved_) {
      if (!place.emplace(v, results).second) continue;
      wider->add_output(str("saved/", results), v);
      ++results;
      grows = true;
    }
    const NodeId forward =
        grows ? graph_.add(node_.kind, node_.attributes, node_.operands, std::move(wider)) : c_.result().value().node;
    for (auto& [v, stack] : saved_) stack = Expr(graph_, Value{forward, static_cast<std::uint32_t>(place.at(v))});
  }

  // ---- The backward body ----

  Value add_input(Graph& body, const char* kind, const TensorType& type, const Expr& operand) {
    operands_.push_back(operand);
    return ir::input(body, str(kind, operands_.size() - 1), type).value();
  }

  /// Inputs in the order of Repetition: carries, sums, stacks, then constants.
  void make_inputs(Graph& body) {
    for (std::size_t k = 0; k < loop_.carries; ++k) {
      if (wanted_[k].way != Way::carry) continue;
      const Expr first = c_.grad(k) ? c_.grad(k) : full_like(c_.operand(k), 0.0);
      const Value v = add_input(body, "grad", first.type(), first);
      for (const auto& [seed, r] : seed_of_)
        if (r == k) made_[Value{seed}] = v;
      ++carries_;
    }
    for (std::size_t k = 0; k < wanted_.size(); ++k) {
      if (wanted_[k].way != Way::summed_inside) continue;
      const Expr zero = full_like(c_.operand(k), 0.0);
      sums_[k] = add_input(body, "sum", zero.type(), zero);
      ++carries_;
    }
    const std::size_t before = operands_.size();
    for (const auto& [seed, r] : seed_of_)
      if (r >= loop_.carries && copied_.contains(seed))
        made_[Value{seed}] = add_input(body, "grad", body_.type(body_.outputs()[r].value), c_.grad(r));
    for (const auto& [v, stack] : saved_) made_[v] = add_input(body, "saved", body_.type(v), stack);
    for (const bool sequence : {true, false}) {
      for (const std::size_t k : used_inputs_)
        if (is_sequence(k) == sequence)
          made_[Value{inputs_[k]}] =
              add_input(body, sequence ? "slice" : "whole", body_.type({inputs_[k]}), c_.operand(k));
      if (sequence) sequences_ = operands_.size() - before;
    }
  }

  void copy_nodes(Graph& body) {
    for (const NodeId id : copied_) {
      if (made_.contains(Value{id})) continue;  // a seed
      Node copy = back_.node(id);
      for (Value& v : copy.operands) v = made_.at(v);
      const NodeId now = body.add_unchecked(std::move(copy));
      for (std::uint32_t r = 0; r < body.node(now).results.size(); ++r) made_[Value{id, r}] = Value{now, r};
    }
  }

  void make_body() {
    auto body = std::make_shared<Graph>(body_.name());
    make_inputs(*body);
    copy_nodes(*body);
    std::size_t results = 0;
    const auto give = [&](Value v) {
      body->add_output(str("r", results), v);
      return results++;
    };
    for (Wanted& w : wanted_)
      if (w.way == Way::carry) w.result = give(made_.at(w.gradient));
    for (std::size_t k = 0; k < wanted_.size(); ++k) {
      if (wanted_[k].way != Way::summed_inside) continue;
      body->set_path(back_.node(wanted_[k].gradient).path);
      wanted_[k].result = give((Expr(*body, sums_.at(k)) + Expr(*body, made_.at(wanted_[k].gradient))).value());
    }
    for (Wanted& w : wanted_)
      if (w.way == Way::slices) w.result = give(made_.at(w.gradient));
    for (auto& [v, result] : stacked_)
      if (!is_read_from_stack(v)) result = give(made_.at(v));
    if (results == 0) return;
    const Scan::Attrs attrs{loop_.length, static_cast<std::int64_t>(carries_), static_cast<std::int64_t>(sequences_),
                            !loop_.reverse};
    results_ = scan(attrs, operands_, std::move(body));
  }

  // ---- The gradients ----

  /// Every turn's value of `v`, one behind the other.
  Expr stack_of(Value v) const {
    if (!is_read_from_stack(v)) return results_[stacked_.at(v)];
    const auto input = input_number_.find(v.node);
    return input != input_number_.end() && is_sequence(input->second) ? c_.operand(input->second) : saved_.at(v);
  }

  Expr summed_behind(Value v) const {
    const Node& n = back_.node(v);
    std::vector<Expr> operands;
    if (info(n.kind).stacked_sum != nullptr) {
      for (const Value o : n.operands) operands.push_back(stack_of(o));
      return info(n.kind).stacked_sum(n.attributes, operands);
    }
    for (const Value o : n.operands) operands.push_back(summed_behind(o));
    return detail::append(graph_, info(n.kind).name, n.attributes, operands);
  }

  Gradients gradients() const {
    Gradients found(node_.operands.size());
    for (std::size_t k = 0; k < wanted_.size(); ++k) {
      if (!c_.wants(k) || wanted_[k].way == Way::none) continue;
      found[k] =
          wanted_[k].way == Way::summed_behind ? summed_behind(wanted_[k].gradient) : results_[wanted_[k].result];
    }
    return found;
  }

  const VjpContext& c_;
  Graph& graph_;
  Node node_;  // a copy: the graph grows
  Repetition loop_;
  const Graph& body_;
  std::vector<NodeId> inputs_;
  Graph back_;  // the body's nodes, then those of its gradient
  std::map<NodeId, std::size_t> input_number_;
  std::vector<char> active_;
  std::map<NodeId, std::size_t> seed_of_;  // input of back_ -> output of the body whose gradient it is
  std::vector<char> varies_;               // per node of back_
  std::vector<Wanted> wanted_;             // one per input
  std::map<Value, std::size_t> stacked_;   // operands of sums behind the loop -> result of the backward loop
  std::map<Value, Expr> saved_;            // forward values that are read -> their stacks
  std::set<std::size_t> used_inputs_;      // sequences and constants that are read
  std::set<NodeId> copied_;                // nodes of back_ that the backward body holds
  std::map<Value, Value> made_;            // value of back_ -> value of the backward body
  std::map<std::size_t, Value> sums_;      // constant -> its sum so far
  std::vector<Expr> operands_;             // of the backward loop
  std::size_t carries_ = 0, sequences_ = 0;
  std::vector<Expr> results_;
};

}  // namespace

Repetition Scan::repetition(const Attrs& a) {
  if (a.length < 1) user_error("expected at least one turn, got length ", a.length);
  if (a.carries < 0 || a.sequences < 0)
    user_error("expected counts of carries and sequences, got ", a.carries, " and ", a.sequences);
  return {a.length, static_cast<std::size_t>(a.carries), static_cast<std::size_t>(a.sequences), a.reverse};
}

Gradients Scan::vjp(const VjpContext& c) { return ScanGradient(c).run(); }

std::vector<Expr> scan(const Scan::Attrs& attrs, std::span<const Expr> operands, std::shared_ptr<const Graph> body) {
  if (operands.empty()) user_error("scan: expected at least one carry or sequence");
  Graph& graph = operands[0].graph();
  std::vector<Value> values;
  for (const Expr& e : operands) {
    if (&e.graph() != &graph) user_error(where(graph.path(), "scan"), ": operands belong to different graphs");
    values.push_back(e.value());
  }
  const NodeId id = graph.add(kind_of<Scan>(), pack(attrs), std::move(values), std::move(body));
  std::vector<Expr> results;
  for (std::uint32_t r = 0; r < graph.node(id).results.size(); ++r) results.emplace_back(graph, Value{id, r});
  return results;
}

}  // namespace sinter::ir

// Applies the rules (rules.h) to everything in a graph or program and collects what they say, each with its place.

#include <sinter/ir/verify.h>

#include <sinter/ir/error.h>
#include <sinter/ir/plan_checker.h>

#include "rules.h"

namespace sinter::ir {

namespace {

/// Collects reports, each behind the place that is being checked.
struct Collector {
  std::vector<std::string> found;
  std::string place;

  Report report() {
    return [this](const std::string& what) { found.push_back(place + ": " + what); };
  }
};

void check_items(ProgramRules& rules, Collector& collector, const std::vector<Item>& items, std::size_t& kernels) {
  for (const Item& item : items) {
    if (const auto* kernel = std::get_if<Kernel>(&item)) {
      collector.place = str("kernel #", kernels++, " \"", kernel->name, "\"");
      rules.kernel(*kernel);
    } else if (const auto* strips = std::get_if<Strips>(&item)) {
      collector.place = str("strips before kernel #", kernels);
      rules.strips(*strips);
      rules.enter_strips(strips->count);
      for (const Kernel& k : strips->kernels) {
        collector.place = str("kernel #", kernels++, " \"", k.name, "\"");
        rules.kernel(k);
      }
      rules.leave_strips();
    } else if (const auto* loop = std::get_if<std::shared_ptr<const Loop>>(&item)) {
      collector.place = str("loop before kernel #", kernels);
      rules.loop(**loop);
      rules.enter_loop((*loop)->count);
      check_items(rules, collector, (*loop)->items, kernels);
      rules.leave_loop();
    }
  }
}

[[noreturn]] void fail(std::string_view what, const std::string& after, const std::vector<std::string>& found) {
  std::string list;
  for (const std::string& v : found) list += "\n  " + v;
  internal_error("invalid ", what, " after ", after, ":", list);
}

}  // namespace

std::vector<std::string> violations(const Graph& graph) {
  Collector collector;
  GraphRules rules(graph, collector.report());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& n = graph.node(id);
    collector.place = str("%", id, " ", where(n.path, op_name(n.kind)));
    rules.node(id);
  }
  for (const Update& u : graph.updates()) {
    collector.place = str("update of %", u.state);
    rules.update(u);
  }
  for (const Output& o : graph.outputs()) {
    collector.place = str("output \"", o.name, "\"");
    rules.output(o);
  }
  return std::move(collector.found);
}

std::vector<std::string> violations(const Program& program) {
  Collector collector;
  ProgramRules rules(program, collector.report());
  for (BufferId id = 0; id < program.buffers.size(); ++id) {
    collector.place = str("%b", id, " (", to_string(program.buffers[id].kind), ")");
    rules.buffer(id);
  }
  std::size_t kernels = 0;
  check_items(rules, collector, program.items, kernels);
  if (!collector.found.empty()) return std::move(collector.found);  // the plan checker trusts everything else
  return plan_violations(program);
}

void verify(const Graph& graph, const std::string& after) {
  const std::vector<std::string> found = violations(graph);
  if (!found.empty()) fail("graph", after, found);
}

void verify(const Program& program, const std::string& after) {
  const std::vector<std::string> found = violations(program);
  if (!found.empty()) fail("program", after, found);
}

}  // namespace sinter::ir

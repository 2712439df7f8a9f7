// `sinter opt`: named passes over a graph, and the search for a pass that is wrong.

#include <iostream>

#include <sinter/ir/error.h>
#include <sinter/ir/text.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>
#include <sinter/passes/registry.h>
#include <sinter/passes/rewrites.h>
#include <sinter/runtime/executable.h>

#include "commands.h"

namespace sinter::tool {

namespace {

void report(const passes::Culprit& culprit, const std::vector<std::string>& names) {
  std::cerr << "sinter: pass '" << culprit.pass << "' (number " << culprit.position + 1 << " of " << names.size()
            << ") is wrong: " << culprit.reason << "\n";
}

/// The graph that the guilty pass was given.
void print_before(const ir::Graph& graph, std::vector<std::string> names, std::size_t position) {
  names.resize(position);
  std::cout << "// before pass " << position + 1 << "\n" << ir::print(passes::run_passes(graph, names, {}));
}

void print_times(const std::vector<passes::PassTime>& times) {
  for (const passes::PassTime& t : times) std::cerr << t.pass << ": " << t.milliseconds << " ms\n";
}

}  // namespace

int opt(const OptArguments& arguments) {
  std::vector<std::string> names = split_passes(arguments.passes);
  const bool lowers = !names.empty() && names.back() == "lower";
  if (lowers) names.pop_back();
  const ir::Graph graph = read_graph(arguments.source, arguments.externs);
  if (arguments.verify_each || arguments.bisect) {
    const auto culprit = passes::bisect(graph, names, arguments.seed);
    if (culprit) {
      report(*culprit, names);
      if (arguments.bisect) print_before(graph, names, culprit->position);
      return failed;
    }
    if (arguments.bisect) {
      std::cout << "no pass changes a result: " << names.size() << " passes checked with seed " << arguments.seed
                << "\n";
      return done;
    }
  }
  passes::Options options;
  options.target = runtime::host_target();
  options.verify = true;
  std::vector<passes::PassTime> times;
  options.times = &times;
  const ir::Graph result = passes::run_passes(graph, names, options);
  std::cout << (lowers ? ir::print(passes::lower(result, options)) : ir::print(result));
  if (arguments.times) print_times(times);
  return done;
}

int dot(const std::string& source) {
  std::cout << passes::graphviz(read_graph(source));
  return done;
}

int list_passes(bool rules) {
  for (const passes::Pass& pass : passes::all_passes())
    std::cout << pass.name << (pass.exact ? "" : " (inexact)") << ": " << pass.summary << "\n";
  std::cout << "\ndefault:";
  for (const std::string_view name : passes::default_passes()) std::cout << " " << name;
  std::cout << "\n";
  if (!rules) return done;
  std::cout << "\nrules of simplify:\n";
  for (const passes::RuleInfo& rule : passes::simplify_rules())
    std::cout << "  " << rule.name << "\n      exact because: " << rule.why_exact << "\n";
  return done;
}

}  // namespace sinter::tool

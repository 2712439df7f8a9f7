// `sinter dump`: one stage of what a graph becomes.

#include <iostream>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>
#include <sinter/ir/text.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>
#include <sinter/passes/rematerialise.h>
#include <sinter/runtime/executable.h>

#include "commands.h"

namespace sinter::tool {

namespace {

passes::Options options(const DumpArguments& a) {
  passes::Options o;
  o.target = runtime::host_target();
  o.memory_budget = a.memory_budget;
  return o;
}

runtime::CompileOptions compile_options() {
  runtime::CompileOptions o;
  o.target = runtime::host_target();
  return o;
}

ir::Graph fuse_once(const ir::Graph& graph, const DumpArguments& a) {
  if (!is_fused(graph)) return passes::optimize(graph, options(a));
  return a.memory_budget ? passes::rematerialise(graph, *a.memory_budget, runtime::host_target()) : graph;
}

ir::Program to_program(const Unit& unit, const DumpArguments& a) {
  if (const auto* program = std::get_if<ir::Program>(&unit)) return *program;
  return passes::lower(fuse_once(std::get<ir::Graph>(unit), a), options(a));
}

const ir::Graph& graph_of(const Unit& unit, const std::string& stage) {
  if (const auto* graph = std::get_if<ir::Graph>(&unit)) return *graph;
  user_error("stage '", stage, "' needs a graph, got a program; a program has the stages program, llvm, asm");
}

/// Kernel number `wanted` of the program, as a program with the same buffers.
ir::Program only_kernel(const ir::Program& program, int wanted) {
  ir::Program result = program;
  result.items.clear();
  int number = 0;
  for_each_kernel(program.items, [&](const ir::Kernel& kernel) {
    if (number++ == wanted) result.items.emplace_back(kernel);
  });
  if (result.items.empty())
    user_error("--only-kernel ", wanted, ": the program has ", number, " kernels, numbered from 0");
  return result;
}

/// Fused node number `wanted`: its note and its body.
std::string only_fused(const ir::Graph& graph, int wanted) {
  int number = 0;
  for (const ir::Node& node : graph.nodes()) {
    if (!node.body || number++ != wanted) continue;
    std::string text = "// " + ir::where(node.path, std::get<std::string>(*node.attributes.find("name"))) + "\n";
    if (const auto* note = node.attributes.find("note")) text += "// " + std::get<std::string>(*note) + "\n";
    return text + ir::print(*node.body);
  }
  user_error("--only-kernel ", wanted, ": the graph has ", number, " fused nodes, numbered from 0");
}

using Printer = std::string (*)(const Unit&, const DumpArguments&);

ir::Program wanted_program(const Unit& unit, const DumpArguments& a) {
  const ir::Program program = to_program(unit, a);
  return a.only_kernel < 0 ? program : only_kernel(program, a.only_kernel);
}

std::string print_graph(const Unit& unit, const DumpArguments& a) {
  return ir::print(passes::forward_part(graph_of(unit, a.stage)));
}
std::string print_grad(const Unit& unit, const DumpArguments& a) { return ir::print(graph_of(unit, a.stage)); }
std::string print_fused(const Unit& unit, const DumpArguments& a) {
  const ir::Graph fused = fuse_once(graph_of(unit, a.stage), a);
  return a.only_kernel < 0 ? ir::print(fused) : only_fused(fused, a.only_kernel);
}
std::string print_memory(const Unit& unit, const DumpArguments& a) {
  DumpArguments without = a;
  without.memory_budget.reset();
  const ir::Graph fused = fuse_once(graph_of(unit, a.stage), without);
  return to_string(passes::memory_curve(fused, runtime::host_target(), a.memory_budget));
}
std::string print_program(const Unit& unit, const DumpArguments& a) { return ir::print(wanted_program(unit, a)); }
std::string print_llvm(const Unit& unit, const DumpArguments& a) {
  return runtime::Executable::llvm_ir(wanted_program(unit, a), compile_options());
}
std::string print_asm(const Unit& unit, const DumpArguments& a) {
  return runtime::Executable::assembly(wanted_program(unit, a), compile_options());
}

struct Stage {
  std::string_view name;
  Printer print;
};

constexpr Stage stages[] = {{"graph", print_graph},   {"grad", print_grad},       {"fused", print_fused},
                            {"memory", print_memory}, {"program", print_program}, {"llvm", print_llvm},
                            {"asm", print_asm}};

}  // namespace

int dump(const DumpArguments& arguments) {
  std::vector<std::string_view> names;
  for (const Stage& stage : stages) {
    names.push_back(stage.name);
    if (stage.name != arguments.stage) continue;
    std::cout << stage.print(read_unit(arguments.source), arguments);
    return done;
  }
  user_error("unknown stage '", arguments.stage, "'", ir::did_you_mean(arguments.stage, names),
             "; stages are graph, grad, fused, memory, program, llvm, asm");
}

}  // namespace sinter::tool

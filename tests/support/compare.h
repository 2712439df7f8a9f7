#pragma once
// Ways to run a program besides the interpreter's, and comparison of what two runs gave.

#include <string>

#include <sinter/ir/graph.h>
#include <sinter/ir/interpreter.h>
#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::test {

/// The first element (of outputs in order, of new states by name) in which the runs differ in a bit, NaN being one
/// value; empty when there is none. A state that one run does not list is taken from `environment`.
std::string difference(const ir::InterpreterResult& expected, const ir::InterpreterResult& got,
                       const ir::Environment& environment);

/// Runs a program over real bytes: the arena is one block that is full of NaN before the first kernel, buffers lie at
/// their offsets, kernels read and write there. A bad memory plan shows here; the interpreter keeps buffers apart.
ir::InterpreterResult run_in_arena(const ir::Program& program, const ir::Environment& environment);

struct JitOptions {
  ir::Target target;
  bool checked = false;
  int threads = 1;
};
/// Compiles and runs. Before the run that counts, the same session runs once on inputs and states full of NaN, so that
/// the arena holds NaNs and left-overs.
ir::InterpreterResult run_compiled(const ir::Program& program, const ir::Environment& environment,
                                   const JitOptions& options);

}  // namespace sinter::test

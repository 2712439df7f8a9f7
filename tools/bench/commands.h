#pragma once
// What sinter-bench can do. Each prints its result on standard output.

#include <string>

#include "bound_program.h"

namespace sinter::bench {

struct StepArguments {
  std::string config;
  double seconds = 1.5;
  CompileChoices compile;
};
/// The whole step of a config: one line of JSON.
void bench_step(const StepArguments& arguments);
/// The weights after some steps on the resident batches in turn: one line of JSON with their SHA-256.
void digest(const StepArguments& arguments, int steps);
/// The step at every point of its curve of memory against time: a line of JSON each, with estimated and measured time
/// and whether the weights after some steps have the bits of the first point.
void bench_memory_curve(const StepArguments& arguments);
/// The same step exported as an object file, against the JIT's, in turns: one line of JSON.
void bench_exported(const StepArguments& arguments);
/// Its kernels, each alone and warm: a table.
void profile(const StepArguments& arguments);

struct ContractionArguments {
  std::string shape;  // as in the help, or "all"
  double seconds = 1.0;
  CompileChoices compile;
};
/// One product: a line of JSON for each shape.
void bench_gemm(const ContractionArguments& arguments);
/// One convolution: a line of JSON for each shape.
void bench_conv(const ContractionArguments& arguments);

/// Epochs of Model::fit against as many bare steps: one line of JSON.
void bench_fit(const CompileChoices& choices);

}  // namespace sinter::bench

// Kernels are dealt to parts, and as many threads as there are processors take one after the other. Nobody knows well
// how long a kernel will take, and processors are shared: so parts get smaller, and the last ones even out what the
// first ones missed. What a part holds does not depend on who takes it. Threads live for the time of a compilation
// only: nothing outlives it that a fork could lose.

#include "step_objects.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "codegen.h"
#include "jit.h"

namespace sinter::runtime {

namespace {

/// About how long a kernel takes to compile, in operations of its code.
double code_size(const ir::Kernel& kernel) {
  const ir::Schedule& s = kernel.schedule;
  const double body = static_cast<double>(kernel.body->size()) * 10;
  if (s.form != ir::KernelForm::contract) return body * static_cast<double>(s.unroll);
  constexpr double terms_per_tile = 12;  // unrolled trips, single ones, tails
  return body + terms_per_tile * static_cast<double>(s.tile_rows * s.tile_vectors);
}

/// Numbers of kernels, by part.
using Parts = std::vector<std::vector<std::size_t>>;

/// Parts that get smaller, from the kernels that take longest to the rest: each has half of what a processor would get
/// of what is left. A module of its own costs a millisecond, so there is a least size.
Parts deal(const DistinctKernels& kernels, std::size_t processors) {
  std::vector<std::size_t> order = kernels.all();
  if (processors == 1) return {order};
  const auto size = [&](std::size_t k) { return code_size(*kernels.entries()[k].kernel); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size(a) > size(b); });
  double left = 0.0;
  for (const std::size_t k : order) left += size(k);
  const auto shares = static_cast<double>(2 * processors);
  const double least = left / (8 * shares);
  Parts parts(1);
  double room = std::max(left / shares, least);  // of the last part
  for (const std::size_t k : order) {
    if (room <= 0.0) {
      parts.emplace_back();
      room = std::max(left / shares, least);
    }
    parts.back().push_back(k);
    room -= size(k);
    left -= size(k);
  }
  for (std::vector<std::size_t>& part : parts) std::sort(part.begin(), part.end());
  return parts;
}

/// What compiling took goes back to the system: the step that was made may run for days beside it.
void give_back_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace

std::vector<std::string> step_objects(const ir::Program& program, const CompileOptions& options,
                                      std::string_view entry_name) {
  const DistinctKernels kernels(program, options.checked);
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const Parts parts = deal(kernels, processors);
  std::vector<std::string> objects(parts.size());
  std::vector<std::exception_ptr> failures(parts.size());
  const auto compile = [&](std::size_t k) {
    try {
      GeneratedModule part = generate_part(program, kernels, parts[k], options, k == 0 ? entry_name : "");
      optimize(part, options.target);
      objects[k] = emit_object(std::move(part), options.target);
    } catch (...) {
      failures[k] = std::current_exception();
    }
  };
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t k = next++; k < parts.size(); k = next++) compile(k);
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t k = 1; k < std::min(processors, parts.size()); ++k) others.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  give_back_memory();
  return objects;
}

}  // namespace sinter::runtime

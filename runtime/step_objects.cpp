// Kernels are dealt to as many parts as there are processors, the ones that take longest first, each to the part that
// has least to do. Threads live for the time of a compilation only: nothing outlives it that a fork could lose.

#include "step_objects.h"

#include <algorithm>
#include <exception>
#include <thread>

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

Parts deal(const DistinctKernels& kernels, std::size_t count) {
  std::vector<std::size_t> order = kernels.all();
  const auto size = [&](std::size_t k) { return code_size(*kernels.entries()[k].kernel); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size(a) > size(b); });
  Parts parts(count);
  std::vector<double> sizes(count, 0.0);
  for (const std::size_t k : order) {
    const auto least = static_cast<std::size_t>(std::min_element(sizes.begin(), sizes.end()) - sizes.begin());
    parts[least].push_back(k);
    sizes[least] += size(k);
  }
  for (std::vector<std::size_t>& part : parts) std::sort(part.begin(), part.end());
  return parts;
}

}  // namespace

std::vector<std::string> step_objects(const ir::Program& program, const CompileOptions& options,
                                      std::string_view entry_name) {
  const DistinctKernels kernels(program, options.checked);
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t count = std::clamp<std::size_t>(kernels.entries().size(), 1, processors);
  const Parts parts = deal(kernels, count);
  std::vector<std::string> objects(count);
  std::vector<std::exception_ptr> failures(count);
  const auto compile = [&](std::size_t k) {
    try {
      GeneratedModule part = generate_part(program, kernels, parts[k], options, k + 1 == count ? entry_name : "");
      optimize(part, options.target);
      objects[k] = emit_object(std::move(part), options.target);
    } catch (...) {
      failures[k] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t k = 1; k < count; ++k) others.emplace_back(compile, k);
    compile(0);
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return objects;
}

}  // namespace sinter::runtime

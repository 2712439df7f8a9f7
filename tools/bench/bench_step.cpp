#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ceilings.h"
#include "commands.h"
#include "protocol.h"
#include "work.h"

namespace sinter::bench {

namespace {

using Line = nlohmann::ordered_json;

void print(const Line& line) { fmt::print("{}\n", line.dump()); }

/// The step of a workload, compiled by its first run.
class CompilingStep {
 public:
  CompilingStep(Workload& workload, const CompileChoices& choices) : workload_(workload), choices_(choices) {}

  double operator()(std::size_t batch) {
    if (!bound_) compile();
    bound_->run(batch);
    return static_cast<double>(*loss_);
  }

  const ir::Graph& graph() const { return graph_.graph; }
  Storage& storage() { return storage_; }

  void write(Line& line) const {
    line["compile_ms"] = rounded(compile_ms_, 3);
    if (choices_.cached) line["cached_compile_ms"] = rounded(milliseconds_from_cache(graph_.graph, choices_), 3);
    line["arena_bytes"] = arena_bytes_;
    line["arena_lower_bound"] = arena_lower_bound_;
    line["arena_ratio"] = arena_lower_bound_ == 0
                              ? 1.0
                              : rounded(static_cast<double>(arena_bytes_) / static_cast<double>(arena_lower_bound_), 4);
  }

 private:
  void compile() {
    graph_ = workload_.trace();
    fill_storage(storage_, workload_.batches(), graph_);
    const double start = now();
    const ir::Program program = compile_program(graph_.graph, choices_);
    bound_.emplace(program, storage_, choices_, workload_.batches().size());
    compile_ms_ = 1e3 * (now() - start);
    arena_bytes_ = program.arena_bytes;
    arena_lower_bound_ = program.arena_lower_bound;
    loss_ = reinterpret_cast<const float*>(storage_.get(output_block("loss"), sizeof(float)));
  }

  Workload& workload_;
  CompileChoices choices_;
  Storage storage_;
  TrainingGraph graph_;
  std::optional<BoundProgram> bound_;
  const float* loss_ = nullptr;
  double compile_ms_ = 0.0;
  std::int64_t arena_bytes_ = 0, arena_lower_bound_ = 0;
};

/// The best of several runs of the elementwise workload written by hand, on the same numbers.
std::optional<ByHand> by_hand(CompilingStep& step, const Workload& workload, int threads) {
  const auto n = static_cast<std::size_t>(workload.spec().input.front());
  const auto bytes = static_cast<std::int64_t>(n * sizeof(float));
  const auto block = [&](const std::string& name) { return reinterpret_cast<float*>(step.storage().get(name, bytes)); };
  const std::span<const float> x(block(input_block(0, "x")), n);
  const std::span<float> dx(block(output_block("dx")), n);
  std::optional<ByHand> best;
  for (int k = 0; k < 60; ++k) {
    const std::optional<ByHand> run = fused_elementwise(threads, x, dx);
    if (run && (!best || run->seconds < best->seconds)) best = run;
  }
  return best;
}

/// Work, and how near the step comes to what the machine can do.
void write_bounds(Line& line, CompilingStep& step, const Workload& workload, const Timing& timing, int threads) {
  const double peak = fma_peak_gflops(threads);
  const double flops = needed_flops(step.graph());
  const double bytes = needed_bytes(step.graph(), workload.spec(), workload.config().batch);
  const double rate = flops / timing.median_ms * 1e-6;
  line["mflop"] = rounded(flops * 1e-6, 3);
  line["gflops"] = rounded(rate, 2);
  line["fma_peak_gflops"] = rounded(peak, 1);
  line["fma_share"] = rounded(rate / peak, 4);
  Bound bound = bound_of(flops, bytes, peak, threads);
  if (workload.spec().loss == LossKind::elementwise) {
    if (const std::optional<ByHand> hand = by_hand(step, workload, threads)) {
      bound.compute_ms = 1e3 * hand->seconds;
      line["by_hand_ms"] = rounded(1e3 * hand->seconds, 5);
      line["by_hand_loss"] = rounded(hand->loss, 5);
    }
  }
  line["mb_moved"] = rounded(bytes * 1e-6, 3);
  line["compute_bound_ms"] = rounded(bound.compute_ms, 6);
  line["traffic_bound_ms"] = rounded(bound.traffic_ms, 6);
  line["roofline_ms"] = rounded(bound.ms(), 6);
  line["roofline_ratio"] = rounded(timing.median_ms / bound.ms(), 3);
}

}  // namespace

void bench_step(const StepArguments& arguments) {
  const Config& config = find_config(arguments.config);
  const int threads = arguments.compile.threads;
  Line line = {{"config", config.name}, {"threads", threads}};
  if (const std::string missing = first_missing_layer(config.model()); !missing.empty()) {
    line["skipped"] = "needs layer " + missing;
    return print(line);
  }
  Workload workload(config);
  CompilingStep step(workload, arguments.compile);
  const Timing timing = measure(std::ref(step), workload.batches().size(), arguments.seconds);
  write(timing, line);
  step.write(line);
  write_bounds(line, step, workload, timing, threads);
  print(line);
}

}  // namespace sinter::bench

// Where the time of a step goes: every kernel, or kernels in strips together, in a program of its own, over the same
// memory, warm. What the caches and
// the team cost between kernels shows as the difference between their sum and the whole step.

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <numeric>
#include <set>
#include <vector>

#include <fmt/format.h>

#include <sinter/ir/error.h>
#include <sinter/ir/text.h>

#include "ceilings.h"
#include "commands.h"
#include "protocol.h"
#include "work.h"

namespace sinter::bench {

namespace {

struct Row {
  std::string name;
  std::string schedule;
  double microseconds = 0, flops = 0, bytes = 0;
};

/// The median time of one run, in microseconds. Samples are long enough for the clock and short enough to lie between
/// two interruptions by other programs.
double time_us(BoundProgram& program) {
  constexpr double sample_seconds = 0.0005, least_seconds = 0.15, most_seconds = 3.0;
  constexpr std::size_t least_samples = 5, enough_samples = 15;
  program.run();
  double start = now();
  program.run();
  const double once = std::max(now() - start, 1e-8);
  const auto runs = static_cast<std::int64_t>(std::clamp(sample_seconds / once, 1.0, 1e5));
  std::vector<double> times;
  const double begin = now();
  const auto more = [&] {
    const double passed = now() - begin;
    return times.size() < least_samples || passed < least_seconds ||
           (times.size() < enough_samples && passed < most_seconds);
  };
  while (more()) {
    start = now();
    for (std::int64_t k = 0; k < runs; ++k) program.run();
    times.push_back((now() - start) / static_cast<double>(runs));
  }
  std::ranges::sort(times);
  return 1e6 * times[times.size() / 2];
}

/// A kernel, or kernels in strips, and how often each loop around runs, the outermost first.
struct Placed {
  const ir::Item* item;
  std::vector<std::int64_t> turns;

  std::vector<const ir::Kernel*> kernels() const {
    std::vector<const ir::Kernel*> all;
    ir::for_each_kernel({item, 1}, [&](const ir::Kernel& kernel) { all.push_back(&kernel); });
    return all;
  }
};

void collect(const std::vector<ir::Item>& items, std::vector<std::int64_t>& turns, std::vector<Placed>& found) {
  for (const ir::Item& item : items) {
    if (std::holds_alternative<ir::Kernel>(item) || std::holds_alternative<ir::Strips>(item))
      found.push_back({&item, turns});
    const auto* loop = std::get_if<std::shared_ptr<const ir::Loop>>(&item);
    if (loop == nullptr) continue;
    turns.push_back((*loop)->count);
    collect((*loop)->items, turns, found);
    turns.pop_back();
  }
}

/// It alone, with the loops around it. What it shares with others through the arena is bound like a state, so
/// that it starts as zeros: elements that serve as indices stay in bounds.
ir::Program alone(const ir::Program& whole, const Placed& placed) {
  ir::Program program = whole;
  program.items = {*placed.item};
  for (auto turns = placed.turns.rbegin(); turns != placed.turns.rend(); ++turns)
    program.items = {std::make_shared<const ir::Loop>(ir::Loop{*turns, program.items})};
  program.arena_bytes = program.arena_lower_bound = 0;
  std::set<ir::BufferId> used;
  for (const ir::Kernel* kernel : placed.kernels()) {
    for (const ir::BufferId id : kernel->inputs) used.insert(whole.root_of(id));
    for (const ir::BufferId id : kernel->outputs) used.insert(whole.root_of(id));
  }
  for (ir::BufferId id = 0; id < program.buffers.size(); ++id) {
    ir::Buffer& buffer = program.buffers[id];
    if (buffer.kind != ir::BufferKind::arena) continue;
    if (used.contains(id)) {
      buffer.kind = ir::BufferKind::state;
      buffer.name = str("arena/", id);
    }
    buffer.offset = 0;
  }
  return program;
}

/// What each kernel reads and writes, a buffer counted once for each of the two.
double bytes_of(const ir::Program& program, std::vector<ir::BufferId> ids) {
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  double bytes = 0.0;
  for (const ir::BufferId id : ids) bytes += static_cast<double>(program.buffers[id].type.bytes());
  return bytes;
}

/// "contract, lanes = 16, ...": as the program's text says it.
std::string schedule_text(const ir::Program& program) {
  const std::string text = print(program);
  const std::string_view mark = "{form = ";
  const std::size_t begin = text.find(mark);
  const std::size_t end = text.find('}', begin);
  check(begin != std::string::npos && end != std::string::npos, "a kernel's text shows no schedule");
  return text.substr(begin + mark.size(), end - begin - mark.size());
}

/// The row of a kernel but for its time; of strips, the sum of their kernels.
Row row_of(const ir::Program& program, const Placed& placed) {
  const auto turns = static_cast<double>(
      std::accumulate(placed.turns.begin(), placed.turns.end(), std::int64_t{1}, std::multiplies<>()));
  Row row;
  for (const ir::Kernel* kernel : placed.kernels()) {
    row.name += (row.name.empty() ? "" : "; ") + kernel->name;
    row.flops += turns * contraction_flops(*kernel->body);
    row.bytes += turns * (bytes_of(program, kernel->inputs) + bytes_of(program, kernel->outputs));
  }
  if (const auto* strips = std::get_if<ir::Strips>(placed.item))
    row.name = fmt::format("{} strips: {}", strips->count, row.name);
  if (!placed.turns.empty()) row.name = fmt::format("{} x {}", turns, row.name);
  return row;
}

std::string number(double value, int decimals, bool shown = true) {
  return shown ? fmt::format("{:.{}f}", value, decimals) : "-";
}

void print_row(const Row& row, double whole_us, double peak) {
  const double rate = row.flops / row.microseconds * 1e-3;
  const bool product = row.flops > 0;
  fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", row.name, number(row.microseconds, 3),
             number(100.0 * row.microseconds / whole_us, 1), number(row.flops * 1e-6, 2, product),
             number(row.bytes * 1e-6, 3), number(rate, 1, product), number(100.0 * rate / peak, 0, product),
             number(row.bytes / row.microseconds * 1e-3, 1), row.schedule);
}

/// That of a config, with its batches and weights in `storage`, or of a .sir file, over zeros.
ir::Graph graph_of(const std::string& what, Storage& storage) {
  if (what.ends_with(".sir")) {
    std::ifstream file(what);
    if (!file) user_error("--profile ", what, ": cannot read the file");
    ir::Graph graph = ir::parse_graph(std::string(std::istreambuf_iterator<char>(file), {}), what);
    // Written, so that they are memory of their own: pages that nobody wrote are one page of zeros.
    const auto write = [&](const std::string& name, ir::NodeId id) {
      const std::int64_t bytes = graph.node(id).results[0].bytes();
      std::memset(storage.get(name, bytes), 0, static_cast<std::size_t>(bytes));
    };
    for (const ir::NodeId id : graph.inputs()) write(input_block(0, name_of(graph.node(id))), id);
    for (const ir::NodeId id : graph.states()) write(state_block(name_of(graph.node(id))), id);
    return graph;
  }
  const Config& config = find_config(what);
  if (const std::string missing = first_missing_layer(config.model()); !missing.empty())
    user_error(config.name, " needs layer ", missing, ", which does not exist yet");
  Workload workload(config);
  TrainingGraph graph = workload.trace();
  fill_storage(storage, workload.batches(), graph);
  return std::move(graph.graph);
}

}  // namespace

void profile(const StepArguments& arguments) {
  const int threads = arguments.compile.threads;
  Storage storage;
  const ir::Program program = compile_program(graph_of(arguments.config, storage), arguments.compile);
  BoundProgram whole(program, storage, arguments.compile);
  const double whole_us = time_us(whole);
  const double peak = fma_peak_gflops(threads);

  ir::Program nothing = program;
  nothing.items.clear();
  BoundProgram empty(nothing, storage, arguments.compile);
  const double call_us = time_us(empty);

  std::vector<Row> rows;
  std::vector<Placed> kernels;
  std::vector<std::int64_t> around;
  collect(program.items, around, kernels);
  for (const Placed& placed : kernels) {
    const ir::Program single = alone(program, placed);
    BoundProgram bound(single, storage, arguments.compile);
    rows.push_back(row_of(program, placed));
    rows.back().schedule = schedule_text(single);
    rows.back().microseconds = std::max(time_us(bound) - call_us, 0.001);
  }

  fmt::print("{} on {} thread(s); whole step {:.2f} us; FMA peak {:.1f} GFLOP/s; an empty step takes {:.3f} us\n\n",
             arguments.config, threads, whole_us, peak, call_us);
  fmt::print("| kernel | us | % of step | MFLOP | MB | GFLOP/s | % of peak | GB/s | schedule |\n");
  fmt::print("|---|---|---|---|---|---|---|---|---|\n");
  Row sum{"sum", "", 0, 0, 0};
  for (const Row& row : rows) {
    print_row(row, whole_us, peak);
    sum.microseconds += row.microseconds;
    sum.flops += row.flops;
    sum.bytes += row.bytes;
  }
  print_row(sum, whole_us, peak);
}

}  // namespace sinter::bench

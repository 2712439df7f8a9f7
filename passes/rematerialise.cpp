// Rematerialisation. For a target of so many bytes, the moment of the peak is looked for and a minimum cut says what is
// best computed again after it (recompute_cut.cpp); the graph is written anew, ordered anew, and the next peak is
// looked for, until all moments fit. One cut over the end of the forward pass would not do: what is computed again has
// a peak of its own, so it is cut again where it is too high. The curve comes from many targets and a few ways to weigh
// long against short lives; what counts in the end is the plan that lowering makes and the estimated time.
//
// Random numbers are functions of counters and kernels of their operands, so a kernel that runs again gives the same
// bits. It runs on fused graphs: what fusion joins needs no memory to begin with.

#include <sinter/passes/rematerialise.h>

#include <algorithm>
#include <functional>
#include <iomanip>
#include <optional>
#include <sstream>
#include <utility>

#include <sinter/ir/error.h>
#include <sinter/ir/program.h>

#include "anti_dependence.h"
#include "kernel_cost.h"
#include "lower.h"
#include "recompute.h"
#include "recompute_cut.h"
#include "timeline.h"

namespace sinter::passes {

using ir::Graph;
using ir::NodeId;

namespace {

/// Seconds to run each kernel again. A user's function is never called twice: nobody knows what it costs.
std::vector<double> seconds_of(const Graph& graph, const ir::Target& target) {
  std::vector<double> seconds;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const bool opaque = ir::info(graph.node(id).kind).form == ir::Form::external;
    seconds.push_back(opaque ? -1.0 : estimated_seconds(graph, id, target));
  }
  return seconds;
}

double milliseconds_of(const Graph& graph, const ir::Target& target) {
  double sum = 0.0;
  for (NodeId id = 0; id < graph.size(); ++id) sum += estimated_seconds(graph, id, target);
  return 1e3 * sum;
}

MemoryPoint point_of(Graph graph, const ir::Target& target) {
  const ir::Program program = lower_graph(graph, target);
  int kernels = 0;
  for_each_kernel(program.items, [&](const ir::Kernel&) { ++kernels; });
  return {program.arena_bytes, program.arena_lower_bound, milliseconds_of(graph, target), kernels, std::move(graph)};
}

/// A graph that the search has found, judged by bytes alive and estimated time.
struct Found {
  Graph graph;
  std::int64_t bytes = 0;
  double milliseconds = 0.0;
};

class Search {
 public:
  /// Nodes that are looked at before no further way is tried: a few seconds.
  static constexpr std::size_t most_work = 400'000;

  Search(const Graph& graph, const ir::Target& target) : target_(target), start_(candidate(graph)) {}

  std::int64_t peak() const { return start_.line.peak(); }

  /// Looks for a graph for each of the targets, falling numbers of bytes, in a few ways: by weight of long lives; each
  /// target from what was found for the one before, which mends little by little, or from the whole step, which frees
  /// much with one cut. None is always better. Large graphs are walked in fewer ways.
  void look_for(std::span<const std::int64_t> targets) {
    for (const bool goes_on : {true, false})
      for (const double long_hold : {1.0, 0.0, 4.0})
        if (work_ < most_work) walk(targets, long_hold, goes_on);
  }

  /// The whole step, then those that no other beats in both, planned, the fastest first.
  std::vector<MemoryPoint> points() const {
    std::vector<MemoryPoint> points;
    for (const Found& f : best_of(found_, &Found::bytes)) points.push_back(point_of(f.graph, target_));
    std::vector<MemoryPoint> curve = {point_of(start_.graph, target_)};
    for (MemoryPoint& p : best_of(std::move(points), &MemoryPoint::arena_bytes))
      if (p.arena_bytes < curve.front().arena_bytes) curve.push_back(std::move(p));
    return curve;
  }

 private:
  struct Candidate {
    Graph graph;
    Timeline line;
  };

  Candidate candidate(Graph graph) {
    Timeline line = timeline_of(graph, shapes_);
    return {std::move(graph), std::move(line)};
  }

  void walk(std::span<const std::int64_t> targets, double long_hold, bool goes_on) {
    Candidate from = start_;
    for (const std::int64_t bytes : targets) {
      std::optional<Candidate> found = lowered(from, bytes, long_hold);
      if (!found) return;
      found_.push_back({found->graph, found->line.peak(), milliseconds_of(found->graph, target_)});
      if (goes_on) from = std::move(*found);
    }
  }

  /// With at most `most` bytes alive at any moment, if that can be reached.
  std::optional<Candidate> lowered(Candidate now, std::int64_t most, double long_hold) {
    constexpr int rounds = 24;  // each lowers one peak
    for (int k = 0; k < rounds; ++k) {
      work_ += now.graph.size();
      const std::int64_t over = now.line.peak() - most;
      if (over <= 0) return now;
      const std::size_t moment = now.line.moment_of_peak();
      const std::vector<double> seconds = seconds_of(now.graph, target_);
      const std::vector<char> again = cut_recomputation(now.graph, now.line, {moment, over, seconds, long_hold});
      if (again.empty()) return std::nullopt;
      now = candidate(recompute_after(now.graph, now.line, moment, again));
    }
    return std::nullopt;
  }

  /// Those that no other beats in both time and bytes, the fastest first.
  template <class Point>
  static std::vector<Point> best_of(std::vector<Point> points, std::int64_t Point::* bytes) {
    std::ranges::stable_sort(points, {}, [&](const Point& p) { return std::pair(p.milliseconds, p.*bytes); });
    std::vector<Point> best;
    for (Point& p : points)
      if (best.empty() || p.*bytes < best.back().*bytes) best.push_back(std::move(p));
    return best;
  }

  ir::Target target_;
  KernelShapes shapes_;
  Candidate start_;
  std::vector<Found> found_;
  std::size_t work_ = 0;  // nodes looked at
};

/// Bytes to aim at, falling. The plan of a graph may take a little more than is alive, so a budget gives several.
std::vector<std::int64_t> targets_below(std::int64_t peak, std::optional<std::int64_t> budget) {
  constexpr std::int64_t steps = 32;
  std::vector<std::int64_t> targets;
  for (std::int64_t k = 1; k < steps; ++k) targets.push_back(peak / steps * (steps - k));
  if (budget && *budget < peak)
    for (const std::int64_t percent : {100, 99, 97}) targets.push_back(*budget / 100 * percent);
  std::ranges::sort(targets, std::greater<>());
  return targets;
}

/// Megabytes (1e6 bytes) with three decimals.
std::string megabytes(std::int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << static_cast<double>(bytes) / 1e6;
  return text.str();
}

void check_budget(std::int64_t budget) {
  if (budget < 0) user_error("memory budget: expected bytes, 0 or more, got ", budget);
}

}  // namespace

std::vector<MemoryPoint> memory_curve(const Graph& graph, const ir::Target& target,
                                      std::optional<std::int64_t> budget) {
  Search search(graph, target);
  search.look_for(targets_below(search.peak(), budget));
  return search.points();
}

const MemoryPoint& fastest_within(std::span<const MemoryPoint> curve, std::int64_t budget) {
  check_budget(budget);
  check(!curve.empty(), "memory budget: a curve without points");
  for (const MemoryPoint& point : curve)
    if (point.arena_bytes <= budget) return point;
  user_error("memory budget of '", curve.front().graph.name(), "': ", budget,
             " bytes are too few for what lies between its kernels; the smallest arena found takes ",
             curve.back().arena_bytes, " bytes, the one without a budget ", curve.front().arena_bytes,
             ". Give it more, or make the batch smaller");
}

Graph rematerialise(const Graph& graph, std::int64_t budget, const ir::Target& target) {
  check_budget(budget);
  if (lower_graph(graph, target).arena_bytes <= budget) return graph;
  return fastest_within(memory_curve(graph, target, budget), budget).graph;
}

std::string to_string(std::span<const MemoryPoint> curve) {
  std::ostringstream text;
  text << "  arena MB   bound MB    est. ms  kernels\n" << std::fixed << std::setprecision(3);
  for (const MemoryPoint& p : curve)
    text << std::setw(10) << megabytes(p.arena_bytes) << std::setw(11) << megabytes(p.arena_lower_bound)
         << std::setw(11) << p.milliseconds << std::setw(9) << p.kernels << '\n';
  return text.str();
}

}  // namespace sinter::passes

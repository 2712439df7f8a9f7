#pragma once
// One contraction alone against the peak of multiply-adds. Machines change their clock, so each sample stands between
// two runs of a loop of pure multiply-adds, and its share of the peak is taken from those.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/graph.h>

#include "commands.h"

namespace sinter::bench {

/// Prints a line of JSON for the graph, with its name in field `what`.
void bench_contraction(const std::string& what, const std::string& name, const ir::Graph& graph, double flops,
                       const ContractionArguments& arguments);

std::vector<std::string> split_at_commas(const std::string& text);
/// Throws UserError that begins with `where` for anything else.
std::vector<std::int64_t> positive_numbers(const std::string& where, std::span<const std::string> parts);

}  // namespace sinter::bench

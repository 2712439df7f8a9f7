#pragma once
// The text form of graphs and programs (.sir). Deterministic; parse(print(x)) == x. ir/README.md has the grammar.

#include <string>
#include <string_view>
#include <variant>

#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

/// Version written in the first line of a file.
inline constexpr int text_version = 1;

SINTER_API std::string print(const Graph& graph);
SINTER_API std::string print(const Program& program);

/// Reads one graph. Throws UserError "FILE:LINE:COLUMN: what, expected, got" with `file` as FILE.
SINTER_API Graph parse_graph(std::string_view text, std::string_view file = "<text>");
SINTER_API Program parse_program(std::string_view text, std::string_view file = "<text>");
/// Whichever the text holds.
SINTER_API std::variant<Graph, Program> parse(std::string_view text, std::string_view file = "<text>");

}  // namespace sinter::ir

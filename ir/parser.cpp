// From text to graphs and programs: entry points. The grammar stands in ir/README.md; the readers under text/ follow it
// rule by rule. Written by hand, because messages that point at the mistake matter more than a short grammar file.

#include <sinter/ir/text.h>

#include "text/graph_reader.h"
#include "text/program_reader.h"
#include "text/reader.h"

namespace sinter::ir {

namespace {

template <class T>
T closed(text::Reader& reader, T value) {
  reader.expect(text::TokenKind::end, "end of file");
  return value;
}

}  // namespace

Graph parse_graph(std::string_view text, std::string_view file) {
  text::Reader reader(text, file);
  return closed(reader, text::read_graph(reader));
}

Program parse_program(std::string_view text, std::string_view file) {
  text::Reader reader(text, file);
  return closed(reader, text::read_program(reader));
}

std::variant<Graph, Program> parse(std::string_view text, std::string_view file) {
  text::Reader reader(text, file);
  if (reader.peek_is("graph")) return closed(reader, text::read_graph(reader));
  if (reader.peek_is("program")) return closed(reader, text::read_program(reader));
  reader.fail_expected("'graph' or 'program'");
}

}  // namespace sinter::ir

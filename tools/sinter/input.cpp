#include <fstream>
#include <iostream>
#include <sstream>

#include <sinter/ir/error.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>
#include <sinter/passes/registry.h>

#include "commands.h"
#include "examples.h"

namespace sinter::tool {

std::string read_text(const std::string& file) {
  std::ostringstream text;
  if (file == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    std::string known;
    for (const Example& e : examples()) known += str(known.empty() ? "" : ", ", e.name);
    user_error(file, ": cannot read this file; examples are: ", known);
  }
  text << in.rdbuf();
  return text.str();
}

void check_valid(const Unit& unit, const std::string& source) {
  const std::vector<std::string> found = std::visit([](const auto& u) { return ir::violations(u); }, unit);
  if (found.empty()) return;
  std::string message = source + ": not valid";
  for (const std::string& v : found) message += "\n  " + v;
  throw UserError(message);
}

Unit read_unit(const std::string& source, const std::string& externs) {
  if (const Example* example = find_example(source)) return example->graph();
  Unit unit = ir::parse(read_text(source), source == "-" ? "<stdin>" : source);
  check_valid(unit, source);
  return with_externs(std::move(unit), externs);
}

ir::Graph read_graph(const std::string& source, const std::string& externs) {
  Unit unit = read_unit(source, externs);
  if (auto* graph = std::get_if<ir::Graph>(&unit)) return std::move(*graph);
  user_error(source, ": expected a graph, got a program");
}

std::vector<std::string> split_passes(const std::vector<std::string>& list) {
  std::vector<std::string> names;
  for (const std::string& item : list) {
    std::istringstream parts(item);
    for (std::string name; std::getline(parts, name, ',');) {
      name.erase(0, name.find_first_not_of(' '));
      name.erase(name.find_last_not_of(' ') + 1);
      if (name == "default")
        for (const std::string_view each : passes::default_passes()) names.emplace_back(each);
      else if (!name.empty())
        names.push_back(name);
    }
  }
  return names;
}

bool is_fused(const ir::Graph& graph) {
  for (const ir::Node& node : graph.nodes())
    if (node.body) return true;
  return false;
}

}  // namespace sinter::tool

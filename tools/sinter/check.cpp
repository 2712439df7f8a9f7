// `sinter check`: golden tests. A file holds
//
//     // passes: a,b          (or "// error: a,b": reading, verifying or these passes must fail)
//     graph @f { ... }
//     ---
//     the exact text that comes out (or the exact message)
//
// or, for what the whole pipeline makes of an example of `sinter dump`,
//
//     // example: seed
//     ---
//     the text of the fused stage
//
// The last pass may be `lower`; then the expected text is a program, for a fixed target. SINTER_BLESS=1 rewrites what
// stands after the line ---; read the diff before you commit it.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include <sinter/ir/error.h>
#include <sinter/ir/text.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>

#include "commands.h"
#include "examples.h"

namespace sinter::tool {

namespace {

struct Golden {
  std::string before;  // everything up to and including the line ---
  std::string input;   // what is parsed: the first line is a comment, so line numbers are the file's
  std::string expected;
  bool expects_error = false;
  std::vector<std::string> passes;
  const Example* example = nullptr;  // instead of input and passes
};

constexpr std::string_view separator = "\n---\n";

std::optional<std::string> after_prefix(const std::string& line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return std::nullopt;
  return line.substr(prefix.size());
}

const Example& example_named(const std::string& file, const std::string& name) {
  const Example* example = find_example(name);
  if (example == nullptr) user_error(file, ":1: there is no example '", name, "'");
  return *example;
}

Golden read_golden(const std::string& file) {
  const std::string text = read_text(file);
  Golden golden;
  const std::string first = text.substr(0, text.find('\n'));
  const auto passes = after_prefix(first, "// passes:");
  const auto error = after_prefix(first, "// error:");
  const auto example = after_prefix(first, "// example: ");
  if (!passes && !error && !example)
    user_error(file, ":1: expected '// passes: a,b', '// error: a,b' or '// example: name', got '", first, "'");
  const std::size_t cut = text.find(separator);
  if (cut == std::string::npos) user_error(file, ": expected a line '---' between input and result");
  golden.before = text.substr(0, cut + separator.size());
  golden.input = text.substr(0, cut + 1);
  golden.expected = text.substr(cut + separator.size());
  golden.expects_error = error.has_value();
  if (example)
    golden.example = &example_named(file, *example);
  else
    golden.passes = split_passes({passes ? *passes : *error});
  return golden;
}

/// A machine that every test can rely on: AVX2.
ir::Target fixed_target() {
  ir::Target target;
  target.triple = "x86_64-unknown-linux-gnu";
  target.features = {"+avx2", "+fma"};
  target.vector_bits = 256;
  target.vector_registers = 16;
  return target;
}

passes::Options verified_options() {
  passes::Options options;
  options.target = fixed_target();
  options.verify = true;
  return options;
}

std::string transform(const Golden& golden) {
  const passes::Options options = verified_options();
  if (golden.example != nullptr) return ir::print(passes::optimize(golden.example->graph(), options));
  Unit unit = ir::parse(golden.input, "input");
  check_valid(unit, "input");
  if (golden.passes.empty()) return std::visit([](const auto& u) { return ir::print(u); }, unit);
  const auto* graph = std::get_if<ir::Graph>(&unit);
  if (graph == nullptr) user_error("passes need a graph, got a program");
  std::vector<std::string> names = golden.passes;
  const bool lowers = names.back() == "lower";
  if (lowers) names.pop_back();
  const ir::Graph result = passes::run_passes(*graph, names, options);
  return lowers ? ir::print(passes::lower(result, options)) : ir::print(result);
}

std::string outcome(const Golden& golden) {
  if (!golden.expects_error) return transform(golden);
  try {
    return "no error, but:\n" + transform(golden);
  } catch (const UserError& e) {
    return std::string(e.what()) + "\n";
  }
}

/// The lines around the first difference.
void show_difference(const std::string& file, const std::string& expected, const std::string& got) {
  std::istringstream a(expected);
  std::istringstream b(got);
  std::string line_a;
  std::string line_b;
  for (int number = 1;; ++number) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a));
    const bool more_b = static_cast<bool>(std::getline(b, line_b));
    if (more_a && more_b && line_a == line_b) continue;
    std::cout << file << ": line " << number
              << " of the result differs\n  expected: " << (more_a ? line_a : "(the end)")
              << "\n  got:      " << (more_b ? line_b : "(the end)") << "\nwhole result:\n"
              << got << "SINTER_BLESS=1 would write this into the file.\n";
    return;
  }
}

bool check_file(const std::string& file) {
  const Golden golden = read_golden(file);
  const std::string got = outcome(golden);
  if (got == golden.expected) return true;
  const char* bless = std::getenv("SINTER_BLESS");
  if (bless == nullptr || std::string_view(bless) != "1") {
    show_difference(file, golden.expected, got);
    return false;
  }
  std::ofstream out(file, std::ios::binary);
  out << golden.before << got;
  if (!out.flush()) user_error(file, ": cannot write");
  std::cout << file << ": blessed\n";
  return true;
}

}  // namespace

int check_files(const std::vector<std::string>& files) {
  int result = done;
  for (const std::string& file : files)
    if (!check_file(file)) result = failed;
  return result;
}

}  // namespace sinter::tool

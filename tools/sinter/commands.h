#pragma once
// The commands of `sinter`. Each returns an exit code:
//   0  done
//   1  results differ, or a check failed
//   2  wrong usage, or a file, graph or argument that is wrong (UserError)
//   3  a bug of ours (InternalError)

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>

namespace sinter::tool {

enum ExitCode : int { done = 0, failed = 1, wrong_input = 2, our_bug = 3 };

struct DumpArguments {
  std::string source;
  std::string stage = "fused";
  int only_kernel = -1;
  std::optional<std::int64_t> memory_budget;
};
int dump(const DumpArguments& arguments);

struct OptArguments {
  std::string source;
  std::string externs;
  std::vector<std::string> passes;
  bool verify_each = false;
  bool bisect = false;
  bool times = false;
  std::uint64_t seed = 0;
};
int opt(const OptArguments& arguments);

enum class Engine { interpreter, jit, compare };
struct RunArguments {
  std::string source;
  std::string externs;
  Engine engine = Engine::jit;
  std::uint64_t seed = 0;
  int threads = 1;
};
int run(const RunArguments& arguments);

struct ExportArguments {
  std::string source;
  std::string externs;
  std::string output;  // .o, .a or .so
  std::string header;
  std::string prefix;
  std::string state;  // a safetensors file with the contents of states
  std::vector<std::string> targets;
  int threads = 1;
  std::int64_t batch_size = 32;
  bool train = false, evaluate = false, predict = false;
  std::optional<std::int64_t> memory_budget;
};
int export_object(const ExportArguments& arguments);
/// Puts a file of weights into a stored state.
int put_weights(const std::string& state, const std::string& weights);

/// Runs golden tests. Prints what differs.
int check_files(const std::vector<std::string>& files);
int dot(const std::string& source);
int list_passes(bool rules);

// Shared by the commands (input.cpp).

using Unit = std::variant<ir::Graph, ir::Program>;
/// What `source` names: "-" (standard input), an example, or a file. Verified. `externs` is a shared library with the
/// functions that it calls; "": none.
Unit read_unit(const std::string& source, const std::string& externs = {});
/// As read_unit, for commands that only take graphs.
ir::Graph read_graph(const std::string& source, const std::string& externs = {});
/// The unit with its externs bound to the functions of a shared library (externs.cpp).
Unit with_externs(Unit unit, const std::string& library);
std::string read_text(const std::string& file);
/// "a,b,c" -> names; "default" stands for the default passes.
std::vector<std::string> split_passes(const std::vector<std::string>& list);
/// Throws a UserError with all violations.
void check_valid(const Unit& unit, const std::string& source);
/// True when kernels have been formed already.
bool is_fused(const ir::Graph& graph);

}  // namespace sinter::tool

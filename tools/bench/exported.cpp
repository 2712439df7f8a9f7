// An exported step against the JIT's: both in this process, in turns, so that they see the same machine.

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sinter/frontend/export.h>
#include <sinter/ir/error.h>
#include <sinter/runtime/team.h>

#include "commands.h"
#include "protocol.h"

namespace sinter::bench {

namespace {

namespace fs = std::filesystem;

using SinglePointer = int (*)(void*);
using TeamStep = int (*)(const void* arguments, std::int32_t thread, std::int32_t threads, void (*barrier)(void*),
                         void* barrier_arg);

/// A folder that is gone afterwards.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("sinter_exported_{}", ::getpid())) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

/// "#define M_WORK_BYTES 128u" -> 128.
std::int64_t number_in(const std::string& header_file, const std::string& macro) {
  std::ifstream header(header_file);
  const std::string begin = "#define " + macro + " ";
  for (std::string line; std::getline(header, line);)
    if (line.starts_with(begin)) return std::stoll(line.substr(begin.size()));
  internal_error(header_file, " does not define ", macro);
}

/// A graph's step, exported, made a shared library by the system's linker, and loaded.
class ExportedStep {
 public:
  ExportedStep(const ir::Graph& graph, const std::map<std::string, Array>& states, int threads) : threads_(threads) {
    const Folder folder;
    // Two threads at least: the function for teams is there, and with one thread it costs the same.
    export_graph(folder.file("m.o"), graph, states, {.threads = std::max(threads, 2)});
    const std::string command = "cc -shared -o '" + folder.file("m.so") + "' '" + folder.file("m.o") + "'";
    if (std::system(command.c_str()) != 0)  // NOLINT: nothing of the command comes from elsewhere
      user_error("--exported: this failed: ", command);
    library_ = dlopen(folder.file("m.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) internal_error(dlerror());
    state_ = ir::allocate_aligned(number_in(folder.file("m.h"), "M_STATE_BYTES"));
    work_ = ir::allocate_aligned(number_in(folder.file("m.h"), "M_WORK_BYTES"));
    step_ = reinterpret_cast<TeamStep>(symbol("m_step_team"));
    expect_ok(reinterpret_cast<SinglePointer>(symbol("m_init"))(state_.get()));
    expect_ok(reinterpret_cast<SinglePointer>(symbol("m_prepare"))(work_.get()));
  }
  ~ExportedStep() { dlclose(library_); }
  ExportedStep(const ExportedStep&) = delete;
  ExportedStep& operator=(const ExportedStep&) = delete;

  void bind(Storage& storage, const runtime::Signature& signature, std::size_t batches) {
    for (std::size_t k = 0; k < batches; ++k) {
      std::vector<void*>& arguments = arguments_.emplace_back();
      arguments = {state_.get(), work_.get()};
      for (const runtime::Port& p : signature.inputs)
        arguments.push_back(storage.get(input_block(k, p.name), p.type.bytes()));
      for (const runtime::Port& p : signature.outputs)
        arguments.push_back(storage.get("exported " + p.name, p.type.bytes()));
    }
  }

  void run(std::size_t batch) {
    Call call{step_, static_cast<const void*>(arguments_[batch].data()), 0};
    if (threads_ > 1)
      runtime::default_team().run(threads_, &run_share, &call);
    else
      run_share(&call, 0, 1, nullptr, nullptr);
    expect_ok(call.result);
  }

 private:
  struct Call {
    TeamStep step;
    const void* arguments;
    int result;  // of thread 0; all have the same
  };

  static void run_share(void* context, std::int32_t thread, std::int32_t threads, void (*barrier)(void*), void* arg) {
    auto& call = *static_cast<Call*>(context);
    const int result = call.step(call.arguments, thread, threads, barrier, arg);
    if (thread == 0) call.result = result;
  }
  void* symbol(const char* name) const {
    void* address = dlsym(library_, name);
    check(address != nullptr, "no symbol ", name);
    return address;
  }
  static void expect_ok(int code) { check(code == 0, "an exported function returned ", code); }

  int threads_;
  void* library_ = nullptr;
  TeamStep step_ = nullptr;
  ir::AlignedBytes state_, work_;
  std::vector<std::vector<void*>> arguments_;
};

std::map<std::string, Array> initial_states(const TrainingGraph& graph) {
  std::map<std::string, Array> states(graph.scalars.begin(), graph.scalars.end());
  for (const auto& [name, variable] : graph.weights) states[name] = variable.value();
  return states;
}

/// Milliseconds of a step, over a block of steps long enough for the clock.
template <class Step>
double block_ms(Step& step, std::size_t batches, int count) {
  const double start = now();
  for (int k = 0; k < count; ++k) step.run(static_cast<std::size_t>(k) % batches);
  return 1e3 * (now() - start) / count;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

void bench_exported(const StepArguments& arguments) {
  Workload workload(find_config(arguments.config));
  TrainingGraph graph = workload.trace();
  const std::size_t batches = workload.batches().size();
  ExportedStep exported(graph.graph, initial_states(graph), arguments.compile.threads);
  Storage storage;
  fill_storage(storage, workload.batches(), graph);
  BoundProgram jit(compile_program(graph.graph, arguments.compile), storage, arguments.compile, batches);
  exported.bind(storage, jit.signature(), batches);

  const double once = std::max(block_ms(jit, batches, 20), block_ms(exported, batches, 20));  // warms up as well
  const int count = std::clamp(static_cast<int>(10.0 / once), 1, 2000);                       // about 10 ms
  std::vector<double> of_jit, of_exported, ratios;
  for (const double start = now(); now() - start < arguments.seconds || ratios.size() < 15;) {
    of_jit.push_back(block_ms(jit, batches, count));
    of_exported.push_back(block_ms(exported, batches, count));
    ratios.push_back(of_exported.back() / of_jit.back());
  }
  const double best = std::ranges::min(of_exported) / std::ranges::min(of_jit);
  const nlohmann::ordered_json line = {{"config", arguments.config},
                                       {"threads", arguments.compile.threads},
                                       {"jit_ms", rounded(median(of_jit), 5)},
                                       {"exported_ms", rounded(median(of_exported), 5)},
                                       {"ratio", rounded(median(ratios), 4)},
                                       {"best_ratio", rounded(best, 4)},
                                       {"pairs", ratios.size()}};
  fmt::print("{}\n", line.dump());
}

}  // namespace sinter::bench

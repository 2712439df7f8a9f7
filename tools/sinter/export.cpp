// `sinter export`: a model or a graph as an object file or a library.

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <sinter/frontend/export.h>
#include <sinter/frontend/safetensors.h>
#include <sinter/ir/error.h>

#include "commands.h"
#include "examples.h"

extern char** environ;

namespace sinter::tool {

namespace {

namespace fs = std::filesystem;

std::string variable_or(const char* name, const char* otherwise) {
  const char* set = std::getenv(name);
  return set != nullptr && *set != '\0' ? set : otherwise;
}

/// Runs a program and waits for it.
void run_program(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // they stay as they are
  arguments.push_back(nullptr);
  pid_t process = 0;
  const int error = posix_spawnp(&process, arguments[0], nullptr, nullptr, arguments.data(), environ);
  int status = 0;
  if (error == 0 && waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  user_error("export: '", words[0], "' failed", error == 0 ? "" : ": " + std::generic_category().message(error),
             "; the variables AR and CC name the programs that make libraries");
}

void make_library(const fs::path& object, const fs::path& library) {
  if (library.extension() == ".a") {
    fs::remove(library);  // ar would add to it
    run_program({variable_or("AR", "ar"), "rcs", library.string(), object.string()});
  } else {
    run_program({variable_or("CC", "cc"), "-shared", "-o", library.string(), object.string()});
  }
}

/// A file that is gone at the end, if it is there.
struct Removed {
  explicit Removed(fs::path p) : path(std::move(p)) {}
  ~Removed() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  Removed(const Removed&) = delete;
  Removed& operator=(const Removed&) = delete;
  fs::path path;
};

fs::path header_of(const ExportArguments& a) {
  return a.header.empty() ? fs::path(a.output).replace_extension(".h") : fs::path(a.header);
}

ExportOptions options_of(const ExportArguments& a) {
  ExportOptions options;
  options.header = header_of(a).string();
  options.prefix = a.prefix;
  if (!a.targets.empty()) options.targets = a.targets;
  options.threads = a.threads;
  options.memory_budget = a.memory_budget;
  options.batch_size = a.batch_size;
  if (a.train) options.functions.emplace_back("train_step");
  if (a.evaluate) options.functions.emplace_back("evaluate_step");
  if (a.predict) options.functions.emplace_back("predict");
  return options;
}

std::map<std::string, Array> contents_of(const std::string& file) {
  std::map<std::string, Array> states;
  if (file.empty()) return states;
  for (auto& [name, array] : read_safetensors(file).tensors) states[name] = array;
  return states;
}

void export_to(const std::string& object, const ExportArguments& a) {
  ExportOptions options = options_of(a);
  if (const Example* example = find_example(a.source)) {
    const std::unique_ptr<Model> model = example->model();
    if (!a.state.empty()) model->load_weights(a.state, {.sources = {}, .ignore_others = true});
    options.labels = example->label();
    return model->export_object(object, options);
  }
  if (!options.functions.empty())
    user_error("export: --train, --evaluate and --predict are for models; a graph becomes one function, 'step'");
  export_graph(object, read_graph(a.source, a.externs), contents_of(a.state), options);
}

}  // namespace

int export_object(const ExportArguments& arguments) {
  const fs::path output = arguments.output;
  if (output.extension() == ".o") {
    export_to(arguments.output, arguments);
    return done;
  }
  if (output.extension() != ".a" && output.extension() != ".so")
    user_error("export: expected an output that ends in .o, .a or .so, got ", output.string());
  // Nothing is there unless all of it is.
  const Removed object{output.string() + ".o"}, header{output.string() + ".h"};
  ExportArguments parts = arguments;
  parts.header = header.path.string();
  if (parts.prefix.empty()) parts.prefix = output.stem().string();
  export_to(object.path.string(), parts);
  make_library(object.path, output);
  fs::rename(header.path, header_of(arguments));
  return done;
}

int put_weights(const std::string& state, const std::string& weights) {
  sinter::put_weights(state, weights);
  return done;
}

}  // namespace sinter::tool

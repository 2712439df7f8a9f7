// keras_cases DIR-or-FILE...: runs numeric cases made with Keras through the frontend and compares.
//
// Two formats are known by their content: those of tests/data/keras-golden (one layer or one fit per file; maps of
// losses, optimizers and schedules) and that of tests/data/keras-vectors.json. Other files in a folder are ignored
// unless they end in .json. Exit code: 0 nothing failed, 1 a case failed, 2 wrong usage.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include <sinter/ir/error.h>

#include "cases.h"

namespace {

namespace fs = std::filesystem;
using namespace keras_cases;

/// All .json files below a folder, in order of their paths; a file itself.
std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

using RunCase = void (*)(const Json&, sinter::Backend);

/// What an entry of a map of cases is, by its members.
RunCase kind_of_entry(const Json& entry) {
  if (find(entry, "y_true") != nullptr) return run_loss_case;
  if (find(entry, "trajectory") != nullptr) return run_optimizer_case;
  if (find(entry, "values") != nullptr && find(entry, "config") != nullptr) return run_schedule_case;
  return nullptr;
}

class Runner {
 public:
  Runner(Report& report, sinter::Backend backend) : report_(report), backend_(backend) {}

  void run_file(const fs::path& path) {
    const std::string name = path.stem().string();
    try {
      run_json(name, read(path));
    } catch (const std::exception& e) {
      report_.fail(path.string(), e.what());
    }
  }

 private:
  static Json read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) sinter::user_error("cannot be read");
    return Json::parse(in);
  }

  void run_json(const std::string& name, const Json& data) {
    if (find(data, "class") != nullptr && find(data, "outputs") != nullptr) return run(name, run_layer_case, data);
    if (find(data, "history") != nullptr) return run(name, run_train_case, data);
    if (const Json* vectors = find(data, "vectors")) return run_vectors(name, *vectors);
    if (!data.is_object() || data.empty()) sinter::user_error("is no file of cases");
    for (const auto& [key, entry] : data.items()) {
      const RunCase kind = kind_of_entry(entry);
      const std::string entry_name = sinter::str(name, "/", key);
      if (kind == nullptr)
        report_.fail(entry_name, "malformed case: neither a loss, an optimizer nor a schedule");
      else
        run(entry_name, kind, entry);
    }
  }

  void run_vectors(const std::string& name, const Json& vectors) {
    if (!vectors.is_array()) sinter::user_error("'vectors' must be a list");
    std::size_t number = 0;
    for (const Json& vector : vectors) {
      const Json* id = find(vector, "id");
      const bool named = id != nullptr && id->is_string();
      run(name + "/" + (named ? id->get<std::string>() : std::to_string(number)), run_vector_case, vector);
      ++number;
    }
  }

  void run(const std::string& name, RunCase kind, const Json& data) {
    report_.run(name, [&] { kind(data, backend_); });
  }

  Report& report_;
  sinter::Backend backend_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs numeric cases made with Keras");
  std::vector<std::string> paths;
  bool verbose = false;
  bool interpret = false;
  app.add_option("paths", paths, "Folders or files of cases")->required()->check(CLI::ExistingPath);
  app.add_flag("-v,--verbose", verbose, "Also name the cases that pass");
  app.add_flag("--interpret", interpret, "Run the reference interpreter instead of machine code");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  Report report;
  report.set_verbose(verbose);
  Runner runner(report, interpret ? sinter::Backend::interpreter : sinter::Backend::jit);
  for (const std::string& path : paths)
    for (const auto& file : files_of(path)) runner.run_file(file);
  if (report.total() == 0) report.fail(paths.front(), "no cases found");
  fmt::print("{}\n", report.summary());
  return report.failed() == 0 ? 0 : 1;
}

// SINTER_DUMP: every stage of what a program compiles, as numbered files. Numbers continue after the highest one found,
// so that several processes may share a directory.

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <sinter/passes/debug.h>
#include <sinter/passes/rewrites.h>

namespace sinter::passes {

namespace fs = std::filesystem;

namespace {

/// Number at the start of "0012-train-grad.sir"; 0 when there is none.
int number_of(const fs::path& file) {
  const std::string name = file.filename().string();
  int number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

int highest_number(const fs::path& directory) {
  int highest = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory))
    highest = std::max(highest, number_of(entry.path()));
  return highest;
}

/// A new file, never an existing one.
std::FILE* create_next(const fs::path& directory, const std::string& rest, fs::path& path) {
  for (int number = highest_number(directory) + 1; number < 1'000'000; ++number) {
    char prefix[16];
    std::snprintf(prefix, sizeof prefix, "%04d-", number);
    path = directory / (prefix + rest);
    if (std::FILE* file = std::fopen(path.c_str(), "wx")) return file;
    if (!fs::exists(path)) return nullptr;  // the directory cannot be written
  }
  return nullptr;
}

std::string file_name(std::string_view name, std::string_view stage) {
  std::string clean(name);
  std::ranges::replace_if(clean, [](char c) { return c == '/' || c == ' '; }, '_');
  return clean + "-" + std::string(stage) + ".sir";
}

}  // namespace

std::string dump_directory() {
  const char* directory = std::getenv("SINTER_DUMP");
  return directory == nullptr ? "" : directory;
}

void write_stage(std::string_view name, std::string_view stage, std::string_view text) {
  const fs::path directory = dump_directory();
  if (directory.empty()) return;
  std::error_code ignored;
  fs::create_directories(directory, ignored);
  fs::path path = directory;
  bool written = false;
  if (std::FILE* file = fs::is_directory(directory) ? create_next(directory, file_name(name, stage), path) : nullptr) {
    written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    written = std::fclose(file) == 0 && written;
  }
  if (!written) std::fprintf(stderr, "sinter: SINTER_DUMP: cannot write %s\n", path.c_str());
}

ir::Graph forward_part(const ir::Graph& graph) {
  ir::Graph part(graph.name());
  for (const ir::Node& node : graph.nodes()) part.add_unchecked(node);
  for (const ir::Output& o : graph.outputs())
    if (!o.name.starts_with("grad/")) part.add_output(o.name, o.value);
  return dce(part);
}

}  // namespace sinter::passes

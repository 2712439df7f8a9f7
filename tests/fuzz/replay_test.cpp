// What the fuzzers begin with and what they once found, without libFuzzer.

#include <algorithm>
#include <filesystem>

#include "frontend/files_for_tests.h"
#include "fuzz/targets.h"
#include "support/catch.h"

namespace fs = std::filesystem;

TEST_CASE("fuzz: seeds and the bytes around them are read or refused", "[fuzz]") {
  for (const sinter::fuzz::Target& target : sinter::fuzz::targets()) {
    INFO(target.name);
    const std::vector<std::string> seeds = target.seeds();
    CHECK_FALSE(seeds.empty());
    for (const std::string& seed : seeds) {
      target.run(seed);
      for (std::size_t k = 0; k < 40; ++k) {
        target.run(std::string_view(seed).substr(0, seed.size() * k / 40));
        std::string changed = seed;
        if (!changed.empty()) changed[(k * 7919 + 13) % changed.size()] ^= static_cast<char>(1 << k % 8);
        target.run(changed);
      }
    }
  }
}

TEST_CASE("fuzz: what was found once", "[fuzz]") {
  const fs::path folder = fs::path(SINTER_SOURCE_DIR) / "tests/fuzz/regressions";
  int files = 0;
  for (const sinter::fuzz::Target& target : sinter::fuzz::targets()) {
    if (!fs::exists(folder / target.name)) continue;
    for (const auto& entry : fs::directory_iterator(folder / target.name)) {
      INFO(entry.path().string());
      target.run(sinter::testing::contents_of(entry.path().string()));
      ++files;
    }
  }
  SUCCEED(files << " files");
}

// One target under libFuzzer. With SINTER_FUZZ_SEEDS=DIR it writes the seeds there first.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "fuzz/targets.h"

namespace {

const sinter::fuzz::Target& target() {
  for (const sinter::fuzz::Target& t : sinter::fuzz::targets())
    if (t.name == SINTER_FUZZ_TARGET) return t;
  std::fprintf(stderr, "there is no target %s\n", SINTER_FUZZ_TARGET);
  std::exit(2);
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): libFuzzer's names
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("SINTER_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : target().seeds())
    std::ofstream(std::string(folder) + "/seed" + std::to_string(number++), std::ios::binary) << seed;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
// NOLINTEND(readability-identifier-naming)

#include "target.h"

#include <unistd.h>

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/runtime/executable.h>

#include "jit.h"

namespace sinter::runtime {

namespace {

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

/// sysconf's answer, which is 0 or -1 where it does not know.
std::int64_t ask(int name, std::int64_t otherwise) {
  const long answer = sysconf(name);
  return answer > 0 ? answer : otherwise;
}

void read_caches([[maybe_unused]] ir::Target& target) {
#ifdef _SC_LEVEL1_DCACHE_SIZE
  target.l1_bytes = ask(_SC_LEVEL1_DCACHE_SIZE, target.l1_bytes);
  target.l1_ways = static_cast<int>(ask(_SC_LEVEL1_DCACHE_ASSOC, target.l1_ways));
  target.l2_bytes = ask(_SC_LEVEL2_CACHE_SIZE, target.l2_bytes);
  target.cache_line = ask(_SC_LEVEL1_DCACHE_LINESIZE, target.cache_line);
#endif
}

}  // namespace

void set_vector_properties(ir::Target& target) {
  const bool avx512 =
      target.has("avx512f") && target.has("avx512dq") && target.has("avx512bw") && target.has("avx512vl");
  const bool avx2 = target.has("avx2") && target.has("fma");
  const bool x86 = starts_with(target.triple, "x86_64");
  target.vector_bits = avx512 ? 512 : avx2 ? 256 : 128;
  target.vector_registers = avx512 || !x86 ? 32 : 16;
  target.masked_memory = avx512;
}

ir::Target restrict_target(ir::Target target, std::string_view level) {
  if (level != "avx2" && level != "baseline") {
    user_error("unknown target level '", level, "', expected 'avx2' or 'baseline'");
  }
  const auto is_taken = [&](const std::string& feature) {
    const std::string_view name = std::string_view(feature).substr(1);
    return level == "baseline" || starts_with(name, "avx512") || starts_with(name, "avx10") ||
           starts_with(name, "amx") || name == "evex512";
  };
  std::erase_if(target.features, is_taken);
  set_vector_properties(target);
  return target;
}

ir::Target host_target() {
  ir::Target target;
  target.triple = host_triple();
  target.features = host_features();
  set_vector_properties(target);
  read_caches(target);
  return target;
}

}  // namespace sinter::runtime

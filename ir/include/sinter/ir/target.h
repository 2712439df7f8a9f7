#pragma once
// The machine that code is made for, as plain data: runtime detects it, passes choose schedules by it, tests make their
// own.

#include <cstdint>
#include <string>
#include <vector>

#include <sinter/ir/export.h>

namespace sinter::ir {

struct SINTER_API Target {
  std::string triple;                 // "x86_64-unknown-linux-gnu"
  std::vector<std::string> features;  // LLVM names with sign, "+avx512f", sorted
  int vector_bits = 128;              // widest vector register that is used
  int vector_registers = 16;
  bool masked_memory = false;                       // loads and stores take a lane mask without cost
  std::int64_t l1_bytes = std::int64_t{32} * 1024;  // data, per core
  std::int64_t l2_bytes = std::int64_t{512} * 1024;
  int l1_ways = 8;
  std::int64_t cache_line = 64;

  /// Lanes of `bytes`-sized elements in a vector, at least 1.
  int lanes(std::int64_t bytes) const {
    return static_cast<int>(vector_bits / (8 * bytes)) > 0 ? static_cast<int>(vector_bits / (8 * bytes)) : 1;
  }
  bool has(const std::string& feature) const;  // "avx512f"
};

}  // namespace sinter::ir

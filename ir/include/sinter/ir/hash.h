#pragma once
// FNV-1a, 64 bits (Fowler, Noll and Vo): the same on every machine, unlike std::hash. RNG sites and the initial weights
// are found by it, so it is part of the contract on random numbers.

#include <cstdint>
#include <string_view>

namespace sinter::ir {

inline constexpr std::uint64_t fnv_begin = 0xCBF29CE484222325U;
inline constexpr std::uint64_t fnv_factor = 0x100000001B3U;

/// The hash of `bytes`; that of a longer text when `hash` is the hash of what stands before.
constexpr std::uint64_t fnv(std::string_view bytes, std::uint64_t hash = fnv_begin) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * fnv_factor;
  return hash;
}

}  // namespace sinter::ir

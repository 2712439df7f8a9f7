#pragma once
// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
// 1, 2, 3" (2011): a keyed bijection of 128-bit counters. Values at any counter come without state, so that every
// thread and the interpreter draw the same bits, and masks are recomputed instead of stored.

#include <array>
#include <cstdint>

#include <sinter/ir/scalar_value.h>

namespace sinter::ir {

/// The four random words of `counter` under the key; all values are u32. One round multiplies words 0 and 2 by odd
/// constants and mixes the halves of the products into the others; between rounds the key advances (a Weyl sequence).
template <ScalarValue V>
std::array<V, 4> philox4x32(std::array<V, 4> counter, V key0, V key1) {
  constexpr int rounds = 10;
  const auto word = [like = counter[0]](std::int64_t value) { return integer_like(like, DType::u32, value); };
  const V multiplier0 = word(0xD2511F53);
  const V multiplier1 = word(0xCD9E8D57);
  const V weyl0 = word(0x9E3779B9);
  const V weyl1 = word(0xBB67AE85);
  for (int round = 0; round < rounds; ++round) {
    if (round > 0) {
      key0 = key0 + weyl0;
      key1 = key1 + weyl1;
    }
    const V high0 = mul_high(multiplier0, counter[0]);
    const V low0 = multiplier0 * counter[0];
    const V high1 = mul_high(multiplier1, counter[2]);
    const V low1 = multiplier1 * counter[2];
    counter = {bit_xor(bit_xor(high1, counter[1]), key0), low1, bit_xor(bit_xor(high0, counter[3]), key1), low0};
  }
  return counter;
}

}  // namespace sinter::ir

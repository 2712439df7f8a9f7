// Philox4x32-10 against the known answers published with Random123.

#include <sinter/ir/philox.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include <sinter/ir/num.h>

#include "support/catch.h"
#include "support/fast_value.h"

namespace sinter::test {

namespace {

using Words = std::array<std::uint32_t, 4>;

struct KnownAnswer {
  Words counter;
  std::array<std::uint32_t, 2> key;
  Words words;
};

constexpr KnownAnswer known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

ir::Num word(std::uint32_t value) { return ir::Num::from_integer(ir::DType::u32, value); }

Words by_interpreter(const Words& c, std::uint32_t key0, std::uint32_t key1) {
  const auto out = ir::philox4x32<ir::Num>({word(c[0]), word(c[1]), word(c[2]), word(c[3])}, word(key0), word(key1));
  Words words{};
  for (std::size_t i = 0; i < 4; ++i) words[i] = static_cast<std::uint32_t>(out[i].as_integer());
  return words;
}

Words by_hardware(const Words& c, std::uint32_t key0, std::uint32_t key1) {
  const auto out = ir::philox4x32<FastValue>({c[0], c[1], c[2], c[3]}, key0, key1);
  return {out[0].u32(), out[1].u32(), out[2].u32(), out[3].u32()};
}

}  // namespace

TEST_CASE("Philox gives the published answers", "[philox]") {
  for (const KnownAnswer& known : known_answers) {
    CHECK(by_interpreter(known.counter, known.key[0], known.key[1]) == known.words);
    CHECK(by_hardware(known.counter, known.key[0], known.key[1]) == known.words);
  }
}

TEST_CASE("every bit of the counter and the key reaches the words", "[philox]") {
  const Words base = by_hardware({1, 2, 3, 4}, 5, 6);
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    const std::uint32_t flip = 1U << bit;
    for (std::size_t i = 0; i < 4; ++i) {
      Words counter{1, 2, 3, 4};
      counter[i] ^= flip;
      CHECK(by_hardware(counter, 5, 6) != base);
    }
    CHECK(by_hardware({1, 2, 3, 4}, 5 ^ flip, 6) != base);
    CHECK(by_hardware({1, 2, 3, 4}, 5, 6 ^ flip) != base);
  }
}

TEST_CASE("bits are balanced over consecutive counters", "[philox]") {
  std::array<int, 32> ones{};
  constexpr int draws = 1 << 16;
  for (std::uint32_t i = 0; i < draws / 4; ++i) {
    for (const std::uint32_t w : by_hardware({i, 0, 0, 0}, 1, 2)) {
      for (std::size_t bit = 0; bit < ones.size(); ++bit) ones[bit] += static_cast<int>((w >> bit) & 1U);
    }
  }
  for (const int count : ones) CHECK(std::abs(count - draws / 2) < 5 * 128);  // five standard deviations
}

}  // namespace sinter::test

#include "support/random_values.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include <sinter/ir/num.h>

namespace sinter::test {

using ir::DType;

namespace {

/// How wild one tensor is: most are ordinary, so that a NaN does not hide everything else.
struct Temper {
  double special = 0.0;  // share of special values
  bool nan = false;
};

Temper random_temper(Random& random) {
  const double kind = random.unit();
  if (kind < 0.55) return {};
  if (kind < 0.9) return {0.25, false};
  return {0.2, true};
}

double special_float(DType dtype, const Temper& temper, Random& random) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const bool dual = dtype == DType::f64;
  const std::vector<double> common = {0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, 1e-3, 88.5, -88.5, 1e4, 2147483648.0, -3e9};
  const std::vector<double> extreme = {inf,
                                       -inf,
                                       dual ? 1e308 : 3e38,
                                       dual ? -1e308 : -3e38,
                                       dual ? 3e-308 : 1.5e-38,
                                       dual ? 4e-320 : 1e-39,
                                       dual ? -4e-320 : -1e-40};
  if (temper.nan && random.chance(0.3)) return std::numeric_limits<double>::quiet_NaN();
  return random.chance(temper.nan ? 0.5 : 0.8) ? random.pick(common) : random.pick(extreme);
}

double random_float(DType dtype, const Temper& temper, Random& random) {
  if (random.chance(temper.special)) return special_float(dtype, temper, random);
  return random.uniform(-4.0, 4.0);
}

std::int64_t random_integer(DType dtype, const Temper& temper, Random& random) {
  if (dtype == DType::i1) return random.below(2);
  if (random.chance(temper.special)) {
    const int bits = ir::bit_width(dtype);
    const std::int64_t top = bits == 64 ? std::numeric_limits<std::int64_t>::max() : (std::int64_t{1} << bits) - 1;
    const std::int64_t half = std::int64_t{1} << (bits - 1 - (bits == 64 ? 1 : 0));
    return random.pick(std::vector<std::int64_t>{0, 1, -1, top, -top - 1, half, half - 1, -half, 7, 255, 256});
  }
  return random.between(ir::is_signed_integer(dtype) ? -9 : 0, 20);
}

std::int64_t random_index(DType dtype, const Domain& domain, Random& random) {
  const std::int64_t extent = domain.extent;
  if (domain.kind == Domain::Kind::index && random.chance(0.08)) {
    const std::vector<std::int64_t> outside = {-1,
                                               extent,
                                               extent + 3,
                                               -extent,
                                               std::numeric_limits<std::int64_t>::max(),
                                               std::numeric_limits<std::int64_t>::min()};
    return random.pick(outside);
  }
  return extent == 0 ? 0 : random.below(dtype == DType::u8 ? std::min<std::int64_t>(extent, 256) : extent);
}

/// Writes a float without rounding denormals away.
void store(DType dtype, double value, std::byte* to) {
  const auto single = static_cast<float>(value);
  if (dtype == DType::f32)
    std::memcpy(to, &single, sizeof single);
  else if (dtype == DType::bf16) {
    const auto half = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(single) >> 16U);
    std::memcpy(to, &half, sizeof half);
  } else if (dtype == DType::f16) {
    const std::uint16_t half = ir::f32_to_f16_bits(single);
    std::memcpy(to, &half, sizeof half);
  } else {
    std::memcpy(to, &value, sizeof value);
  }
}

}  // namespace

ir::TensorData random_data(const ir::TensorType& type, const Domain& domain, Random& random) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(type.bytes()) + 8);
  const Temper temper = domain.kind == Domain::Kind::any ? random_temper(random) : Temper{};
  const std::int64_t n = type.elements();
  // generic: a random permutation of n evenly spaced magnitudes, slightly moved.
  std::vector<std::int64_t> rank(static_cast<std::size_t>(n));
  for (std::size_t k = 0; k < rank.size(); ++k) rank[k] = static_cast<std::int64_t>(k);
  random.shuffle(rank);
  for (std::int64_t k = 0; k < n; ++k) {
    std::byte* to = bytes.data() + k * ir::size_of(type.dtype);
    if (domain.kind == Domain::Kind::index || domain.kind == Domain::Kind::inside) {
      ir::Num::from_integer(type.dtype, random_index(type.dtype, domain, random)).store(to);
    } else if (ir::is_integer(type.dtype)) {
      ir::Num::from_integer(type.dtype, random_integer(type.dtype, temper, random)).store(to);
    } else if (domain.kind == Domain::Kind::generic || domain.kind == Domain::Kind::positive) {
      const double step =
          (static_cast<double>(rank[static_cast<std::size_t>(k)]) + random.uniform(0.2, 0.8)) / static_cast<double>(n);
      const bool negative = domain.kind == Domain::Kind::generic && random.chance(0.5);
      store(type.dtype, (negative ? -1.0 : 1.0) * (0.3 + 1.4 * step), to);
    } else {
      store(type.dtype, random_float(type.dtype, temper, random), to);
    }
  }
  return ir::TensorData::copy(type, bytes.data());
}

ir::TensorData poison(const ir::TensorType& type) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(type.bytes()) + 1, std::byte{0xFF});
  if (type.dtype == DType::i1) std::fill(bytes.begin(), bytes.end(), std::byte{1});
  return ir::TensorData::copy(type, bytes.data());
}

}  // namespace sinter::test

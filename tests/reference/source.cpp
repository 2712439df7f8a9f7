// References of the ops without computed operands.

#include <array>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

#include "reference/reference.h"

namespace sinter::reference {

namespace {

std::vector<Tensor> bound(const ir::Node&, std::span<const Tensor> operands) { return {operands[0]}; }

std::vector<Tensor> constant(const ir::Node& node, std::span<const Tensor>) {
  return {Tensor::from(ir::unpack<ir::Constant::Attrs>(node.attributes).value)};
}

std::vector<Tensor> iota(const ir::Node& node, std::span<const Tensor>) {
  const auto a = ir::unpack<ir::Iota::Attrs>(node.attributes);
  Tensor t{{a.dtype, a.shape}, {}};
  for_each_index(a.shape.ints(), [&](const ir::Ints& index) {
    t.cells.push_back(convert({0.0, index[static_cast<std::size_t>(a.axis)]}, DType::i64, a.dtype));
  });
  return {t};
}

/// Philox4x32-10 as Random123 writes it: ten rounds, the key bumped before each but the first.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> x, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = std::uint64_t{x[0]} * 3528531795ULL;
    const std::uint64_t q = std::uint64_t{x[2]} * 3449720151ULL;
    x = {static_cast<std::uint32_t>(q >> 32) ^ x[1] ^ k0, static_cast<std::uint32_t>(q),
         static_cast<std::uint32_t>(p >> 32) ^ x[3] ^ k1, static_cast<std::uint32_t>(p)};
    k0 += 2654435769U;
    k1 += 3144134277U;
  }
  return x;
}

/// Operands: seed u32[2], step, first row.
std::vector<Tensor> rng_bits(const ir::Node& node, std::span<const Tensor> operands) {
  const auto a = ir::unpack<ir::RngBits::Attrs>(node.attributes);
  const auto word = [](const Tensor& t, std::size_t k) { return static_cast<std::uint32_t>(t.cells[k].integer); };
  const std::int64_t rows = a.shape.rank() == 0 ? 1 : a.shape[0];
  const std::int64_t columns = rows == 0 ? 0 : a.shape.elements() / rows;
  Tensor t{{DType::u32, a.shape}, {}};
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto block = static_cast<std::uint32_t>((c / 64) * 16 + c % 16);
      const auto row = static_cast<std::uint32_t>(r) + word(operands[2], 0);
      const auto bits = philox({block, row, static_cast<std::uint32_t>(a.site), word(operands[1], 0)},
                               word(operands[0], 0), word(operands[0], 1));
      t.cells.push_back({0.0, bits[static_cast<std::size_t>((c / 16) % 4)]});
    }
  }
  return {t};
}

}  // namespace

std::vector<Definition> source_definitions() {
  return {{"input", bound}, {"state", bound}, {"constant", constant}, {"iota", iota}, {"rng_bits", rng_bits}};
}

}  // namespace sinter::reference

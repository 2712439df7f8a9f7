#pragma once
// A fingerprint of memory: shows that two runs gave the same bits.

#include <cstddef>
#include <span>
#include <string>

#include <sinter/ir/export.h>

namespace sinter::runtime {

/// SHA-256 (FIPS 180-4) of the parts one after the other, as 64 hexadecimal digits.
SINTER_API std::string sha256(std::span<const std::span<const std::byte>> parts);

}  // namespace sinter::runtime

#include <sinter/runtime/digest.h>

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/SHA256.h>

namespace sinter::runtime {

std::string sha256(std::span<const std::span<const std::byte>> parts) {
  llvm::SHA256 hash;
  for (const std::span<const std::byte> part : parts)
    hash.update(llvm::ArrayRef(reinterpret_cast<const std::uint8_t*>(part.data()), part.size()));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

}  // namespace sinter::runtime

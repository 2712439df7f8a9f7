#include <sinter/runtime/digest.h>

#include <array>
#include <string_view>

#include "support/catch.h"

using namespace sinter;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("sha256: the examples of FIPS 180-4, whole and in parts") {
  const std::array whole = {bytes("abc")};
  CHECK(runtime::sha256(whole) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::array parts = {bytes("a"), bytes(""), bytes("bc")};
  CHECK(runtime::sha256(parts) == runtime::sha256(whole));
  CHECK(runtime::sha256({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

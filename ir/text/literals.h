#pragma once
// Spellings of numbers, strings and bytes, and their reading. Every spelling reads back to the same bits. Private to
// ir.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/type.h>

namespace sinter::ir::text {

/// `text` between quotes: \" \\ \n \t \r and \xNN for other control characters; UTF-8 stays as it is.
std::string quote(std::string_view text);
/// The string behind the characters between two quotes; nothing when an escape is malformed.
std::optional<std::string> unquote(std::string_view raw);

std::string to_base64(std::span<const std::byte> bytes);
/// Nothing for characters outside the alphabet, wrong padding or a truncated group.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

/// An attribute's double: always with '.', exponent or letters, so that it differs from an integer.
std::string double_text(double value);
/// The element of `dtype` at `element`: shortest decimal that reads back, true/false for i1; inf, nan, -nan; a NaN with
/// another payload as its bits, 0x7fc00001.
std::string element_text(DType dtype, const std::byte* element);

/// Why an element could not be read; empty when it was.
struct ReadError {
  std::string expected;  // "a number", "true or false", "a number in the range of f16"
};
/// Writes the element spelled `text` to `element` (size_of(dtype) bytes).
std::optional<ReadError> read_element(DType dtype, std::string_view text, std::byte* element);
/// True for spellings that read as a float in an attribute: 0.5, 1e3, inf, nan, 0x7ff8000000000001.
bool is_float_spelling(std::string_view text);
/// The whole of `text` as a decimal integer, if it is one in range.
std::optional<std::int64_t> read_integer(std::string_view text);

}  // namespace sinter::ir::text

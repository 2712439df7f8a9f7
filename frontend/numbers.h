#pragma once
// Numbers as text, whatever the locale.

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace sinter::detail {

/// kind d: a whole number; f, e, g: with this many digits (6 when negative); anything else: as short as reads back.
inline std::string number_text(double value, char kind = 'r', int precision = -1) {
  std::array<char, 600> buffer{};
  char* const end = buffer.data() + buffer.size();
  const auto digits = [&](std::chars_format format) {
    return std::to_chars(buffer.data(), end, value, format, precision < 0 ? 6 : std::min(precision, 200)).ptr;
  };
  char* last = nullptr;
  switch (kind) {
    case 'd': last = std::to_chars(buffer.data(), end, value, std::chars_format::fixed, 0).ptr; break;
    case 'f': last = digits(std::chars_format::fixed); break;
    case 'e': last = digits(std::chars_format::scientific); break;
    case 'g': last = digits(std::chars_format::general); break;
    default: last = std::to_chars(buffer.data(), end, value).ptr;
  }
  return {buffer.data(), last};
}

}  // namespace sinter::detail

#pragma once
// Texts out of files, as messages show them.

#include <string>
#include <string_view>

namespace sinter::detail {

/// The text with its control characters spelled out ("\n", "\x07"), so that a message stays one line.
inline std::string one_line(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr unsigned char first_printable = 0x20, deletion = 0x7F;
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= first_printable && byte != deletion)
      result += c;
    else if (c == '\n')
      result += "\\n";
    else
      (result += "\\x") += {digits[byte >> 4], digits[byte & 15]};
  }
  return result;
}

}  // namespace sinter::detail

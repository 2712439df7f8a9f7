#include "text/literals.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <sinter/ir/num.h>

namespace sinter::ir::text {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(T value, std::byte* to) {
  std::memcpy(to, &value, sizeof value);
}

std::optional<std::uint64_t> read_hex(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

template <class T>
std::string shortest(T value) {
  std::array<char, 64> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

std::string hex_text(std::uint64_t bits, int digits) {
  std::string out = "0x";
  for (int k = digits - 1; k >= 0; --k) out += hex_digits[(bits >> (4 * k)) & 15U];
  return out;
}

}  // namespace

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      default:
        if (code < 0x20 || code == 0x7F) {
          out += {'\\', 'x', hex_digits[code >> 4U], hex_digits[code & 15U]};
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::optional<std::string> unquote(std::string_view raw) {
  std::string out;
  for (std::size_t k = 0; k < raw.size(); ++k) {
    if (raw[k] != '\\') {
      out += raw[k];
      continue;
    }
    if (++k == raw.size()) return std::nullopt;
    switch (raw[k]) {
      case '"': out += '"'; break;
      case '\\': out += '\\'; break;
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case 'x': {
        if (raw.size() - k < 3) return std::nullopt;
        const std::optional<std::uint64_t> code = read_hex(raw.substr(k + 1, 2));
        if (!code) return std::nullopt;
        out += static_cast<char>(*code);
        k += 2;
        break;
      }
      default: return std::nullopt;
    }
  }
  return out;
}

namespace {

constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 0..63 for each character of the alphabet, 64 for others.
constexpr std::array<std::uint8_t, 256> base64_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(64);
  for (std::size_t k = 0; k < base64_alphabet.size(); ++k)
    values[static_cast<unsigned char>(base64_alphabet[k])] = static_cast<std::uint8_t>(k);
  return values;
}();

}  // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t k = 0; k < bytes.size(); k += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - k);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = (group << 8U) | (j < n ? std::to_integer<std::uint32_t>(bytes[k + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += j <= n ? base64_alphabet[(group >> (18 - 6 * j)) & 63U] : '=';
  }
  return out;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t k = 0; k < text.size(); k += 4) {
    const bool last = k + 4 == text.size();
    const std::size_t used = last ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const std::uint8_t value = j < used ? base64_values[static_cast<unsigned char>(text[k + j])] : std::uint8_t{0};
      if (value == 64) return std::nullopt;
      group = (group << 6U) | value;
    }
    for (std::size_t j = 0; j + 1 < used; ++j) bytes.push_back(static_cast<std::byte>((group >> (16 - 8 * j)) & 255U));
  }
  return bytes;
}

namespace {

/// A float format: its storage bits and the value they stand for.
template <class Bits, class T>
struct FloatFormat {
  Bits quiet_nan;
  T (*value)(Bits);
  /// Nothing when a finite number does not fit.
  std::optional<Bits> (*bits)(T);
};

constexpr int width_of(std::size_t bytes) { return static_cast<int>(2 * bytes); }

template <class Bits>
constexpr Bits sign_of = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));

template <class Bits, class T>
std::string float_text(const FloatFormat<Bits, T>& format, Bits bits) {
  if (bits == format.quiet_nan) return "nan";
  if (bits == static_cast<Bits>(format.quiet_nan | sign_of<Bits>)) return "-nan";
  const T value = format.value(bits);
  return std::isnan(value) ? hex_text(bits, width_of(sizeof bits)) : shortest(value);
}

template <class Bits, class T>
std::optional<ReadError> read_float(const FloatFormat<Bits, T>& format, DType dtype, std::string_view text,
                                    std::byte* element) {
  const auto done = [&](Bits bits) -> std::optional<ReadError> {
    store(bits, element);
    return std::nullopt;
  };
  if (text == "nan") return done(format.quiet_nan);
  if (text == "-nan") return done(static_cast<Bits>(format.quiet_nan | sign_of<Bits>));
  const auto out_of_range = [&] { return ReadError{"a number in the range of " + std::string(to_string(dtype))}; };
  if (text.starts_with("0x")) {
    const std::optional<std::uint64_t> bits = read_hex(text.substr(2));
    if (!bits || *bits > std::numeric_limits<Bits>::max())
      return ReadError{"the bits of " + std::string(to_string(dtype))};
    return done(static_cast<Bits>(*bits));
  }
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return ReadError{"a number"};
  if (error != std::errc()) return out_of_range();
  const std::optional<Bits> bits = format.bits(value);
  return bits ? done(*bits) : out_of_range();
}

/// Rounds to a half type without losing its denormals and without turning a finite number into Inf.
std::optional<std::uint16_t> checked_half(float value, std::uint16_t bits, float back) {
  if (std::isfinite(value) && !std::isfinite(back)) return std::nullopt;
  return bits;
}

std::optional<std::uint16_t> bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0xFFFFU) == 0) return static_cast<std::uint16_t>(bits >> 16U);  // exact, perhaps a denormal
  return checked_half(value, f32_to_bf16_bits(value), round_to_bf16(value));
}

std::optional<std::uint16_t> f16_bits(float value) {
  return checked_half(value, f32_to_f16_bits(value), round_to_f16(value));
}

constexpr FloatFormat<std::uint32_t, float> f32_format = {
    0x7FC00000U, [](std::uint32_t b) { return std::bit_cast<float>(b); },
    [](float v) { return std::optional(std::bit_cast<std::uint32_t>(v)); }};
constexpr FloatFormat<std::uint64_t, double> f64_format = {
    0x7FF8000000000000U, [](std::uint64_t b) { return std::bit_cast<double>(b); },
    [](double v) { return std::optional(std::bit_cast<std::uint64_t>(v)); }};
constexpr FloatFormat<std::uint16_t, float> bf16_format = {0x7FC0U, bf16_bits_to_f32, bf16_bits};
constexpr FloatFormat<std::uint16_t, float> f16_format = {0x7E00U, f16_bits_to_f32, f16_bits};

template <class T>
std::optional<ReadError> read_integer_element(DType dtype, std::string_view text, std::byte* element) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size();
  if (error == std::errc::result_out_of_range || (error != std::errc() && text.starts_with('-') && read_integer(text)))
    return ReadError{"an integer in the range of " + std::string(to_string(dtype))};
  if (error != std::errc() || !whole) return ReadError{"an integer"};
  store(value, element);
  return std::nullopt;
}

std::optional<ReadError> read_bool(std::string_view text, std::byte* element) {
  if (text != "true" && text != "false") return ReadError{"true or false"};
  *element = text == "true" ? std::byte{1} : std::byte{0};
  return std::nullopt;
}

}  // namespace

std::string double_text(double value) {
  std::string out = float_text(f64_format, std::bit_cast<std::uint64_t>(value));
  if (out.find_first_of(".enx") == std::string::npos) out += ".0";
  return out;
}

std::string element_text(DType dtype, const std::byte* element) {
  switch (dtype) {
    case DType::f32: return float_text(f32_format, load<std::uint32_t>(element));
    case DType::f64: return float_text(f64_format, load<std::uint64_t>(element));
    case DType::bf16: return float_text(bf16_format, load<std::uint16_t>(element));
    case DType::f16: return float_text(f16_format, load<std::uint16_t>(element));
    case DType::i32: return std::to_string(load<std::int32_t>(element));
    case DType::i64: return std::to_string(load<std::int64_t>(element));
    case DType::u32: return std::to_string(load<std::uint32_t>(element));
    case DType::u8: return std::to_string(load<std::uint8_t>(element));
    case DType::i1: return load<std::uint8_t>(element) != 0 ? "true" : "false";
  }
  return "?";
}

std::optional<ReadError> read_element(DType dtype, std::string_view text, std::byte* element) {
  switch (dtype) {
    case DType::f32: return read_float(f32_format, dtype, text, element);
    case DType::f64: return read_float(f64_format, dtype, text, element);
    case DType::bf16: return read_float(bf16_format, dtype, text, element);
    case DType::f16: return read_float(f16_format, dtype, text, element);
    case DType::i32: return read_integer_element<std::int32_t>(dtype, text, element);
    case DType::i64: return read_integer_element<std::int64_t>(dtype, text, element);
    case DType::u32: return read_integer_element<std::uint32_t>(dtype, text, element);
    case DType::u8: return read_integer_element<std::uint8_t>(dtype, text, element);
    case DType::i1: return read_bool(text, element);
  }
  return ReadError{"a known dtype"};
}

bool is_float_spelling(std::string_view text) { return text.find_first_of(".eEnx") != std::string_view::npos; }

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace sinter::ir::text

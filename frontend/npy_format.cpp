#include "npy_format.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>

#include <sinter/ir/error.h>

#include "one_line.h"

namespace sinter::detail {

namespace {

static_assert(std::endian::native == std::endian::little, "files are written as memory has them");

struct Kind {
  std::string_view code;  // without the byte order
  std::int64_t size;
  DType dtype;
};
constexpr Kind kinds[] = {{"f4", 4, DType::f32}, {"f8", 8, DType::f64}, {"f2", 2, DType::f16}, {"i8", 8, DType::i64},
                          {"i4", 4, DType::i32}, {"u4", 4, DType::u32}, {"u1", 1, DType::u8},  {"b1", 1, DType::i1},
                          {"i1", 1, DType::i32}, {"i2", 2, DType::i32}, {"u2", 2, DType::i32}};

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t most_axes = 16;

/// Reads the dictionary of a header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
 public:
  HeaderParser(const std::string& where, std::string_view text) : where_(where), text_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true))
        header.descr = quoted();
      else if (key == "fortran_order" && !std::exchange(order, true))
        header.fortran_order = truth();
      else if (key == "shape" && !std::exchange(shape, true))
        header.shape = Shape(extents());
      else
        fail("an unexpected '", key.substr(0, 40), "'");
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    blanks();
    if (at_ != text_.size()) fail("text after the dictionary");
    if (!descr || !order || !shape) fail("no descr, fortran_order or shape");
    return header;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    constexpr std::size_t longest_shown = 120;
    const std::string shown = std::string(text_).substr(0, std::min(longest_shown, text_.find_last_not_of(" \n") + 1));
    user_error(where_, ": is no .npy file that can be read: its header has ",
               one_line(str(parts..., " at character ", at_, ": ", shown)));
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("no '", c, "'");
  }
  std::string_view quoted() {
    blanks();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') fail("no text in quotes");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("an open quote");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }
  bool truth() {
    blanks();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    fail("neither True nor False");
  }
  ir::Ints extents() {
    ir::Ints dims;
    std::int64_t elements = 1;
    expect('(');
    while (!take(')')) {
      dims.push_back(extent());
      if (dims.back() > 0 && elements > std::numeric_limits<std::int64_t>::max() / 16 / dims.back())
        fail("a shape of too many elements");
      elements *= std::max<std::int64_t>(dims.back(), 1);
      if (dims.size() > most_axes) fail("more than ", most_axes, " axes");
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return dims;
  }
  std::int64_t extent() {
    blanks();
    const std::size_t first = at_;
    std::int64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (value > (std::numeric_limits<std::int64_t>::max() - 9) / 10) fail("an extent out of range");
      value = value * 10 + (text_[at_] - '0');
    }
    if (at_ == first) fail("no extent");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // of Python 2
    return value;
  }

  const std::string& where_;
  std::string_view text_;
  std::size_t at_ = 0;
};

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t k = bytes.size(); k-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[k]);
  return value;
}

/// The text of the dictionary, and where it ends.
std::pair<std::string_view, std::size_t> header_text(const std::string& where, std::span<const std::byte> file) {
  const auto* chars = reinterpret_cast<const char*>(file.data());
  if (file.size() < 10 || std::string_view(chars, magic.size()) != magic)
    user_error(where, ": is no .npy file: it does not begin with \\x93NUMPY");
  const auto version = std::to_integer<int>(file[6]);
  if (version < 1 || version > 3) user_error(where, ": is a .npy file of version ", version, ", known are 1, 2 and 3");
  const std::size_t digits = version == 1 ? 2 : 4, begin = 8 + digits;
  if (file.size() < begin) user_error(where, ": ends at byte ", file.size(), " within its header");
  const std::uint64_t length = little_endian(file.subspan(8, digits));
  if (length > file.size() - begin)
    user_error(where, ": ends at byte ", file.size(), " within its header, which would have ", length, " bytes");
  return {std::string_view(chars + begin, length), begin + length};
}

void check_size(const std::string& where, const NpyHeader& header, std::size_t file_size, std::int64_t max_bytes) {
  std::int64_t bytes = std::max(header.element_size, ir::size_of(header.dtype));
  for (const std::int64_t extent : header.shape) {
    if (extent != 0 && bytes > max_bytes / extent)
      user_error(where, ": shape ", header.shape, " of ", header.descr, " takes more than the limit of ", max_bytes,
                 " bytes");
    bytes *= std::max<std::int64_t>(extent, 1);
  }
  const auto expected = header.data_offset + static_cast<std::size_t>(header.shape.elements() * header.element_size);
  if (file_size < expected)
    user_error(where, ": ends at byte ", file_size, ", but ", header.shape, " of ", header.descr, " reaches byte ",
               expected, ": it was cut off");
  if (file_size > expected) user_error(where, ": goes on after its elements, at byte ", expected);
}

/// Elements of one size, those of a Fortran array brought into C order, bytes swapped when wanted.
std::vector<std::byte> in_order(const NpyHeader& header, std::span<const std::byte> elements) {
  const auto size = static_cast<std::size_t>(header.element_size);
  std::vector<std::byte> result(elements.begin(), elements.end());
  const ir::Ints& dims = header.shape.ints();
  if (header.fortran_order && dims.size() > 1 && !result.empty()) {
    ir::Ints index(dims.size(), 0);
    for (std::size_t to = 0; to < result.size(); to += size) {
      std::int64_t from = 0;
      for (std::size_t axis = dims.size(); axis-- > 0;) from = from * dims[axis] + index[axis];
      std::memcpy(result.data() + to, elements.data() + static_cast<std::size_t>(from) * size, size);
      for (std::size_t axis = dims.size(); axis-- > 0 && ++index[axis] == dims[axis];) index[axis] = 0;
    }
  }
  if (header.descr[0] == '>')
    for (std::size_t k = 0; k < result.size(); k += size)
      std::reverse(result.begin() + static_cast<std::ptrdiff_t>(k),
                   result.begin() + static_cast<std::ptrdiff_t>(k + size));
  return result;
}

template <class From>
Array widened(std::span<const std::byte> bytes, const Shape& shape) {
  std::vector<std::int32_t> values;
  for (std::size_t k = 0; k < bytes.size(); k += sizeof(From)) {
    From value{};
    std::memcpy(&value, bytes.data() + k, sizeof value);
    values.push_back(value);
  }
  return Array::from(std::move(values), shape);
}

}  // namespace

bool NpyHeader::is_native() const {
  const bool one_axis = shape.rank() <= 1;
  return descr[0] != '>' && (!fortran_order || one_axis) && element_size == ir::size_of(dtype) && dtype != DType::i1;
}

NpyHeader parse_npy(const std::string& where, std::span<const std::byte> file, std::int64_t max_bytes) {
  return parse_npy_head(where, file, file.size(), max_bytes);
}

NpyHeader parse_npy_head(const std::string& where, std::span<const std::byte> head, std::size_t file_size,
                         std::int64_t max_bytes) {
  const auto [text, end] = header_text(where, head);
  NpyHeader header = HeaderParser(where, text).parse();
  header.data_offset = end;
  const auto known = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& kind) {
    const bool order_known =
        header.descr.size() == 3 && std::string_view("<>|=").find(header.descr[0]) != std::string::npos;
    return order_known && header.descr.substr(1) == kind.code;
  });
  if (known == std::end(kinds))
    user_error(where, ": has dtype '", one_line(header.descr.substr(0, 40)),
               "'; expected f2, f4, f8, i1, i2, i4, i8, u1, u2, u4 or b1: convert it with astype()");
  header.dtype = known->dtype;
  header.element_size = known->size;
  check_size(where, header, file_size, max_bytes);
  return header;
}

Array decode_npy(const NpyHeader& header, std::span<const std::byte> file) {
  const std::span<const std::byte> elements = file.subspan(header.data_offset);
  if (header.is_native()) return Array::from_bytes({header.dtype, header.shape}, elements);
  std::vector<std::byte> bytes = in_order(header, elements);
  const std::string_view code = std::string_view(header.descr).substr(1);
  if (code == "i1") return widened<std::int8_t>(bytes, header.shape);
  if (code == "i2") return widened<std::int16_t>(bytes, header.shape);
  if (code == "u2") return widened<std::uint16_t>(bytes, header.shape);
  if (header.dtype == DType::i1)
    for (std::byte& b : bytes) b = b == std::byte{0} ? b : std::byte{1};
  return Array::from_bytes({header.dtype, header.shape}, bytes);
}

std::string npy_preamble(const std::string& where, const ir::TensorType& type) {
  const auto known =
      std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& kind) { return kind.dtype == type.dtype; });
  if (known == std::end(kinds))
    user_error(where, ": numpy has no dtype for ", type.dtype, "; write array.astype(DType::f32)");
  std::string dictionary =
      str("{'descr': '", known->size == 1 ? '|' : '<', known->code, "', 'fortran_order': False, 'shape': (");
  for (const std::int64_t extent : type.shape) dictionary += str(extent, type.shape.rank() == 1 ? "," : ", ");
  if (type.shape.rank() > 1) dictionary.resize(dictionary.size() - 2);
  dictionary += "), }";
  constexpr std::size_t before = 10, alignment = 64;  // magic, version, length; the elements begin at a multiple
  const std::size_t total = (before + dictionary.size() + 1 + alignment - 1) / alignment * alignment;
  dictionary.append(total - before - dictionary.size() - 1, ' ');
  dictionary += '\n';
  std::string preamble(magic);
  preamble += {'\x01', '\x00', static_cast<char>(dictionary.size() & 0xFF), static_cast<char>(dictionary.size() >> 8)};
  return preamble + dictionary;
}

}  // namespace sinter::detail

#include <sinter/frontend/idx.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include <sinter/ir/error.h>

#include "file_bytes.h"

namespace sinter {

namespace {

struct ElementKind {
  int code;
  DType dtype;
};

constexpr ElementKind kinds[] = {{0x08, DType::u8},  {0x09, DType::i32}, {0x0B, DType::i32},
                                 {0x0C, DType::i32}, {0x0D, DType::f32}, {0x0E, DType::f64}};
constexpr int most_axes = 8;

/// Bytes of a file in order; zlib passes through what is not compressed.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (file_ == nullptr) fail_open();
    gzbuffer(file_, 1 << 17);
  }
  ~Reader() { gzclose(file_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Fills `into`, or throws saying what of the file is missing.
  void read(std::span<std::byte> into, const std::string& what) {
    const std::size_t got = take(into);
    if (got == into.size()) return;
    user_error(path_, ": ends at byte ", offset_, " within the ", what, ": expected ", into.size(),
               " bytes of it, got ", got);
  }
  /// Throws unless the file ends here.
  void expect_end() {
    std::array<std::byte, 1> one{};
    if (take(one) != 0) user_error(path_, ": goes on after its elements, at byte ", offset_ - 1);
  }
  std::int64_t offset() const { return offset_; }

 private:
  [[noreturn]] void fail_open() const {
    user_error(path_, ": cannot be opened: ", std::generic_category().message(errno));
  }

  std::size_t take(std::span<std::byte> into) {
    constexpr std::size_t largest = std::size_t{1} << 30;  // gzread counts in unsigned int
    std::size_t got = 0;
    while (got < into.size()) {
      const auto want = static_cast<unsigned>(std::min(into.size() - got, largest));
      const int n = gzread(file_, into.data() + got, want);
      if (n < 0) fail_read();
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
      offset_ += n;
    }
    if (got < into.size()) check_stream();
    return got;
  }

  /// The file ended: fine, or because it is cut off or damaged?
  void check_stream() const {
    int code = Z_OK;
    gzerror(file_, &code);
    if (code != Z_OK && code != Z_STREAM_END) fail_read();
  }

  [[noreturn]] void fail_read() const {
    int code = Z_OK;
    const char* message = gzerror(file_, &code);
    const std::string reason = code == Z_ERRNO       ? std::generic_category().message(errno)
                               : code == Z_BUF_ERROR ? "the compressed data end early"
                                                     : std::string(message);
    user_error(path_, ": cannot be read at byte ", offset_, ": ", reason);
  }

  std::string path_;
  gzFile file_;
  std::int64_t offset_ = 0;
};

std::uint32_t big_endian(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte b : bytes) value = value << 8 | std::to_integer<std::uint32_t>(b);
  return value;
}

ElementKind kind_of(const std::string& path, std::span<const std::byte, 4> magic) {
  const auto value = big_endian(magic);
  const auto code = static_cast<int>(value >> 8 & 0xFF);
  if (value >> 16 == 0)
    for (const ElementKind& kind : kinds)
      if (kind.code == code) return kind;
  constexpr char hex[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += hex[value >> shift & 15];
  user_error(path, ": is no IDX file: expected a magic of 0x0000TTRR with type TT of 08, 09, 0b, 0c, 0d or 0e, got ",
             text);
}

/// The extents; their product, times the size of an element in memory, stays within the limit.
Shape read_shape(Reader& reader, const std::string& path, int rank, std::int64_t element_bytes, std::int64_t limit) {
  if (rank < 1 || rank > most_axes) user_error(path, ": expected 1 to ", most_axes, " axes (byte 3), got ", rank);
  ir::Ints dims;
  std::int64_t bytes = element_bytes;
  for (int axis = 0; axis < rank; ++axis) {
    std::array<std::byte, 4> raw{};
    reader.read(raw, str("extent of axis ", axis));
    const std::int64_t extent = big_endian(raw);
    if (extent != 0 && bytes > limit / extent)
      user_error(path, ": axis ", axis, " has extent ", extent, " (byte ", reader.offset() - 4,
                 "), so that the elements take more than the limit of ", limit, " bytes");
    bytes *= std::max<std::int64_t>(extent, 1);
    dims.push_back(extent);
  }
  return Shape(std::move(dims));
}

/// One element of type From, stored big-endian at `bytes`, as To.
template <class From, class To>
To decode(const std::byte* bytes) {
  std::array<std::byte, sizeof(From)> raw{};
  std::memcpy(raw.data(), bytes, sizeof(From));
  if constexpr (std::endian::native == std::endian::little) std::reverse(raw.begin(), raw.end());
  return static_cast<To>(std::bit_cast<From>(raw));
}

/// Reads block by block into a vector that grows as the data come: a short file that promises much costs little.
template <class From, class To>
Array read_as(Reader& reader, Shape shape) {
  constexpr std::size_t block = 1 << 16;
  const auto total = static_cast<std::size_t>(shape.elements());
  std::vector<std::byte> raw(block * sizeof(From));
  std::vector<To> values;
  while (values.size() < total) {
    const std::size_t n = std::min(block, total - values.size());
    reader.read(std::span(raw).first(n * sizeof(From)), "elements");
    if (values.capacity() < values.size() + n) values.reserve(std::min(total, 2 * (values.size() + n)));
    for (std::size_t k = 0; k < n; ++k) values.push_back(decode<From, To>(raw.data() + k * sizeof(From)));
  }
  return Array::from(std::move(values), std::move(shape));
}

Array read_elements(Reader& reader, int code, Shape shape) {
  switch (code) {
    case 0x08: return read_as<std::uint8_t, std::uint8_t>(reader, std::move(shape));
    case 0x09: return read_as<std::int8_t, std::int32_t>(reader, std::move(shape));
    case 0x0B: return read_as<std::int16_t, std::int32_t>(reader, std::move(shape));
    case 0x0C: return read_as<std::int32_t, std::int32_t>(reader, std::move(shape));
    case 0x0D: return read_as<float, float>(reader, std::move(shape));
    case 0x0E: return read_as<double, double>(reader, std::move(shape));
    default: internal_error("idx type ", code);
  }
}

}  // namespace

Array read_idx(const std::string& path, const IdxOptions& options) {
  Reader reader(path);
  std::array<std::byte, 4> magic{};
  reader.read(magic, "magic");
  const ElementKind kind = kind_of(path, magic);
  Shape shape = read_shape(reader, path, std::to_integer<int>(magic[3]), ir::size_of(kind.dtype), options.max_bytes);
  Array array = read_elements(reader, kind.code, std::move(shape));
  reader.expect_end();
  return array;
}

Array map_idx(const std::string& path) {
  const detail::MappedFile file = detail::map_file(path);
  constexpr std::size_t magic_bytes = 4, extent_bytes = 4;
  if (file.bytes.size() < magic_bytes)
    user_error(path, ": ends at byte ", file.bytes.size(), " within the magic: expected 4 bytes of it");
  const ElementKind kind = kind_of(path, file.bytes.first<magic_bytes>());
  if (kind.code != 0x08)
    user_error(path, ": only bytes (type 08) can be seen in place, the type is ", kind.code,
               "; read_idx() converts it");
  const auto rank = std::to_integer<std::size_t>(file.bytes[3]);
  if (rank < 1 || rank > most_axes) user_error(path, ": expected 1 to ", most_axes, " axes (byte 3), got ", rank);
  const std::size_t begin = magic_bytes + rank * extent_bytes;
  if (file.bytes.size() < begin)
    user_error(path, ": ends at byte ", file.bytes.size(), " within its extents, which reach byte ", begin);
  ir::Ints dims;
  const std::size_t elements = file.bytes.size() - begin;
  std::size_t expected = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::size_t extent = big_endian(file.bytes.subspan(magic_bytes + axis * extent_bytes).first<extent_bytes>());
    if (extent != 0 && expected > elements / extent)
      user_error(path, ": ends at byte ", file.bytes.size(), " within the elements: axis ", axis, " has extent ",
                 extent);
    expected *= extent;
    dims.push_back(static_cast<std::int64_t>(extent));
  }
  if (expected != elements) user_error(path, ": goes on after its elements, at byte ", begin + expected);
  return Array::shared({DType::u8, Shape(std::move(dims))}, file.owner, file.bytes.data() + begin);
}

}  // namespace sinter

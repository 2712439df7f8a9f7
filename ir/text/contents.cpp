#include "text/contents.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "text/literals.h"

namespace sinter::ir::text {

namespace {

constexpr std::int64_t longest_list = 16;
/// Splats allocate more than the text holds, so they are bounded; larger constants are written as base64.
constexpr std::int64_t largest_splat_bytes = std::int64_t{1} << 28U;
constexpr std::size_t deepest_list = 32;

std::size_t size_of_element(const TensorType& type) { return static_cast<std::size_t>(size_of(type.dtype)); }

/// An i1 byte other than 0 and 1 has no spelling of its own.
bool spellable(const TensorData& data) {
  if (data.type.dtype != DType::i1) return true;
  return std::ranges::all_of(*data.bytes, [](std::byte b) { return b == std::byte{0} || b == std::byte{1}; });
}

bool is_uniform(const TensorData& data) {
  const std::size_t step = size_of_element(data.type);
  const std::byte* bytes = data.bytes->data();
  return std::memcmp(bytes, bytes + step, data.bytes->size() - step) == 0;
}

/// The elements below `axis` from `element` on, as nested lists; advances `element`.
std::string nested_text(const TensorType& type, int axis, const std::byte*& element) {
  if (axis == type.rank()) {
    const std::byte* at = element;
    element += size_of_element(type);
    return element_text(type.dtype, at);
  }
  std::string out = "[";
  for (std::int64_t k = 0; k < type.shape[axis]; ++k)
    out += (k == 0 ? "" : ", ") + nested_text(type, axis + 1, element);
  return out + "]";
}

}  // namespace

std::string contents_text(const TensorData& data) {
  const std::vector<std::byte> none;
  const std::vector<std::byte>& bytes = data.bytes ? *data.bytes : none;
  const bool whole = static_cast<std::int64_t>(bytes.size()) == data.type.bytes();
  const std::int64_t count = data.type.elements();
  if (!whole || !data.bytes || !spellable(data)) return "base64 " + quote(to_base64(bytes));
  if (count == 0) return "[]";
  const std::byte* element = bytes.data();
  if (count <= longest_list && data.type.rank() <= static_cast<int>(deepest_list))
    return nested_text(data.type, 0, element);
  if (count > 1 && data.type.bytes() <= largest_splat_bytes && is_uniform(data))
    return "splat " + element_text(data.type.dtype, element);
  return "base64 " + quote(to_base64(bytes));
}

namespace {

Token read_scalar(Reader& reader) {
  const TokenKind kind = reader.peek().kind;
  if (kind != TokenKind::number && kind != TokenKind::word) reader.fail_expected("a number");
  return reader.take();
}

/// One list, after its '['. Lists of one depth have one length; numbers stand at one depth only.
void read_list(Reader& reader, Contents& into, std::size_t depth, std::optional<std::size_t>& leaf_depth) {
  const Token start = reader.peek();
  if (depth == deepest_list) reader.fail(start, "lists are nested too deeply");
  if (into.extents.size() <= depth) into.extents.resize(depth + 1, -1);
  std::int64_t length = 0;
  if (!reader.accept("]")) {
    do {
      ++length;
      if (reader.peek_is("[")) {
        if (leaf_depth && *leaf_depth <= depth) reader.fail_expected("a number");
        reader.take();
        read_list(reader, into, depth + 1, leaf_depth);
        continue;
      }
      if (leaf_depth.value_or(depth) != depth) reader.fail_expected("'['");
      leaf_depth = depth;
      into.elements.push_back(read_scalar(reader));
    } while (reader.accept(","));
    reader.expect("]");
  }
  std::int64_t& extent = into.extents[depth];
  if (extent != -1 && extent != length)
    reader.fail(start, str("expected a list of ", extent, " elements, got ", length));
  extent = length;
}

}  // namespace

Contents read_contents(Reader& reader) {
  Contents contents;
  contents.start = reader.peek();
  if (reader.accept("[")) {
    contents.style = Contents::Style::list;
    std::optional<std::size_t> leaf_depth;
    read_list(reader, contents, 0, leaf_depth);
  } else if (reader.accept("base64")) {
    contents.style = Contents::Style::base64;
    contents.elements.push_back(reader.expect(TokenKind::string, "a string"));
  } else {
    if (reader.accept("splat")) contents.style = Contents::Style::splat;
    contents.elements.push_back(read_scalar(reader));
  }
  return contents;
}

namespace {

TensorData data_of(const TensorType& type, std::vector<std::byte> bytes) {
  return {type, std::make_shared<const std::vector<std::byte>>(std::move(bytes))};
}

void read_into(const Reader& reader, const Token& token, DType dtype, std::byte* element) {
  if (const std::optional<ReadError> error = read_element(dtype, token.text, element))
    reader.fail(token, "expected " + error->expected + ", got " + describe(token));
}

TensorData from_base64_text(const Reader& reader, const Token& token, const TensorType& type) {
  std::optional<std::vector<std::byte>> bytes = from_base64(token.text);
  if (!bytes) reader.fail(token, "expected base64, got " + describe(token));
  if (static_cast<std::int64_t>(bytes->size()) != type.bytes())
    reader.fail(token, str("expected ", type.bytes(), " bytes for ", type, ", got ", bytes->size()));
  return data_of(type, std::move(*bytes));
}

TensorData from_splat(const Reader& reader, const Contents& contents, const TensorType& type) {
  if (type.bytes() > largest_splat_bytes) {
    reader.fail(contents.start, str("a splat holds at most ", largest_splat_bytes, " bytes, ", type, " has ",
                                    type.bytes(), "; use broadcast"));
  }
  const std::size_t step = size_of_element(type);
  std::vector<std::byte> bytes(static_cast<std::size_t>(type.bytes()));
  std::byte element[8] = {};
  read_into(reader, contents.elements[0], type.dtype, element);
  for (std::size_t k = 0; k < bytes.size(); k += step) std::memcpy(bytes.data() + k, element, step);
  return data_of(type, std::move(bytes));
}

/// Nested lists show the shape; a flat list may hold the elements of any shape but a scalar's.
void check_list(const Reader& reader, const Contents& contents, const TensorType& type) {
  if (type.rank() == 0) reader.fail(contents.start, str("expected a number for ", type, ", got a list"));
  const auto count = static_cast<std::int64_t>(contents.elements.size());
  if (count != type.elements())
    reader.fail(contents.start, str("expected ", type.elements(), " elements for ", type, ", got ", count));
  if (contents.extents.size() > 1 && contents.extents != type.shape.ints())
    reader.fail(contents.start, str("expected lists of shape ", type.shape, ", got ", to_string(contents.extents)));
}

}  // namespace

TensorData to_tensor(const Reader& reader, const Contents& contents, const TensorType& type) {
  if (contents.style == Contents::Style::base64) return from_base64_text(reader, contents.elements[0], type);
  if (contents.style == Contents::Style::splat) return from_splat(reader, contents, type);
  if (contents.style == Contents::Style::list) check_list(reader, contents, type);
  if (contents.style == Contents::Style::scalar && type.rank() != 0)
    reader.fail(contents.start, str("expected a list, splat or base64 for ", type, ", got ", describe(contents.start)));
  const std::size_t step = size_of_element(type);
  std::vector<std::byte> bytes(static_cast<std::size_t>(type.bytes()));
  for (std::size_t k = 0; k < contents.elements.size(); ++k)
    read_into(reader, contents.elements[k], type.dtype, bytes.data() + k * step);
  return data_of(type, std::move(bytes));
}

}  // namespace sinter::ir::text

#include <sinter/frontend/safetensors.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fstream>
#include <limits>
#include <system_error>

#include <nlohmann/json.hpp>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>

#include "atomic_file.h"
#include "one_line.h"
#include "safetensors_begin.h"

namespace sinter {

namespace {

static_assert(std::endian::native == std::endian::little, "the format's numbers are little-endian");

using Json = nlohmann::ordered_json;

constexpr const char* metadata_key = "__metadata__";
constexpr std::uint64_t longest_header = 100'000'000;  // the format's own limit

constexpr std::pair<DType, std::string_view> dtypes[] = {
    {DType::f64, "F64"}, {DType::f32, "F32"}, {DType::f16, "F16"}, {DType::bf16, "BF16"}, {DType::i64, "I64"},
    {DType::i32, "I32"}, {DType::u32, "U32"}, {DType::u8, "U8"},   {DType::i1, "BOOL"}};

std::string_view spelled(DType dtype) {
  for (const auto& [known, name] : dtypes)
    if (known == dtype) return name;
  internal_error("no safetensors name for ", dtype);
}

// ---- Writing ----

Json header_of(const TensorFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header[metadata_key] = file.metadata;
  std::int64_t offset = 0;
  for (const auto& [name, array] : file.tensors) {
    if (name == metadata_key || header.contains(name)) user_error("safetensors: two tensors are named '", name, "'");
    const std::int64_t end = offset + array.type().bytes();
    header[name] = {
        {"dtype", spelled(array.dtype())}, {"shape", array.shape().ints()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  return header;
}

// ---- Reading ----

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), in_(path, std::ios::binary | std::ios::ate) {
    if (!in_) fail("cannot be opened: ", std::generic_category().message(errno));
    size_ = static_cast<std::uint64_t>(in_.tellg());
    in_.seekg(0);
  }

  TensorFile read() {
    const Json header = read_header();
    TensorFile file;
    std::uint64_t reached = 0;
    for (const auto& [name, entry] : sorted_entries(header)) reached = read_tensor(file, name, *entry, reached);
    if (reached != size_ - begin_)
      fail("ends at byte ", size_, ", but its header speaks of ", begin_ + reached, ": it was cut off or damaged");
    if (header.contains(metadata_key)) file.metadata = metadata_of(header[metadata_key]);
    return file;
  }

 private:
  using Entry = std::pair<std::string, const Json*>;

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    user_error(path_, ": ", detail::one_line(str(parts...)));
  }

  void take(void* into, std::uint64_t bytes) {
    in_.read(static_cast<char*>(into), static_cast<std::streamsize>(bytes));
    if (static_cast<std::uint64_t>(in_.gcount()) != bytes) fail("cannot be read to its end");
  }

  Json read_header() {
    std::uint64_t length = 0;
    if (size_ < sizeof length) fail("is no safetensors file: it has ", size_, " bytes");
    take(&length, sizeof length);
    if (length > longest_header || length > size_ - sizeof length)
      fail("is no safetensors file, or was cut off: its header would have ", length, " bytes, the file has ", size_);
    std::string text(length, ' ');
    take(text.data(), length);
    begin_ = sizeof length + length;
    Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (header.is_discarded() || !header.is_object()) fail("is no safetensors file: its header is no JSON object");
    return header;
  }

  std::map<std::string, std::string> metadata_of(const Json& json) const {
    std::map<std::string, std::string> result;
    if (!json.is_object()) fail(metadata_key, " is no object");
    for (const auto& [key, value] : json.items()) {
      if (!value.is_string()) fail(metadata_key, " '", key, "' is no text");
      result[key] = value.get<std::string>();
    }
    return result;
  }

  /// By their place in the file, so that holes and overlaps show.
  std::vector<Entry> sorted_entries(const Json& header) const {
    std::vector<Entry> entries;
    for (const auto& [name, entry] : header.items()) {
      if (name == metadata_key) continue;
      for (const char* field : {"dtype", "shape", "data_offsets"})
        if (!entry.is_object() || !entry.contains(field)) fail("tensor '", name, "' has no ", field);
      if (!entry["dtype"].is_string() || !are_numbers(entry["shape"]) || !are_numbers(entry["data_offsets"]) ||
          entry["data_offsets"].size() != 2)
        fail("tensor '", name, "' is not described by dtype, shape and two data_offsets");
      entries.emplace_back(name, &entry);
    }
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return (*a.second)["data_offsets"][0].get<std::uint64_t>() < (*b.second)["data_offsets"][0].get<std::uint64_t>();
    });
    return entries;
  }

  static bool are_numbers(const Json& json) {
    return json.is_array() &&
           std::all_of(json.begin(), json.end(), [](const Json& n) { return n.is_number_unsigned(); });
  }

  ir::TensorType type_of(const std::string& name, const Json& entry) const {
    const auto dtype_name = entry["dtype"].get<std::string>();
    const auto known =
        std::find_if(std::begin(dtypes), std::end(dtypes), [&](const auto& d) { return d.second == dtype_name; });
    if (known == std::end(dtypes)) fail("tensor '", name, "' has dtype ", dtype_name, ", which Sinter has not");
    ir::Ints extents;
    std::int64_t bytes = ir::size_of(known->first);
    for (const Json& n : entry["shape"]) {
      const auto extent = n.get<std::uint64_t>();
      if (extent > size_ ||
          (extent != 0 && bytes > std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(extent)))
        fail("tensor '", name, "' is larger than the file");
      extents.push_back(static_cast<std::int64_t>(extent));
      bytes *= extents.back();
    }
    return {known->first, Shape(extents)};
  }

  /// Returns where the tensor ends.
  std::uint64_t read_tensor(TensorFile& file, const std::string& name, const Json& entry, std::uint64_t reached) {
    const ir::TensorType type = type_of(name, entry);
    const auto first = entry["data_offsets"][0].get<std::uint64_t>();
    const auto last = entry["data_offsets"][1].get<std::uint64_t>();
    const auto bytes = static_cast<std::uint64_t>(type.bytes());
    if (first != reached)
      fail("tensor '", name, "' begins at byte ", begin_ + first, ", expected ", begin_ + reached,
           ": elements overlap or leave a hole");
    if (last < first || last - first != bytes)
      fail("tensor '", name, "' of type ", type, " has ", bytes, " bytes, but its data_offsets say ", first, " to ",
           last);
    if (last > size_ - begin_)
      fail("ends at byte ", size_, " within tensor '", name, "', which reaches byte ", begin_ + last,
           ": it was cut off");
    std::vector<std::byte> contents(bytes);
    take(contents.data(), bytes);
    if (type.dtype == DType::i1 &&
        std::any_of(contents.begin(), contents.end(), [](std::byte b) { return b > std::byte{1}; }))
      fail("tensor '", name, "' of booleans holds bytes other than 0 and 1");
    file.tensors.emplace_back(name, Array::from_bytes(type, contents));
    return last;
  }

  const std::string& path_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
  std::uint64_t begin_ = 0;  // of the elements
};

}  // namespace

const Array* TensorFile::find(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

const Array& TensorFile::tensor(std::string_view name) const {
  if (const Array* found = find(name)) return *found;
  user_error("there is no tensor '", name, "'", did_you_mean(name));
}

std::string TensorFile::did_you_mean(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& [known, array] : tensors) names.push_back(known);
  return detail::one_line(ir::did_you_mean(name, names));
}

std::string detail::safetensors_begin(const std::string& who, const TensorFile& file, std::size_t alignment) {
  std::string header;
  try {
    header = header_of(file).dump();
  } catch (const Json::exception&) {
    user_error(who, ": names and metadata have to be UTF-8");
  }
  std::uint64_t length = 0;
  const std::size_t end = (sizeof length + header.size() + alignment - 1) / alignment * alignment;
  length = end - sizeof length;
  header.resize(length, ' ');
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header;
}

void write_safetensors(const std::string& path, const TensorFile& file, std::size_t alignment) {
  const std::string begin = detail::safetensors_begin(path, file, alignment);
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(begin))};
  for (const auto& [name, array] : file.tensors) parts.push_back(array.bytes());
  detail::replace_file(path, parts);
}

TensorFile read_safetensors(const std::string& path) { return Reader(path).read(); }

}  // namespace sinter

// .npy and .npz files.

#include <sinter/frontend/near_matches.h>
#include <sinter/frontend/npy.h>

#include <limits>

#include <sinter/ir/error.h>

#include "atomic_file.h"
#include "file_bytes.h"
#include "npy_format.h"
#include "one_line.h"
#include "zip_file.h"

namespace sinter {

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Longer than its elements by the header.
std::int64_t with_header(std::int64_t limit) {
  constexpr std::int64_t longest = 1 << 20;
  return limit > std::numeric_limits<std::int64_t>::max() - longest ? limit : limit + longest;
}

}  // namespace

Array read_npy(const std::string& path, const NpyOptions& options) {
  const detail::MappedFile file = detail::map_file(path);
  return detail::decode_npy(detail::parse_npy(path, file.bytes, options.max_bytes), file.bytes);
}

Array map_npy(const std::string& path) {
  const detail::MappedFile file = detail::map_file(path);
  const detail::NpyHeader header = detail::parse_npy(path, file.bytes, std::numeric_limits<std::int64_t>::max());
  if (!header.is_native() || header.data_offset % static_cast<std::size_t>(header.element_size) != 0)
    user_error(path, ": ", header.descr, header.fortran_order ? " in Fortran order" : "",
               " cannot be seen in place; read_npy() converts it");
  return Array::shared({header.dtype, header.shape}, file.owner, file.bytes.data() + header.data_offset);
}

void write_npy(const std::string& path, const Array& array) {
  const std::string preamble = detail::npy_preamble(path, array.type());
  const std::span<const std::byte> parts[] = {bytes_of(preamble), array.bytes()};
  detail::replace_file(path, parts);
}

const Array& array_named(const NamedArrays& arrays, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [known, array] : arrays) {
    if (known == name) return array;
    names.push_back(known);
  }
  unknown_name("array", name, names);
}

namespace {

constexpr std::string_view suffix = ".npy";

}  // namespace

NamedArrays read_npz(const std::string& path, const NpyOptions& options) {
  const detail::ZipReader zip(path);
  NamedArrays arrays;
  std::int64_t left = options.max_bytes;
  for (std::uint64_t k = 0; k < zip.size(); ++k) {
    std::string name = zip.name(k);
    const std::string where = path + ": '" + detail::one_line(name) + "'";
    if (!name.ends_with(suffix)) user_error(where, " is no .npy file");
    name.resize(name.size() - suffix.size());
    for (const auto& [known, array] : arrays)
      if (known == name) user_error(path, ": two arrays are named '", detail::one_line(name), "'");
    const std::string contents = zip.read(k, static_cast<std::uint64_t>(with_header(left)));
    const detail::NpyHeader header = detail::parse_npy(where, bytes_of(contents), left);
    arrays.emplace_back(std::move(name), detail::decode_npy(header, bytes_of(contents)));
    left -= arrays.back().second.type().bytes();
  }
  return arrays;
}

void write_npz(const std::string& path, const NamedArrays& arrays) {
  std::vector<std::string> members;
  for (const auto& [name, array] : arrays) {
    if (name.empty()) user_error(path, ": an array has no name");
    for (std::size_t k = 0; k < members.size(); ++k)
      if (arrays[k].first == name) user_error(path, ": two arrays are named '", name, "'");
    std::string& member = members.emplace_back(detail::npy_preamble(path, array.type()));
    member.append(reinterpret_cast<const char*>(array.bytes().data()), array.bytes().size());
  }
  detail::ZipWriter writer(path);
  for (std::size_t k = 0; k < arrays.size(); ++k) writer.add(arrays[k].first + std::string(suffix), members[k]);
  const std::string nothing = "PK\x05\x06" + std::string(18, '\0');  // libzip makes no archive without members
  const std::string bytes = arrays.empty() ? nothing : writer.finish();
  const std::span<const std::byte> parts[] = {bytes_of(bytes)};
  detail::replace_file(path, parts);
}

}  // namespace sinter

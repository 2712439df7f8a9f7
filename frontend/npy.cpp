// .npy and .npz files; zip is libzip's.

#include <sinter/frontend/near_matches.h>
#include <sinter/frontend/npy.h>

#include <zip.h>

#include <algorithm>
#include <limits>
#include <memory>

#include <sinter/ir/error.h>

#include "atomic_file.h"
#include "file_bytes.h"
#include "npy_format.h"

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
  const std::string preamble = detail::npy_preamble(path, array);
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

// ---- zip ----

namespace {

constexpr std::string_view suffix = ".npy";

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;

/// What libzip says; of an error that belongs to nothing yet.
std::string text_of(zip_error_t& error) {
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

Archive open_zip(const std::string& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive != nullptr) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  user_error(path, ": cannot be read as a zip file: ", text_of(error));
}

/// The uncompressed contents of one member.
std::string read_member(const std::string& where, zip_t* archive, zip_uint64_t index, std::uint64_t limit) {
  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_stat_index(archive, index, 0, &status) != 0 || (status.valid & ZIP_STAT_SIZE) == 0)
    user_error(where, ": its size is not known: ", zip_strerror(archive));
  if (status.size > limit) user_error(where, ": has ", status.size, " bytes, more than the limit of ", limit, " left");
  const std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(archive, index, 0));
  if (file == nullptr) user_error(where, ": cannot be read: ", zip_strerror(archive));
  // Grows as the data come: a size that is a lie costs little.
  constexpr std::size_t block = 1 << 18;
  std::string contents;
  while (contents.size() < status.size) {
    const std::size_t before = contents.size();
    contents.resize(before + std::min<std::size_t>(block, status.size - before));
    const zip_int64_t got = zip_fread(file.get(), contents.data() + before, contents.size() - before);
    if (got < 0) user_error(where, ": is damaged: ", zip_file_strerror(file.get()));
    contents.resize(before + static_cast<std::size_t>(got));
    if (got == 0) user_error(where, ": ends at byte ", contents.size(), ", expected ", status.size);
  }
  char beyond = 0;
  if (zip_fread(file.get(), &beyond, 1) != 0) user_error(where, ": is damaged: ", zip_file_strerror(file.get()));
  return contents;
}

}  // namespace

NamedArrays read_npz(const std::string& path, const NpyOptions& options) {
  const Archive archive = open_zip(path);
  NamedArrays arrays;
  std::int64_t left = options.max_bytes;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t k = 0; k < count; ++k) {
    const auto index = static_cast<zip_uint64_t>(k);
    std::string name = zip_get_name(archive.get(), index, ZIP_FL_ENC_GUESS);
    const std::string where = path + ": '" + name + "'";
    if (!name.ends_with(suffix)) user_error(where, " is no .npy file");
    name.resize(name.size() - suffix.size());
    for (const auto& [known, array] : arrays)
      if (known == name) user_error(path, ": two arrays are named '", name, "'");
    const std::string contents =
        read_member(where, archive.get(), index, static_cast<std::uint64_t>(with_header(left)));
    const detail::NpyHeader header = detail::parse_npy(where, bytes_of(contents), left);
    arrays.emplace_back(std::move(name), detail::decode_npy(header, bytes_of(contents)));
    left -= arrays.back().second.type().bytes();
  }
  return arrays;
}

namespace {

/// A zip archive that is made in memory.
class ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : path_(path) {
    zip_error_t error;
    zip_error_init(&error);
    source_.reset(zip_source_buffer_create(nullptr, 0, 0, &error));
    if (source_ == nullptr) fail(text_of(error));
    archive_.reset(zip_open_from_source(source_.get(), ZIP_TRUNCATE, &error));
    if (archive_ == nullptr) fail(text_of(error));
    zip_source_keep(source_.get());  // the archive has one, we have the other
    zip_error_fini(&error);
  }

  /// `contents` must live until finish().
  void add(const std::string& name, const std::string& contents) {
    zip_source_t* member = zip_source_buffer(archive_.get(), contents.data(), contents.size(), 0);
    const zip_int64_t index =
        member == nullptr ? -1 : zip_file_add(archive_.get(), name.c_str(), member, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(member);
      fail(zip_strerror(archive_.get()));
    }
    const auto place = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t first_day = 0x21;  // 1980-01-01: no clock goes into the bytes
    if (zip_set_file_compression(archive_.get(), place, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive_.get(), place, 0, first_day, 0) != 0)
      fail(zip_strerror(archive_.get()));
  }

  std::string finish() {
    if (zip_close(archive_.get()) != 0) fail(zip_strerror(archive_.get()));
    (void)archive_.release();
    zip_stat_t status;
    zip_stat_init(&status);
    zip_source_t* source = source_.get();
    if (zip_source_stat(source, &status) != 0 || zip_source_open(source) != 0) fail("its bytes are lost");
    std::string bytes(status.size, '\0');
    const zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
    zip_source_close(source);
    if (got != static_cast<zip_int64_t>(bytes.size())) fail("its bytes are lost");
    return bytes;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { user_error(path_, ": cannot be made: ", why); }

  const std::string& path_;
  std::unique_ptr<zip_source_t, Discard> source_;
  Archive archive_;
};

}  // namespace

void write_npz(const std::string& path, const NamedArrays& arrays) {
  std::vector<std::string> members;
  for (const auto& [name, array] : arrays) {
    if (name.empty()) user_error(path, ": an array has no name");
    for (std::size_t k = 0; k < members.size(); ++k)
      if (arrays[k].first == name) user_error(path, ": two arrays are named '", name, "'");
    std::string& member = members.emplace_back(detail::npy_preamble(path, array));
    member.append(reinterpret_cast<const char*>(array.bytes().data()), array.bytes().size());
  }
  ZipWriter writer(path);
  for (std::size_t k = 0; k < arrays.size(); ++k) writer.add(arrays[k].first + std::string(suffix), members[k]);
  const std::string nothing = "PK\x05\x06" + std::string(18, '\0');  // libzip makes no archive without members
  const std::string bytes = arrays.empty() ? nothing : writer.finish();
  const std::span<const std::byte> parts[] = {bytes_of(bytes)};
  detail::replace_file(path, parts);
}

}  // namespace sinter

#include "zip_file.h"

#include <zip.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include <sinter/ir/error.h>

#include "one_line.h"

namespace sinter::detail {

namespace {

/// What libzip says; of an error that belongs to nothing yet.
std::string text_of(zip_error_t& error) {
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

void DiscardZip::operator()(zip* archive) const { zip_discard(archive); }
void DiscardZip::operator()(zip_source* source) const { zip_source_free(source); }

ZipReader::ZipReader(std::string path) : path_(std::move(path)) {
  int code = 0;
  archive_.reset(zip_open(path_.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive_ != nullptr) return;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  user_error(path_, ": cannot be read as a zip file: ", text_of(error));
}

std::uint64_t ZipReader::size() const { return static_cast<std::uint64_t>(zip_get_num_entries(archive_.get(), 0)); }

std::string ZipReader::name(std::uint64_t index) const {
  const char* name = zip_get_name(archive_.get(), index, ZIP_FL_ENC_GUESS);
  if (name == nullptr) user_error(path_, ": member ", index, " has no name");
  return name;
}

std::string ZipReader::read(std::uint64_t index, std::uint64_t limit) const {
  zip_t* const archive = archive_.get();
  const std::string where = path_ + ": '" + one_line(name(index)) + "'";
  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_stat_index(archive, index, 0, &status) != 0 || (status.valid & ZIP_STAT_SIZE) == 0)
    user_error(where, ": its size is not known: ", zip_strerror(archive));
  if (status.size > limit) user_error(where, ": has ", status.size, " bytes, more than the limit of ", limit, " left");
  const std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(archive, index, 0));
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

ZipWriter::ZipWriter(std::string path) : path_(std::move(path)) {
  zip_error_t error;
  zip_error_init(&error);
  source_.reset(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (source_ == nullptr) fail(text_of(error));
  archive_.reset(zip_open_from_source(source_.get(), ZIP_TRUNCATE, &error));
  if (archive_ == nullptr) fail(text_of(error));
  zip_source_keep(source_.get());  // the archive has one, we have the other
  zip_error_fini(&error);
}

void ZipWriter::add(const std::string& name, const std::string& contents) {
  zip_t* const archive = archive_.get();
  zip_source_t* member = zip_source_buffer(archive, contents.data(), contents.size(), 0);
  const zip_int64_t index = member == nullptr ? -1 : zip_file_add(archive, name.c_str(), member, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(member);
    fail(zip_strerror(archive));
  }
  const auto place = static_cast<zip_uint64_t>(index);
  constexpr zip_uint16_t first_day = 0x21;  // 1980-01-01: no clock goes into the bytes
  if (zip_set_file_compression(archive, place, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, place, 0, first_day, 0) != 0)
    fail(zip_strerror(archive));
}

std::string ZipWriter::finish() {
  if (zip_close(archive_.get()) != 0) fail(zip_strerror(archive_.get()));
  (void)archive_.release();  // closed
  zip_stat_t status;
  zip_stat_init(&status);
  zip_source_t* const source = source_.get();
  if (zip_source_stat(source, &status) != 0 || zip_source_open(source) != 0) fail("its bytes are lost");
  std::string bytes(status.size, '\0');
  const zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  if (got != static_cast<zip_int64_t>(bytes.size())) fail("its bytes are lost");
  return bytes;
}

void ZipWriter::fail(const std::string& why) const { user_error(path_, ": cannot be made: ", why); }

}  // namespace sinter::detail

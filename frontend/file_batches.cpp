#include <sinter/frontend/file_batches.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include <sinter/ir/error.h>

#include "batches.h"
#include "npy_format.h"

namespace sinter {

struct NpyRows::File {
  explicit File(const std::string& where) : path(where), descriptor(open(where.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor < 0) fail("cannot be opened");
  }
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[noreturn]] void fail(const char* what) const {
    user_error(path, ": ", what, ": ", std::generic_category().message(errno));
  }
  void read(std::span<std::byte> into, std::int64_t offset) const {
    while (!into.empty()) {
      const ssize_t got = pread(descriptor, into.data(), into.size(), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("cannot be read");
      if (got == 0) user_error(path, ": ends at byte ", offset, " within its elements: it became shorter");
      into = into.subspan(static_cast<std::size_t>(got));
      offset += got;
    }
  }

  std::string path;
  int descriptor;
  ir::TensorType type = {};
  std::int64_t begin = 0, row_bytes = 0;
};

namespace {

/// Enough of the file for the header, which says how long it is.
constexpr std::int64_t longest_header = 1 << 16;

}  // namespace

NpyRows::NpyRows(const std::string& path) {
  const auto file = std::make_shared<File>(path);
  struct stat status{};
  if (fstat(file->descriptor, &status) != 0) file->fail("cannot be looked at");
  std::vector<std::byte> head(static_cast<std::size_t>(std::min<std::int64_t>(status.st_size, longest_header)));
  file->read(head, 0);
  const detail::NpyHeader header = detail::parse_npy_head(path, head, static_cast<std::size_t>(status.st_size),
                                                          std::numeric_limits<std::int64_t>::max());
  if (!header.is_native() || header.shape.rank() == 0)
    user_error(path, ": ", header.shape, " of ", header.descr, header.fortran_order ? " in Fortran order" : "",
               " cannot be read by rows; read_npy() converts it");
  file->type = {header.dtype, header.shape};
  file->begin = static_cast<std::int64_t>(header.data_offset);
  file->row_bytes = header.shape[0] == 0 ? 0 : file->type.bytes() / header.shape[0];
  file_ = file;
}

const ir::TensorType& NpyRows::type() const { return file_->type; }
const std::string& NpyRows::path() const { return file_->path; }

Array NpyRows::rows(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || begin > end || end > length())
    user_error(file_->path, ": there are no rows ", begin, " to ", end, ", it has ", length());
  ir::Ints dims = type().shape.ints();
  dims.front() = end - begin;
  Array array = Array::zeros(Shape(std::move(dims)), type().dtype);
  file_->read(array.mutable_bytes(), file_->begin + begin * file_->row_bytes);
  return array;
}

namespace {

/// The rows of `data` that are named, in that order.
Array gathered(const Array& data, std::span<const std::uint32_t> rows) {
  ir::Ints dims = data.shape().ints();
  dims.front() = static_cast<std::int64_t>(rows.size());
  Array result = Array::zeros(Shape(std::move(dims)), data.dtype());
  const std::size_t row = data.bytes().size() / static_cast<std::size_t>(data.length());
  std::byte* to = result.mutable_bytes().data();
  for (std::size_t k = 0; k < rows.size(); ++k) std::memcpy(to + k * row, data.bytes().data() + rows[k] * row, row);
  return result;
}

/// One epoch.
class FileEpoch {
 public:
  FileEpoch(NpyRows x, NpyRows y, FileBatchesOptions options, std::uint64_t epoch)
      : x_(std::move(x)), y_(std::move(y)), options_(options), epoch_(epoch) {
    const std::int64_t blocks = (x_.length() + options_.block - 1) / options_.block;
    if (options_.shuffle) blocks_ = detail::shuffled(blocks, options_.seed, epoch_);
    count_ = blocks;
  }

  std::optional<Batch> next() {
    if (at_ == rows_ && !read_block()) return std::nullopt;
    const std::int64_t first = at_;
    at_ = std::min(rows_, first + options_.batch_size);
    // Copies, so that a block is given back when its last batch was made.
    return Batch{.x = part(block_x_, first), .y = part(block_y_, first)};
  }

 private:
  /// Rows from `first` to at_ of the block as it is shuffled.
  Array part(const Array& block, std::int64_t first) const {
    if (order_.empty()) return block.rows(first, at_).copy();
    return gathered(block,
                    std::span(order_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(at_ - first)));
  }

  bool read_block() {
    if (next_block_ == count_) return false;
    const auto k = static_cast<std::size_t>(next_block_++);
    const std::int64_t begin = (blocks_.empty() ? static_cast<std::int64_t>(k) : blocks_[k]) * options_.block;
    const std::int64_t end = std::min(x_.length(), begin + options_.block);
    block_x_ = block_y_ = Array();
    block_x_ = x_.rows(begin, end);
    block_y_ = y_.rows(begin, end);
    at_ = 0;
    rows_ = end - begin;
    if (!options_.shuffle) return true;
    const std::uint64_t of_block = epoch_ * static_cast<std::uint64_t>(count_) + k;
    order_ = detail::shuffled(rows_, options_.seed + 1, of_block);
    return true;
  }

  NpyRows x_, y_;
  FileBatchesOptions options_;
  std::uint64_t epoch_;
  std::vector<std::uint32_t> blocks_;  // empty: as they lie
  std::int64_t count_ = 0, next_block_ = 0, at_ = 0, rows_ = 0;
  Array block_x_, block_y_;
  std::vector<std::uint32_t> order_;  // of the block's rows; empty: as they lie
};

}  // namespace

DataSource file_batches(const NpyRows& x, const NpyRows& y, const FileBatchesOptions& options) {
  if (options.batch_size < 1 || options.block < 1 || options.block > std::numeric_limits<std::int32_t>::max())
    user_error("file_batches: batch_size and block must be positive, got ", options.batch_size, " and ", options.block);
  if (x.length() != y.length())
    user_error("file_batches: ", x.path(), " has ", x.length(), " rows, ", y.path(), " has ", y.length(),
               "; every sample needs one label");
  if (x.length() == 0) user_error("file_batches: ", x.path(), " has no rows");
  // Enough to go on with while a block is read: half a block's batches.
  const std::int64_t half = options.block / options.batch_size / 2;
  const int prefetch =
      options.prefetch <= 0
          ? options.prefetch
          : static_cast<int>(std::max<std::int64_t>(options.prefetch, std::min(half, x.length() / options.batch_size)));
  return DataSource(
      [x, y, options](std::uint64_t epoch) {
        return [state = std::make_shared<FileEpoch>(x, y, options, epoch)] { return state->next(); };
      },
      {.prefetch = prefetch});
}

}  // namespace sinter

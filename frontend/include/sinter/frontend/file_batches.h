#pragma once
// Epochs larger than memory: batches read from .npy files, a block at a time.
//
//   const DataSource source = file_batches(NpyRows("x.npy"), NpyRows("y.npy"), {.batch_size = 64, .block = 8192});
//   model.fit(source, {.epochs = 5});

#include <cstdint>
#include <memory>
#include <string>

#include <sinter/frontend/array.h>
#include <sinter/frontend/data_source.h>

namespace sinter {

/// The rows of a .npy file, read when they are asked for. A value: cheap to copy; may be used by several threads.
class SINTER_API NpyRows {
 public:
  struct File;
  /// Opens the file and reads its header. For little-endian f4, f8, i4, i8, u1, u4, f2 in C order; throws UserError as
  /// read_npy does, and for others.
  explicit NpyRows(const std::string& path);
  /// Of the whole array.
  const ir::TensorType& type() const;
  std::int64_t length() const { return type().shape[0]; }
  const std::string& path() const;
  /// Rows [begin, end). Throws UserError when they are not there, or cannot be read.
  Array rows(std::int64_t begin, std::int64_t end) const;

 private:
  std::shared_ptr<const File> file_;
};

struct FileBatchesOptions {
  std::int64_t batch_size = 32;
  std::int64_t block = 4096;  // samples that are read, and shuffled, together; memory holds about two such blocks
  bool shuffle = true;        // blocks in a new order every epoch, samples within their block likewise
  std::uint64_t seed = 0;     // of the order, which depends on it and the epoch alone
  int prefetch = 2;           // batches made ahead at least (SourceOptions); half a block, unless 0
};

/// Batches of inputs and labels. Every sample comes once per epoch; the last batch of a block may be smaller. Throws
/// UserError for files of different lengths and for sizes that are not positive.
SINTER_API DataSource file_batches(const NpyRows& x, const NpyRows& y, const FileBatchesOptions& options = {});

}  // namespace sinter

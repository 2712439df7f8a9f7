#pragma once
// Batches that are made as they are needed: read from files, drawn at random, changed on the way.
//
//   const DataSource source([&](std::uint64_t epoch) {
//     return [&, k = 0]() mutable -> std::optional<Batch> {
//       if (k == 100) return std::nullopt;                      // the end of the epoch
//       return Batch{.x = images(epoch, k), .y = labels(epoch, k++)};
//     };
//   });
//   model.fit(source, {.epochs = 5});

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <sinter/frontend/data.h>

namespace sinter {

/// Some samples. The arrays must own their elements, or the elements outlive the epoch.
struct Batch {
  Data x = {};
  Data y = {};
  Data sample_weight = {};
};

struct SourceOptions {
  std::int64_t steps = 0;  // batches in an epoch; 0: until there are no more
  int prefetch = 2;        // batches made ahead by a thread of their own while the model trains; 0: no thread
};

/// Where fit(), evaluate() and predict() get batches from. For the same epoch a source has to give the same batches,
/// which is what makes trainings repeatable and lets them be resumed; it may be asked for an epoch several times.
class SINTER_API DataSource {
 public:
  /// Gives one batch after the other, then nothing. Called from one thread at a time. What it throws ends fit().
  using Next = std::function<std::optional<Batch>()>;
  /// Begins an epoch. Trainings count epochs through several calls of fit(), as for shuffling; all others, validation
  /// among them, ask for epoch 0 each time.
  using Begin = std::function<Next(std::uint64_t epoch)>;

  /// Throws UserError for negative options and without a function.
  explicit DataSource(Begin begin, SourceOptions options = {});

  Next begin(std::uint64_t epoch) const;
  const SourceOptions& options() const { return options_; }

 private:
  Begin begin_;
  SourceOptions options_;
};

/// What fit() validates with: `.validation_data = {x, y}`, perhaps with weights, {x, y, sample_weight}; or a source.
class SINTER_API ValidationData {
 public:
  ValidationData() = default;
  ValidationData(Data x, Data y, Data sample_weight = {})
      : arrays_{.x = std::move(x), .y = std::move(y), .sample_weight = std::move(sample_weight)} {}
  ValidationData(DataSource source) : source_(std::move(source)) {}  // NOLINT: implicit by design

  bool given() const { return source_ || arrays_.x.given(); }
  const Batch& arrays() const { return arrays_; }
  /// Null: arrays.
  const DataSource* source() const { return source_ ? &*source_ : nullptr; }

 private:
  Batch arrays_;
  std::optional<DataSource> source_;
};

namespace detail {
class Prefetcher;
}

/// The batches of one epoch, made ahead. Holds at most options().prefetch of them.
class SINTER_API BatchStream {
 public:
  BatchStream(const DataSource& source, std::uint64_t epoch);
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;
  /// The next one, or nothing. Throws what the source threw.
  std::optional<Batch> next();

 private:
  DataSource::Next next_;
  std::unique_ptr<detail::Prefetcher> ahead_;  // null: without a thread
};

}  // namespace sinter

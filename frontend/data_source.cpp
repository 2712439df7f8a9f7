#include <sinter/frontend/data_source.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include <sinter/ir/error.h>

namespace sinter {

DataSource::DataSource(Begin begin, SourceOptions options) : begin_(std::move(begin)), options_(options) {
  if (!begin_) user_error("DataSource: expected a function that begins an epoch, got none");
  if (options_.steps < 0) user_error("DataSource: steps must not be negative, got ", options_.steps);
  if (options_.prefetch < 0) user_error("DataSource: prefetch must not be negative, got ", options_.prefetch);
}

DataSource::Next DataSource::begin(std::uint64_t epoch) const {
  Next next = begin_(epoch);
  if (!next) user_error("DataSource: epoch ", epoch, " began without a function that gives batches");
  return next;
}

namespace detail {

/// A thread that stays a few batches ahead.
class Prefetcher {
 public:
  Prefetcher(DataSource::Next next, std::size_t most)
      : next_(std::move(next)), most_(most), thread_([this] { work(); }) {}
  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    thread_.join();
  }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  std::optional<Batch> take() {
    std::unique_lock lock(mutex_);
    something_.wait(lock, [this] { return !ready_.empty() || ended_; });
    if (ready_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    Batch batch = std::move(ready_.front());
    ready_.pop_front();
    room_.notify_one();
    return batch;
  }

 private:
  void work() {
    std::exception_ptr failure;
    try {
      while (wait_for_room()) {
        std::optional<Batch> batch = next_();
        if (!batch) break;
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(*batch));
        something_.notify_one();
      }
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    ended_ = true;
    something_.notify_one();
  }
  bool wait_for_room() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return stop_ || ready_.size() < most_; });
    return !stop_;
  }

  DataSource::Next next_;
  std::size_t most_;
  std::mutex mutex_;
  std::condition_variable something_, room_;
  std::deque<Batch> ready_;
  bool ended_ = false, stop_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace detail

BatchStream::BatchStream(const DataSource& source, std::uint64_t epoch) : next_(source.begin(epoch)) {
  const auto most = static_cast<std::size_t>(source.options().prefetch);
  if (most > 0) ahead_ = std::make_unique<detail::Prefetcher>(std::move(next_), most);
}
BatchStream::~BatchStream() = default;

std::optional<Batch> BatchStream::next() { return ahead_ != nullptr ? ahead_->take() : next_(); }

}  // namespace sinter

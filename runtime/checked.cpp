#include "checked.h"

#include <sinter/ir/error.h>

namespace {

/// The first violation of the current checked run.
struct Record {
  std::mutex mutex;
  std::int64_t count = 0;
  std::string kernel;
  std::int64_t buffer = 0;
  std::int64_t element = 0;
  std::int64_t elements = 0;
};

Record& record() {
  static Record the_record;
  return the_record;
}

std::mutex& run_mutex() {
  static std::mutex the_mutex;
  return the_mutex;
}

}  // namespace

void sinter_bounds_violation(const char* kernel, std::int64_t buffer, std::int64_t element, std::int64_t elements) {
  Record& r = record();
  const std::scoped_lock lock(r.mutex);
  if (r.count++ > 0) return;
  r.kernel = kernel;
  r.buffer = buffer;
  r.element = element;
  r.elements = elements;
}

namespace sinter::runtime {

CheckedRun::CheckedRun() : lock_(run_mutex()) {
  const std::scoped_lock lock(record().mutex);
  record().count = 0;
}

void CheckedRun::finish() {
  const std::scoped_lock lock(record().mutex);
  const Record& r = record();
  if (r.count == 0) return;
  internal_error("kernel ", r.kernel, ": operand ", r.buffer, " accessed at element ", r.element, " of ", r.elements,
                 r.count > 1 ? str(", and ", r.count - 1, " more out-of-bounds accesses") : std::string());
}

}  // namespace sinter::runtime

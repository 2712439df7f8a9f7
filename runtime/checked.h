#pragma once
// The record of accesses that the `checked` mode found out of bounds. Compiled code reports to a C function; a checked
// run holds the record for itself, so that it throws for its own violations only.

#include <cstdint>
#include <mutex>
#include <string>

extern "C" {
/// Called by checked code, from any thread. Keeps the first violation and counts the others.
void sinter_bounds_violation(const char* kernel, std::int64_t buffer, std::int64_t element, std::int64_t elements);
}

namespace sinter::runtime {

/// Name under which compiled code finds the function above.
inline constexpr const char* bounds_violation_symbol = "sinter_bounds_violation";

/// Surrounds one checked run: waits for other checked runs and starts with an empty record.
class CheckedRun {
 public:
  CheckedRun();
  /// Throws InternalError when something was reported since the construction.
  void finish();

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace sinter::runtime

#pragma once
// What became of the cases.

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sinter/frontend/array.h>

namespace keras_cases {

/// A result is not the expected one.
struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Tolerance {
  double relative = 0.0;
  double absolute = 0.0;
};

// Those that hold between Keras's own backends; the floors are a few units in the last place of values near 1.
inline constexpr Tolerance forward_tolerance = {2e-5, 1e-6};
inline constexpr Tolerance gradient_tolerance = {1e-4, 1e-6};
inline constexpr Tolerance optimizer_tolerance = {1e-6, 1e-7};
inline constexpr Tolerance fit_tolerance = {1e-4, 1e-6};

/// Throws Mismatch naming the worst element, unless shapes are equal and |got - expected| <= absolute + relative *
/// |expected| everywhere. Equal infinities agree, and so do two NaNs.
void expect_close(std::string_view what, const sinter::Array& got, const sinter::Array& expected, Tolerance tolerance);

class Report {
 public:
  /// Runs one case and counts and prints what became of it. Passing cases are printed only when asked to.
  void run(const std::string& name, const std::function<void()>& body);
  /// Counts a failure that belongs to no case (a file that cannot be read).
  void fail(const std::string& name, const std::string& reason);

  void set_verbose(bool verbose) { verbose_ = verbose; }
  int failed() const { return failed_; }
  int total() const { return passed_ + failed_ + unsupported_; }
  /// "N passed, N failed, N unsupported".
  std::string summary() const;

 private:
  bool verbose_ = false;
  int passed_ = 0, failed_ = 0, unsupported_ = 0;
};

}  // namespace keras_cases

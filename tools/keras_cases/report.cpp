#include "report.h"

#include <fmt/core.h>

#include <cmath>

#include "case_json.h"

#include <sinter/ir/error.h>

namespace keras_cases {

void expect_close(std::string_view what, const sinter::Array& got, const sinter::Array& expected, Tolerance tolerance) {
  if (got.shape() != expected.shape())
    throw Mismatch(sinter::str(what, ": expected shape ", expected.shape(), ", got ", got.shape()));
  double worst = 0.0;
  std::int64_t where = -1;
  for (std::int64_t k = 0; k < got.size(); ++k) {
    const double a = got.flat(k);
    const double b = expected.flat(k);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double excess = std::abs(a - b) / (tolerance.absolute + tolerance.relative * std::abs(b));
    if (excess <= 1.0 || excess < worst) continue;  // a NaN on one side is not <= 1
    worst = std::isnan(excess) ? HUGE_VAL : excess;
    where = k;
  }
  if (where >= 0)
    throw Mismatch(fmt::format("{}: element {}: expected {:.9g}, got {:.9g} ({:.1f} times the tolerance)", what, where,
                               expected.flat(where), got.flat(where), worst));
}

void Report::run(const std::string& name, const std::function<void()>& body) {
  try {
    body();
    ++passed_;
    if (verbose_) fmt::print("passed      {}\n", name);
  } catch (const Unsupported& e) {
    ++unsupported_;
    fmt::print("unsupported {}: {}\n", name, e.what());
  } catch (const std::exception& e) {
    fail(name, e.what());
  }
}

void Report::fail(const std::string& name, const std::string& reason) {
  ++failed_;
  fmt::print("FAILED      {}: {}\n", name, reason);
}

std::string Report::summary() const {
  return fmt::format("{} passed, {} failed, {} unsupported", passed_, failed_, unsupported_);
}

}  // namespace keras_cases

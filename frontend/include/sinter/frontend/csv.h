#pragma once
// CSV files (RFC 4180): rows of fields, quoted or not; numbers, missing values and classes as text.
//
//   const CsvTable iris = read_csv("iris.csv");
//   const Array x = iris.numbers({"sepal_length", "sepal_width"});
//   const Array y = iris.classes("species");           // 0, 1, 2: iris.class_names("species")[0] is "setosa"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/frontend/array.h>

namespace sinter {

struct CsvOptions {
  char separator = ',';
  /// Whether the first row holds names; unless said, it does when it has a field that is no number. Columns of a file
  /// without names are called "0", "1", ...
  std::optional<bool> header = std::nullopt;
  /// Fields that stand for no value; blanks around a field do not count.
  std::vector<std::string> missing = {"", "NA", "N/A", "NaN", "nan", "null", "?"};
  /// What a missing number becomes. The other columns of its row stay as they are.
  double missing_value = std::numeric_limits<double>::quiet_NaN();
  /// Files that hold more than this, uncompressed, are refused.
  std::int64_t max_bytes = std::int64_t{1} << 30;
};

/// What a file holds. A value: cheap to copy.
class SINTER_API CsvTable {
 public:
  struct Contents;
  explicit CsvTable(std::shared_ptr<const Contents> contents) : contents_(std::move(contents)) {}

  std::int64_t rows() const;
  const std::vector<std::string>& columns() const;
  /// A field as text, without its quotes. Throws UserError for an unknown column (with near matches) or row.
  std::string_view text(std::int64_t row, std::string_view column) const;
  /// Columns of numbers as f32[rows, columns]; all of them unless named. Throws UserError naming line and column of a
  /// field that is no number.
  Array numbers(const std::vector<std::string>& columns = {}) const;
  /// One column of numbers as f32[rows].
  Array column(std::string_view name) const;
  /// A column of texts as class numbers, i32[rows]: the place in class_names(). Throws UserError for a missing one.
  Array classes(std::string_view column) const;
  /// The different texts of a column, sorted; without the missing ones.
  std::vector<std::string> class_names(std::string_view column) const;

 private:
  std::shared_ptr<const Contents> contents_;
};

/// Reads a file, plain or compressed with gzip. Throws UserError naming file, line and column for an open quote, text
/// after a closing quote, a row of another length, two columns of one name; and for a file that cannot be read.
SINTER_API CsvTable read_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace sinter

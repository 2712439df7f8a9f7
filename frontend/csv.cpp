#include <sinter/frontend/csv.h>
#include <sinter/frontend/near_matches.h>

#include <algorithm>
#include <charconv>
#include <set>

#include <sinter/ir/error.h>

#include "file_bytes.h"
#include "one_line.h"

namespace sinter {

/// All fields lie in one text; quoted ones were shortened in place.
struct CsvTable::Contents {
  std::string path;
  CsvOptions options;
  std::string text;
  std::vector<std::string_view> fields = {};  // row by row
  std::vector<std::int64_t> lines = {};       // of each row, from 1
  std::vector<std::string> columns = {};

  std::size_t rows() const { return lines.size(); }
  std::string_view field(std::size_t row, std::size_t column) const { return fields[row * columns.size() + column]; }
  bool is_missing(std::string_view field) const {
    return std::find(options.missing.begin(), options.missing.end(), field) != options.missing.end();
  }
  std::size_t column(std::string_view name) const {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found == columns.end()) unknown_name(str("column of ", path), name, columns);
    return static_cast<std::size_t>(found - columns.begin());
  }
  template <class... Parts>
  [[noreturn]] void fail(std::size_t row, std::size_t column, const Parts&... parts) const {
    user_error(
        path, ": ",
        detail::one_line(str("line ", lines[row], ", column ", column + 1, " ('", columns[column], "'): ", parts...)));
  }
};

namespace {

using Contents = CsvTable::Contents;

constexpr std::size_t longest_shown = 40;

std::string_view without_blanks(std::string_view field) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!field.empty() && blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && blank(field.back())) field.remove_suffix(1);
  return field;
}

std::optional<double> number_of(std::string_view field) {
  if (field.size() > 1 && field.front() == '+' && field[1] != '-') field.remove_prefix(1);
  double value = 0.0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

class Parser {
 public:
  explicit Parser(Contents& contents) : contents_(contents), text_(contents.text) {
    if (std::string_view(text_).starts_with("\xEF\xBB\xBF")) at_ = 3;  // the mark of UTF-8
  }

  void parse() {
    while (at_ < text_.size()) {
      const std::size_t first = contents_.fields.size();
      const std::int64_t line = line_;
      read_row();
      const std::size_t width = contents_.fields.size() - first;
      if (width_ == 0) width_ = width;
      if (width_ > 1 && width == 1 && contents_.fields.back().empty()) {  // a blank line
        contents_.fields.pop_back();
        continue;
      }
      if (width != width_)
        user_error(contents_.path, ": line ", line, ": expected ", width_, " fields, as in the first row, got ", width);
      contents_.lines.push_back(line);
    }
  }
  std::size_t width() const { return width_; }

 private:
  bool at_end_of_line() const { return at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r'; }

  void read_row() {
    for (std::size_t column = 1;; ++column) {
      read_field(column);
      if (at_end_of_line()) break;
      ++at_;  // the separator
    }
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  void read_field(std::size_t column) {
    std::size_t begin = at_;
    while (begin < text_.size() && (text_[begin] == ' ' || text_[begin] == '\t') &&
           text_[begin] != contents_.options.separator)
      ++begin;
    if (begin < text_.size() && text_[begin] == '"') {
      at_ = begin + 1;
      return read_quoted(column);
    }
    begin = at_;
    while (!at_end_of_line() && text_[at_] != contents_.options.separator) ++at_;
    contents_.fields.push_back(without_blanks(std::string_view(text_).substr(begin, at_ - begin)));
  }

  void read_quoted(std::size_t column) {
    const std::int64_t line = line_;
    const std::size_t begin = at_;
    std::size_t end = begin;  // doubled quotes become one, so the field may get shorter
    for (;; ++at_) {
      if (at_ == text_.size())
        user_error(contents_.path, ": line ", line, ", column ", column, ": a quote is opened and never closed");
      if (text_[at_] == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') break;
      }
      if (text_[at_] == '\n') ++line_;
      text_[end++] = text_[at_];
    }
    while (!at_end_of_line() && text_[at_] != contents_.options.separator) {
      if (text_[at_] != ' ' && text_[at_] != '\t')
        user_error(contents_.path, ": line ", line_, ", column ", column, ": text after the closing quote");
      ++at_;
    }
    contents_.fields.push_back(std::string_view(text_).substr(begin, end - begin));
  }

  Contents& contents_;
  std::string& text_;
  std::size_t at_ = 0, width_ = 0;
  std::int64_t line_ = 1;
};

void name_columns(Contents& contents, std::size_t width) {
  const auto is_name = [&](std::string_view field) { return !contents.is_missing(field) && !number_of(field); };
  const auto first_row_end = contents.fields.begin() + static_cast<std::ptrdiff_t>(width);
  if (contents.options.header.value_or(std::any_of(contents.fields.begin(), first_row_end, is_name))) {
    contents.columns.assign(contents.fields.begin(), first_row_end);
    contents.fields.erase(contents.fields.begin(), first_row_end);
    contents.lines.erase(contents.lines.begin());
  } else {
    for (std::size_t k = 0; k < width; ++k) contents.columns.push_back(std::to_string(k));
  }
  std::set<std::string_view> seen;
  for (const std::string& name : contents.columns)
    if (!seen.insert(name).second)
      user_error(contents.path, ": two columns are named '", detail::one_line(name), "'; give them different names");
}

}  // namespace

std::int64_t CsvTable::rows() const { return static_cast<std::int64_t>(contents_->rows()); }
const std::vector<std::string>& CsvTable::columns() const { return contents_->columns; }

std::string_view CsvTable::text(std::int64_t row, std::string_view column) const {
  const std::size_t k = contents_->column(column);
  if (row < 0 || row >= rows()) user_error(contents_->path, ": there is no row ", row, ", there are ", rows());
  return contents_->field(static_cast<std::size_t>(row), k);
}

Array CsvTable::numbers(const std::vector<std::string>& names) const {
  const std::vector<std::string>& wanted = names.empty() ? columns() : names;
  std::vector<std::size_t> places;
  for (const std::string& name : wanted) places.push_back(contents_->column(name));
  std::vector<float> values;
  values.reserve(contents_->rows() * places.size());
  for (std::size_t row = 0; row < contents_->rows(); ++row) {
    for (const std::size_t k : places) {
      const std::string_view field = contents_->field(row, k);
      const std::optional<double> value =
          contents_->is_missing(field) ? contents_->options.missing_value : number_of(field);
      if (!value)
        contents_->fail(row, k, "expected a number, got '", field.substr(0, longest_shown),
                        "'; classes() reads columns of texts, .missing says what stands for no value");
      values.push_back(static_cast<float>(*value));
    }
  }
  return Array::from(std::move(values), {rows(), static_cast<std::int64_t>(places.size())});
}

Array CsvTable::column(std::string_view name) const { return numbers({std::string(name)}).reshape(Shape{rows()}); }

std::vector<std::string> CsvTable::class_names(std::string_view column) const {
  const std::size_t k = contents_->column(column);
  std::set<std::string> names;
  for (std::size_t row = 0; row < contents_->rows(); ++row)
    if (const std::string_view field = contents_->field(row, k); !contents_->is_missing(field)) names.emplace(field);
  return {names.begin(), names.end()};
}

Array CsvTable::classes(std::string_view column) const {
  const std::size_t k = contents_->column(column);
  const std::vector<std::string> names = class_names(column);
  std::vector<std::int32_t> numbers;
  for (std::size_t row = 0; row < contents_->rows(); ++row) {
    const std::string_view field = contents_->field(row, k);
    if (contents_->is_missing(field)) contents_->fail(row, k, "the class is missing");
    numbers.push_back(static_cast<std::int32_t>(std::lower_bound(names.begin(), names.end(), field) - names.begin()));
  }
  return Array::from(std::move(numbers));
}

CsvTable read_csv(const std::string& path, const CsvOptions& options) {
  if (options.separator == '"' || options.separator == '\n' || options.separator == '\r')
    user_error("read_csv: quotes and ends of lines cannot separate fields");
  auto contents = std::make_shared<CsvTable::Contents>(
      CsvTable::Contents{.path = path, .options = options, .text = detail::read_whole(path, options.max_bytes)});
  Parser parser(*contents);
  parser.parse();
  if (contents->fields.empty()) user_error(path, ": holds no rows");
  name_columns(*contents, parser.width());
  return CsvTable(std::move(contents));
}

}  // namespace sinter

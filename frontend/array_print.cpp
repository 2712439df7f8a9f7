// Prints arrays as numpy does: one format for all shown elements, so that columns align; beyond 1000 elements only the
// first and last three of each axis; lines of at most 75 characters.

#include <sinter/frontend/array.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ostream>
#include <string_view>

namespace sinter {

namespace {

constexpr std::int64_t show_all = 1000;
constexpr std::int64_t edge = 3;
constexpr std::size_t line_width = 75;
constexpr int max_digits = 8;

/// Shortest digits that read back as the same value, at most 8 after the point.
template <class T>
std::string digits(T value, std::chars_format format) {
  std::array<char, 400> buffer{};
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string text(buffer.data(), end);
  const std::size_t point = text.find('.');
  const std::size_t exponent = std::min(text.find('e'), text.size());
  if (point == std::string::npos || exponent - point - 1 <= max_digits) return text;
  end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, max_digits).ptr;
  return {buffer.data(), end};
}

struct Parts {
  std::string whole, fraction, exponent;
};

Parts split(const std::string& text) {
  Parts parts;
  const std::size_t e = std::min(text.find('e'), text.size());
  const std::size_t point = std::min(text.find('.'), e);
  parts.whole = text.substr(0, point);
  if (point < e) parts.fraction = text.substr(point + 1, e - point - 1);
  parts.exponent = text.substr(e);
  while (!parts.fraction.empty() && parts.fraction.back() == '0') parts.fraction.pop_back();
  return parts;
}

/// How the elements of one array are written.
class Format {
 public:
  Format(const Array& array, const std::vector<std::int64_t>& shown) : array_(array) {
    if (ir::is_float(array.dtype())) choose_notation(shown);
    for (const std::int64_t k : shown) {
      if (!is_number(k)) continue;
      const Parts parts = split(text(k));
      whole_ = std::max(whole_, parts.whole.size());
      fraction_ = std::max(fraction_, parts.fraction.size());
    }
    if (array.dtype() == DType::i1) width_ = std::string_view("False").size();
    for (const std::int64_t k : shown) width_ = std::max(width_, written(k).size());
  }

  /// Right-aligned to the widest.
  std::string operator()(std::int64_t k) const {
    const std::string out = written(k);
    return std::string(width_ - out.size(), ' ') + out;
  }

 private:
  void choose_notation(const std::vector<std::int64_t>& shown) {
    double largest = 0.0;
    double smallest = INFINITY;
    for (const std::int64_t k : shown) {
      const double magnitude = std::abs(array_.flat(k));
      if (!std::isfinite(magnitude) || magnitude == 0.0) continue;
      largest = std::max(largest, magnitude);
      smallest = std::min(smallest, magnitude);
    }
    scientific_ = largest >= 1e8 || (largest > 0.0 && (smallest < 1e-4 || largest / smallest > 1000.0));
  }

  /// Has a point that lines up with those of others.
  bool is_number(std::int64_t k) const { return ir::is_float(array_.dtype()) && std::isfinite(array_.flat(k)); }

  std::string written(std::int64_t k) const {
    if (!is_number(k)) return text(k);
    const Parts parts = split(text(k));
    const std::string rest(fraction_ - parts.fraction.size(), scientific_ ? '0' : ' ');
    return std::string(whole_ - parts.whole.size(), ' ') + parts.whole + "." + parts.fraction + rest + parts.exponent;
  }

  std::string text(std::int64_t k) const {
    const double value = array_.flat(k);
    if (array_.dtype() == DType::i1) return value != 0.0 ? "True" : "False";
    if (array_.dtype() == DType::i64) return std::to_string(array_.span<std::int64_t>()[static_cast<std::size_t>(k)]);
    if (!ir::is_float(array_.dtype())) return std::to_string(static_cast<std::int64_t>(value));
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    const auto format = scientific_ ? std::chars_format::scientific : std::chars_format::fixed;
    return array_.dtype() == DType::f64 ? digits(value, format) : digits(static_cast<float>(value), format);
  }

  const Array& array_;
  bool scientific_ = false;
  std::size_t whole_ = 0;
  std::size_t fraction_ = 0;
  std::size_t width_ = 0;
};

/// Positions of an axis that are shown; -1 stands for "...".
std::vector<std::int64_t> shown_of(std::int64_t extent, bool summary) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < extent; ++i) {
    if (summary && extent > 2 * edge && i == edge) {
      result.push_back(-1);
      i = extent - edge;
    }
    result.push_back(i);
  }
  return result;
}

class Printer {
 public:
  explicit Printer(const Array& array) : array_(array), summary_(array.size() > show_all) {}

  std::string print() {
    std::vector<std::int64_t> shown;
    collect(0, 0, shown);
    const Format format(array_, shown);
    if (array_.rank() == 0) return format(0);
    write(format, 0, 0);
    return out_;
  }

 private:
  void collect(int axis, std::int64_t base, std::vector<std::int64_t>& into) const {
    if (axis == array_.rank()) return into.push_back(base);
    for (const std::int64_t i : shown_of(array_.shape()[axis], summary_))
      if (i >= 0) collect(axis + 1, base * array_.shape()[axis] + i, into);
  }

  void write(const Format& format, int axis, std::int64_t base) {
    out_ += '[';
    bool first = true;
    for (const std::int64_t i : shown_of(array_.shape()[axis], summary_)) {
      const std::int64_t position = base * array_.shape()[axis] + i;
      if (axis + 1 == array_.rank()) {
        write_element(i < 0 ? "..." : format(position), first);
      } else {
        if (!first) new_line(array_.rank() - axis - 1, axis + 1);
        i < 0 ? void(out_ += "...") : write(format, axis + 1, position);
      }
      first = false;
    }
    out_ += ']';
  }

  void write_element(const std::string& element, bool first) {
    const std::size_t line_start = out_.rfind('\n') + 1;
    if (!first && out_.size() - line_start + 1 + element.size() + 1 > line_width)
      new_line(1, array_.rank());
    else if (!first)
      out_ += ' ';
    out_ += element;
  }

  void new_line(int breaks, int indent) {
    out_.append(static_cast<std::size_t>(breaks), '\n');
    out_.append(static_cast<std::size_t>(indent), ' ');
  }

  const Array& array_;
  bool summary_;
  std::string out_;
};

}  // namespace

std::string Array::to_string() const { return Printer(*this).print(); }

std::ostream& operator<<(std::ostream& out, const Array& array) { return out << array.to_string(); }

}  // namespace sinter

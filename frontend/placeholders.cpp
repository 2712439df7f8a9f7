// Texts with {name:format} in them.

#include <sinter/frontend/callbacks.h>
#include <sinter/frontend/near_matches.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include <sinter/ir/error.h>

#include "numbers.h"

namespace sinter {

namespace {

struct Format {
  bool zeros = false;
  int width = 0;
  int precision = -1;  // -1: not given
  char kind = 'r';     // d, f, e, g; r: as short as it reads back
};

class Filler {
 public:
  Filler(const std::string& text, const Logs& values) : text_(text), values_(values) {}

  std::string fill() {
    std::string result;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      const bool doubled = at_ < text_.size() && text_[at_] == c;
      if ((c == '{' || c == '}') && doubled) ++at_;
      if (c == '{' && !doubled)
        result += placeholder();
      else if (c == '}' && !doubled)
        user_error("'", text_, "': a } without its {; write }} for the brace itself");
      else
        result += c;
    }
    return result;
  }

 private:
  std::string placeholder() {
    const std::size_t end = text_.find('}', at_);
    if (end == std::string::npos) user_error("'", text_, "': a { without its }; write {{ for the brace itself");
    const std::string_view inside = std::string_view(text_).substr(at_, end - at_);
    at_ = end + 1;
    const std::size_t colon = inside.find(':');
    const std::string_view name = inside.substr(0, colon);
    if (!values_.contains(name)) {
      std::vector<std::string> known;
      for (const auto& [log, value] : values_) known.push_back(log);
      unknown_name(str("placeholder in '", text_, "'"), name, known);
    }
    return formatted(values_[name], colon == std::string_view::npos ? "" : inside.substr(colon + 1));
  }

  Format parsed(std::string_view spec) const {
    Format format;
    std::size_t k = 0;
    const auto number = [&](int& into) {
      const std::size_t first = k;
      for (into = 0; k < spec.size() && spec[k] >= '0' && spec[k] <= '9' && into < 1000; ++k)
        into = into * 10 + (spec[k] - '0');
      return k > first && into <= longest;
    };
    bool fine = true;
    if (k < spec.size() && spec[k] == '0') {
      format.zeros = true;
      ++k;
    }
    if (k < spec.size() && spec[k] >= '1' && spec[k] <= '9') fine = number(format.width);
    if (fine && k < spec.size() && spec[k] == '.') {
      ++k;
      fine = number(format.precision);
    }
    if (k < spec.size()) format.kind = spec[k++];
    const bool known_kind = std::string_view("rdfeg").find(format.kind) != std::string_view::npos;
    if (!fine || k != spec.size() || !known_kind || (format.kind == 'd' && format.precision >= 0))
      user_error("'", text_, "': '", spec,
                 "' is no format; expected [0][width][.precision] and d, f, e or g, as in .4f");
    return format;
  }

  std::string formatted(double value, std::string_view spec) const {
    const Format format = parsed(spec);
    if (format.kind == 'd' && value != std::floor(value))
      user_error("'", text_, "': format '", spec, "' is for whole numbers, got ", value, "; use f, as in .4f");
    std::string digits = detail::number_text(value, format.kind, format.precision);
    const auto width = static_cast<std::size_t>(format.width);
    if (digits.size() >= width) return digits;
    const std::size_t sign = format.zeros && digits.front() == '-' ? 1 : 0;
    return digits.insert(sign, width - digits.size(), format.zeros ? '0' : ' ');
  }

  static constexpr int longest = 200;
  const std::string& text_;
  const Logs& values_;
  std::size_t at_ = 0;
};

}  // namespace

std::string fill_placeholders(const std::string& text, const Logs& values) { return Filler(text, values).fill(); }

}  // namespace sinter

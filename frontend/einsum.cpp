// einsum: labels to one contraction.

#include <sinter/frontend/einsum.h>
#include <sinter/ir/ops/contraction.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "broadcasting.h"

namespace sinter {

detail::Einsum detail::Einsum::parse(std::string_view equation, std::string_view where) {
  const auto comma = equation.find(','), arrow = equation.find("->");
  const bool formed = comma != std::string_view::npos && arrow != std::string_view::npos && comma < arrow &&
                      equation.find(',', comma + 1) == std::string_view::npos;
  if (!formed) user_error(where, ": expected an equation like \"ab,bc->ac\", got \"", equation, "\"");
  return {equation.substr(0, comma), equation.substr(comma + 1, arrow - comma - 1), equation.substr(arrow + 2)};
}

namespace {

using Labels = std::vector<int>;  // letters; the axes of an ellipsis are numbered -1, -2, ... from its right

class Equation {
 public:
  Equation(std::string_view text, const std::string& where)
      : text_(text), where_(where), parts_(detail::Einsum::parse(text, where)) {}

  [[noreturn]] void fail(const std::string& message) const { user_error(where_, ": \"", text_, "\": ", message); }

  Labels labels(std::string_view part, int rank) const {
    const auto dots = part.find("...");
    const auto letters = static_cast<int>(part.size()) - (dots == std::string_view::npos ? 0 : 3);
    if (letters > rank || (dots == std::string_view::npos && letters != rank))
      fail(str("\"", part, "\" names ", letters, " axes of a tensor of rank ", rank));
    Labels result;
    for (std::size_t k = 0; k < part.size(); ++k) {
      if (k == dots) {
        for (int hidden = rank - letters; hidden > 0; --hidden) result.push_back(-hidden);
        k += 2;
      } else {
        result.push_back(letter(part[k]));
      }
    }
    expect_distinct(part, result);
    return result;
  }

  const detail::Einsum& parts() const { return parts_; }

 private:
  int letter(char c) const {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) fail(str("'", c, "' is no letter"));
    return c;
  }
  void expect_distinct(std::string_view part, const Labels& labels) const {
    Labels sorted = labels;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      fail(str("\"", part, "\" names an axis twice"));
  }

  std::string_view text_;
  std::string where_;
  detail::Einsum parts_;
};

bool has(const Labels& labels, int label) { return std::find(labels.begin(), labels.end(), label) != labels.end(); }

std::int64_t place(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) - labels.begin();
}

/// Sums over the axes that nothing else names, so that only shared and kept labels are left.
Tensor without_lonely(const Tensor& x, Labels& labels, const Labels& other, const Labels& result) {
  ir::Ints lonely;
  Labels kept;
  for (const int label : labels) {
    if (has(other, label) || has(result, label))
      kept.push_back(label);
    else
      lonely.push_back(place(labels, label));
  }
  if (lonely.empty()) return x;
  labels = kept;
  return sum(x, Axes(lonely));
}

void check_extents(const Equation& equation, const Tensor& a, const Labels& in_a, const Tensor& b, const Labels& in_b) {
  for (const int label : in_a) {
    if (!has(in_b, label)) continue;
    const auto x = a.shape()[static_cast<int>(place(in_a, label))];
    const auto y = b.shape()[static_cast<int>(place(in_b, label))];
    if (x != y) equation.fail(str("an axis has extent ", x, " in ", a.type(), " and ", y, " in ", b.type()));
  }
}

/// The axes of a named by `ellipsis of the result` in number: what "..." of the result stands for.
int rank_of_result(std::string_view part, const Labels& in_a, const Labels& in_b) {
  if (part.find("...") == std::string_view::npos) return static_cast<int>(part.size());
  const auto hidden = [](const Labels& labels) {
    return static_cast<int>(std::count_if(labels.begin(), labels.end(), [](int label) { return label < 0; }));
  };
  return static_cast<int>(part.size()) - 3 + std::max(hidden(in_a), hidden(in_b));
}

Tensor contracted(const Tensor& a, const Labels& in_a, const Tensor& b, const Labels& in_b, const Labels& result) {
  ir::Dot::Attrs attrs;
  Labels order, free_a, free_b;
  for (const int label : in_a) {
    if (!has(in_b, label)) {
      free_a.push_back(label);
      continue;
    }
    const bool batch = has(result, label);
    if (batch) order.push_back(label);
    (batch ? attrs.batch_a : attrs.contract_a).push_back(place(in_a, label));
    (batch ? attrs.batch_b : attrs.contract_b).push_back(place(in_b, label));
  }
  for (const int label : in_b)
    if (!has(in_a, label)) free_b.push_back(label);
  order.insert(order.end(), free_a.begin(), free_a.end());
  order.insert(order.end(), free_b.begin(), free_b.end());
  const Tensor product(ir::dot(a.expr(), b.expr(), attrs));
  if (order == result) return product;
  ir::Ints permutation;
  for (const int label : result) permutation.push_back(place(order, label));
  return transpose(product, Dims(permutation));
}

}  // namespace

Tensor einsum(std::string_view text, const Operand& first, const Operand& second) {
  auto [a, b] = unify("einsum", first, second);
  const Equation equation(text, detail::where(a, "einsum"));
  Labels in_a = equation.labels(equation.parts().a, a.rank());
  Labels in_b = equation.labels(equation.parts().b, b.rank());
  const std::string_view part = equation.parts().result;
  const Labels result = equation.labels(part, rank_of_result(part, in_a, in_b));
  for (const int label : result)
    if (!has(in_a, label) && !has(in_b, label)) equation.fail("the result names an axis that no operand has");
  check_extents(equation, a, in_a, b, in_b);
  a = without_lonely(a, in_a, in_b, result);
  b = without_lonely(b, in_b, in_a, result);
  return contracted(a, in_a, b, in_b, result);
}

}  // namespace sinter

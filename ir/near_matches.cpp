#include <sinter/ir/near_matches.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace sinter::ir {

namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; letter case is free.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      const auto same = [&](std::size_t x, std::size_t y) { return lower(a[x - 1]) == lower(b[y - 1]); };
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (same(i, j) ? 0U : 1U)});
      if (i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j)) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

bool starts_alike(std::string_view a, std::string_view b) {
  const std::size_t n = std::min(a.size(), b.size());
  return n >= 3 && edit_distance(a.substr(0, n), b.substr(0, n)) == 0;
}

constexpr std::size_t longest_name = 64;  // longer ones are no misspelling, and the table above is quadratic

}  // namespace

std::vector<std::string_view> near_matches(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.size() > longest_name) return {};
  std::vector<std::pair<std::size_t, std::size_t>> near;  // distance, position
  for (std::size_t k = 0; k < candidates.size(); ++k) {
    const std::string_view c = candidates[k];
    const std::size_t distance = edit_distance(name, c);
    const std::size_t allowed = std::max<std::size_t>(1, std::max(name.size(), c.size()) / 3);
    if ((distance <= allowed && distance < c.size()) || starts_alike(name, c)) near.emplace_back(distance, k);
  }
  std::ranges::sort(near);
  std::vector<std::string_view> best;
  for (std::size_t k = 0; k < std::min<std::size_t>(3, near.size()); ++k) best.push_back(candidates[near[k].second]);
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  const std::vector<std::string_view> near = near_matches(name, candidates);
  if (near.empty()) return {};
  std::string out = "; did you mean ";
  for (std::size_t k = 0; k < near.size(); ++k) {
    if (k > 0) out += k + 1 == near.size() ? " or " : ", ";
    out.append("'").append(near[k]).append("'");
  }
  return out + "?";
}

}  // namespace sinter::ir

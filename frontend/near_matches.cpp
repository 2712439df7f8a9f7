#include <sinter/frontend/near_matches.h>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>

namespace sinter {

namespace {

std::vector<std::string_view> views(std::span<const std::string> names) { return {names.begin(), names.end()}; }

constexpr std::size_t longest_shown = 100;

}  // namespace

std::vector<std::string> near_matches(std::string_view name, std::span<const std::string> known) {
  const std::vector<std::string_view> near = ir::near_matches(name, views(known));
  return {near.begin(), near.end()};
}

void unknown_name(std::string_view what, std::string_view name, std::span<const std::string> known) {
  std::string message = str("unknown ", what, " '", name.substr(0, longest_shown), "'");
  const std::string hint = ir::did_you_mean(name, views(known));
  if (!hint.empty()) message += hint + (hint.back() == '?' ? "" : "?");
  if (!known.empty()) message += hint.empty() ? "; known: " : " Known: ";
  for (std::size_t k = 0; k < known.size(); ++k) message += (k == 0 ? "" : ", ") + known[k];
  throw UserError(message);
}

}  // namespace sinter

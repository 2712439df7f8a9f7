#pragma once
// Unknown names in files and arguments are answered with the known names they resemble.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/export.h>

namespace sinter::ir {

/// The candidates that `name` is probably a misspelling of, nearest first, at most three.
SINTER_API std::vector<std::string_view> near_matches(std::string_view name,
                                                      std::span<const std::string_view> candidates);
/// "; did you mean 'add' or 'and'?", or nothing when no candidate is near. For the end of a message.
SINTER_API std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace sinter::ir

#pragma once
// What to say when a name is unknown: the names that look like it. Used for activations, losses, optimizers, layers...

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/export.h>

namespace sinter {

/// At most three of the known names that are close to `name`, the closest first (see ir/near_matches.h).
SINTER_API std::vector<std::string> near_matches(std::string_view name, std::span<const std::string> known);

/// Throws a UserError: `unknown activation 'rleu'; did you mean 'relu'? Known: elu, ...`.
[[noreturn]] SINTER_API void unknown_name(std::string_view what, std::string_view name,
                                          std::span<const std::string> known);

}  // namespace sinter

#pragma once

#include <string>

namespace sinter::detail {

/// A line on stderr: something is probably not what was meant, but work goes on.
void warn(const std::string& message);

}  // namespace sinter::detail

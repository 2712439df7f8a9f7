#pragma once

#include <string>

namespace sinter::detail {

/// A line on stderr: something is probably not what was meant, but work goes on.
void warn(const std::string& message);
/// The same, but a message is seen once in a process: for what has nothing to do with one model.
void warn_once(const std::string& message);

}  // namespace sinter::detail

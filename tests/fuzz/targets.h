#pragma once
// What a reader has to do with any bytes: take them, or refuse them with a UserError of one line.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::fuzz {

struct Target {
  std::string_view name;
  /// Reads the bytes. Ends the process when something is thrown that is no UserError of one line.
  void (*run)(std::string_view bytes);
  /// Small files to begin with.
  std::vector<std::string> (*seeds)();
};

std::span<const Target> targets();

}  // namespace sinter::fuzz

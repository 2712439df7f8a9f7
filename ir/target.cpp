#include <sinter/ir/target.h>

#include <algorithm>

namespace sinter::ir {

bool Target::has(const std::string& feature) const {
  return std::find(features.begin(), features.end(), "+" + feature) != features.end();
}

}  // namespace sinter::ir

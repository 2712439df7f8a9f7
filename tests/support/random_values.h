#pragma once
// Random contents of tensors.

#include <sinter/ir/attributes.h>

#include "support/random.h"

namespace sinter::test {

/// What the elements must be good for.
struct Domain {
  enum class Kind {
    any,       // floats: zeros, denormals, huge values, infinities and NaN among ordinary ones; integers: extremes
    tame,      // ordinary numbers
    generic,   // |x| in 0.3 .. 1.7, no two equal: away from the kinks of abs, max, sign, ...
    positive,  // as generic, positive
    index,     // positions 0 .. extent-1, seldom outside
    inside,    // positions 0 .. extent-1
  };
  Kind kind = Kind::any;
  std::int64_t extent = 0;
};

ir::TensorData random_data(const ir::TensorType& type, const Domain& domain, Random& random);
/// Every byte 0xFF: NaN in the float dtypes, -1 or the highest number in the others.
ir::TensorData poison(const ir::TensorType& type);

}  // namespace sinter::test

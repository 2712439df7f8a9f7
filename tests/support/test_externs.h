#pragma once
// Users' functions for tests. What they compute is stated a second time in tests/reference/external.cpp.

#include <utility>
#include <vector>

#include <sinter/ir/extern.h>

namespace sinter::test {

/// The dtypes that the functions below take.
inline const std::vector<ir::DType> extern_dtypes = {ir::DType::f32, ir::DType::f64, ir::DType::i32};

/// x + x, by "test_twice_f32" and so on. Its gradient calls it again.
ir::Expr extern_twice(const ir::Expr& x);
/// x * y, and an i32[] that counts where x > y; by "test_product_f32" and so on.
std::pair<ir::Expr, ir::Expr> extern_product(const ir::Expr& x, const ir::Expr& y);

/// All of them, to bind to graphs that were read from a text.
std::vector<ir::ExternPointer> test_externs();

}  // namespace sinter::test

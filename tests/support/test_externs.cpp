#include "support/test_externs.h"

#include <cstdint>
#include <type_traits>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

namespace sinter::test {

namespace {

using ir::DType;
using ir::Expr;
using ir::TensorType;

/// Arithmetic that wraps, for integers.
template <class T>
using Wrapping = std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;

template <class T>
void twice(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  const auto* x = static_cast<const T*>(inputs[0]);
  auto* y = static_cast<T*>(outputs[0]);
  for (std::int64_t k = 0; k < shapes[0].elements; ++k) {
    const auto v = static_cast<Wrapping<T>>(x[k]);
    y[k] = static_cast<T>(v + v);
  }
}

template <class T>
void product(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  const auto* x = static_cast<const T*>(inputs[0]);
  const auto* y = static_cast<const T*>(inputs[1]);
  auto* z = static_cast<T*>(outputs[0]);
  std::int32_t larger = 0;
  for (std::int64_t k = 0; k < shapes[2].elements; ++k) {
    z[k] = static_cast<T>(static_cast<Wrapping<T>>(x[k]) * static_cast<Wrapping<T>>(y[k]));
    larger += x[k] > y[k] ? 1 : 0;
  }
  *static_cast<std::int32_t*>(outputs[1]) = larger;
}

/// The instance for a dtype.
sinter_extern_function of(DType dtype, sinter_extern_function f32, sinter_extern_function f64,
                          sinter_extern_function i32) {
  return dtype == DType::f32 ? f32 : dtype == DType::f64 ? f64 : i32;
}

void expect_dtypes(DType dtype, std::span<const TensorType> types) {
  for (const TensorType& type : types)
    if (type.dtype != dtype || type.shape != types[0].shape) user_error("expected operands like ", types[0]);
}

ir::ExternPointer make_twice(DType dtype) {
  ir::ExternFunction function;
  function.name = str("test_twice_", dtype);
  function.address = of(dtype, &twice<float>, &twice<double>, &twice<std::int32_t>);
  function.results = [dtype](std::span<const TensorType> types) {
    expect_dtypes(dtype, types);
    return std::vector{types[0]};
  };
  function.vjp = [](const ir::VjpContext& c) { return ir::Gradients{extern_twice(c.grad())}; };
  return std::make_shared<const ir::ExternFunction>(std::move(function));
}

ir::ExternPointer make_product(DType dtype) {
  ir::ExternFunction function;
  function.name = str("test_product_", dtype);
  function.address = of(dtype, &product<float>, &product<double>, &product<std::int32_t>);
  function.results = [dtype](std::span<const TensorType> types) {
    expect_dtypes(dtype, types);
    return std::vector{types[0], TensorType{DType::i32, {}}};
  };
  function.vjp = [](const ir::VjpContext& c) {
    return ir::Gradients{c.grad() * c.operand(1), c.grad() * c.operand(0)};
  };
  return std::make_shared<const ir::ExternFunction>(std::move(function));
}

ir::ExternPointer find(const std::string& name) {
  for (const ir::ExternPointer& function : test_externs())
    if (function->name == name) return function;
  internal_error("test: no extern '", name, "'");
}

}  // namespace

std::vector<ir::ExternPointer> test_externs() {
  static const std::vector<ir::ExternPointer> all = [] {
    std::vector<ir::ExternPointer> made;
    for (const DType dtype : extern_dtypes) {
      made.push_back(make_twice(dtype));
      made.push_back(make_product(dtype));
    }
    return made;
  }();
  return all;
}

Expr extern_twice(const Expr& x) {
  return ir::extern_call(find(str("test_twice_", x.dtype())), std::vector{x}).front();
}

std::pair<Expr, Expr> extern_product(const Expr& x, const Expr& y) {
  const std::vector<Expr> results = ir::extern_call(find(str("test_product_", x.dtype())), std::vector{x, y});
  return {results[0], results[1]};
}

}  // namespace sinter::test

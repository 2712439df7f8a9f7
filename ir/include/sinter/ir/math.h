#pragma once
// Transcendental functions as templates over the value type, so that the interpreter and the compiled code evaluate the
// same operations in the same order and give the same bits. They use only what scalar_value.h pins down: no branch on a
// value, fma only where it is written, at most one division. bf16 and f16 are computed in f32 and rounded once. A wide
// value goes to the C++ library in double. Arguments must be floats.

#include <sinter/ir/math/error_function.h>
#include <sinter/ir/math/exponential.h>
#include <sinter/ir/math/logarithm.h>
#include <sinter/ir/math/power.h>
#include <sinter/ir/math/trigonometric.h>

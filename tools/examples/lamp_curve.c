/* A measured characteristic: linear between measurements at equal distances over [0, 1], constant outside. In C, so
   that programs with an exported step can have it too; compile it with -ffp-contract=off, and its bits are the same
   everywhere.

   inputs:  x, f32 of any shape; the measurements, f32[n], n > 1
   outputs: value and slope of the characteristic at x, both of x's shape */

#include <sinter/ir/extern_abi.h>

void lamp_curve(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  const float* x = inputs[0];
  const float* measured = inputs[1];
  float* value = outputs[0];
  float* slope = outputs[1];
  const int64_t cells = shapes[1].elements - 1;
  for (int64_t k = 0; k < shapes[0].elements; ++k) {
    const float at = x[k] * (float)cells;
    slope[k] = 0.0F;
    if (at >= 0.0F && at < (float)cells) {
      const int64_t cell = (int64_t)at;
      const float step = measured[cell + 1] - measured[cell];
      value[k] = measured[cell] + (at - (float)cell) * step;
      slope[k] = step * (float)cells;
    } else {
      value[k] = at < 0.0F ? measured[0] : at >= (float)cells ? measured[cells] : at; /* NaN stays NaN */
    }
  }
}

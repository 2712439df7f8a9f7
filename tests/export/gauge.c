/* A gauge that shows ten steps between 0 and 1: inputs x, f32 of any shape; outputs the step below x, and an i32 that
   counts where the needle is at its end. */
#ifndef GAUGE_HAS_HEADER
#include <sinter/ir/extern_abi.h>
void gauge(const void* const* inputs, void* const* outputs, const sinter_shape* shapes);
#endif
#ifndef GAUGE_STEPS
#define GAUGE_STEPS 10
#endif

void gauge(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  const float* x = inputs[0];
  float* shown = outputs[0];
  int32_t* ends = outputs[1];
  int64_t k;
  *ends = 0;
  for (k = 0; k < shapes[0].elements; ++k) {
    const float steps = (float)GAUGE_STEPS;
    const float held = x[k] > 0.0F ? (x[k] < 1.0F ? x[k] : 1.0F) : 0.0F;
    if (held == 0.0F || held == 1.0F) ++*ends;
    shown[k] = (float)(int32_t)(held * steps) / steps;
  }
}

/* Inference by an exported step: the initial weight of y = w x + b, where b is 0. */
#include <stdio.h>

#include "line_step.h"

int main(void) {
  static unsigned char work[LINE_STEP_WORK_BYTES] LINE_STEP_ALIGNED;
  float x = 0.0f, none = 1.0f, one = 0.0f;
  line_step_predict_args args = {line_step_initial_state, work, &x, &none};
  if (line_step_prepare(work) != LINE_STEP_OK || line_step_predict(&args) != LINE_STEP_OK) return 1;
  x = 1.0f;
  args.y = &one;
  if (line_step_predict(&args) != LINE_STEP_OK) return 2;
  printf("f(0) = %g, f(1) = %g\n", none, one);
  return none == 0.0f && one != 0.0f ? 0 : 3;
}

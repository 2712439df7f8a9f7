/* What an exported step says on a processor that lacks what it was made for. Returns 0 when every function says so. */
#include <stdio.h>

#include "m.h"

static unsigned char state[M_STATE_BYTES] M_ALIGNED, work[M_WORK_BYTES] M_ALIGNED, memory[M_SELFTEST_BYTES] M_ALIGNED;

int main(void) {
  static float x[32 * 784], y[320];
  const m_predict_args args = {state, work, x, y};
  const int initialised = m_init(state), early = m_predict(&args), prepared = m_prepare(work), step = m_predict(&args),
            test = m_selftest(memory);
  printf("init %d, predict before prepare %d, prepare %d, predict %d, selftest %d\n", initialised, early, prepared,
         step, test);
  return !(initialised == M_OK && early == M_ERROR_NOT_PREPARED && prepared == M_ERROR_CPU && step == M_ERROR_CPU &&
           test == M_ERROR_CPU);
}

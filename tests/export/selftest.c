/* Runs the self-test of an exported step, whose symbols begin with m_. Returns its result. */
#include <stdio.h>

#include "m.h"

static unsigned char memory[M_SELFTEST_BYTES] M_ALIGNED;

int main(void) {
  const int result = m_selftest(memory);
  printf("m_selftest() = %d\n", result);
  return result;
}

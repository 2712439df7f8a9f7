/* 20 training steps of an exported seed model by one thread and by three: the states have to be equal, byte by byte. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "m.h"

enum { STEPS = 20, PIXELS = 784, BATCH = 32, TEAM = M_THREADS };

static unsigned char alone[M_STATE_BYTES] M_ALIGNED, together[M_STATE_BYTES] M_ALIGNED;
static unsigned char work[M_WORK_BYTES] M_ALIGNED;
static float x[BATCH * PIXELS], loss, right, seen;
static unsigned char y[BATCH];
static m_train_step_args args = {NULL, work, x, y, &loss, &right, &seen};
static pthread_barrier_t meeting;
static int results[TEAM];

static void next_batch(int step) {
  int k;
  for (k = 0; k < BATCH * PIXELS; ++k) x[k] = (float)((k * 7 + step * 13) % 251) / 251.0f;
  for (k = 0; k < BATCH; ++k) y[k] = (unsigned char)((k + step) % 10);
}

static void meet(void* barrier) { pthread_barrier_wait((pthread_barrier_t*)barrier); }

static void* run(void* number) {
  const int thread = (int)((int*)number - results);
  results[thread] = m_train_step_team(&args, thread, TEAM, meet, &meeting);
  return NULL;
}

static int step_together(void) {
  pthread_t threads[TEAM];
  int k, wrong = 0;
  for (k = 0; k < TEAM; ++k) pthread_create(&threads[k], NULL, run, &results[k]);
  for (k = 0; k < TEAM; ++k) pthread_join(threads[k], NULL);
  for (k = 0; k < TEAM; ++k) wrong |= results[k];
  return wrong;
}

int main(void) {
  int step, wrong = m_prepare(work) | m_init(alone) | m_init(together);
  pthread_barrier_init(&meeting, NULL, TEAM);
  for (step = 0; step < STEPS && !wrong; ++step) {
    next_batch(step);
    args.state = alone;
    wrong |= m_train_step(&args);
    args.state = together;
    wrong |= step_together();
  }
  if (m_train_step_team(&args, 0, TEAM + 1, meet, &meeting) != M_ERROR_ARGUMENT) wrong = 100;
  if (m_train_step_team(&args, 0, TEAM, NULL, NULL) != M_ERROR_ARGUMENT) wrong = 101;
  if (memcmp(alone, together, sizeof alone) != 0) wrong = 102;
  printf("%d threads, %d steps, loss %.6f: %d\n", TEAM, STEPS, loss, wrong);
  return wrong;
}

/* Inference from static memory alone: weights lie in the program's constants and are used where they lie; nothing is
   allocated. Made of `sinter export seed --predict --batch 1 [--state trained.safetensors]`.
   Usage: zcat t10k-images-idx3-ubyte.gz | predict_exported
   Prints the class of each picture of an IDX file, one a line. */
#include <stdio.h>

#include "seed_predict.h"

enum { PIXELS = 784, CLASSES = 10, HEADER = 16 };

static unsigned char work[SEED_PREDICT_WORK_BYTES] SEED_PREDICT_ALIGNED;

static int largest(const float* values) {
  int k, best = 0;
  for (k = 1; k < CLASSES; ++k)
    if (values[k] > values[best]) best = k;
  return best;
}

int main(void) {
  static unsigned char picture[PIXELS];
  static float x[PIXELS], y[CLASSES];
  const seed_predict_predict_args args = {seed_predict_initial_state, work, x, y};
  int k;

  if (seed_predict_prepare(work) == SEED_PREDICT_ERROR_CPU) {
    fprintf(stderr, "predict_exported: this processor lacks one of: %s\n", SEED_PREDICT_FEATURES_0);
    return 1;
  }
  if (fread(picture, 1, HEADER, stdin) != HEADER) return 2;
  while (fread(picture, 1, PIXELS, stdin) == PIXELS) {
    for (k = 0; k < PIXELS; ++k) x[k] = (float)picture[k] / 255.0f;
    if (seed_predict_predict(&args) != SEED_PREDICT_OK) return 3;
    printf("%d\n", largest(y));
  }
  return 0;
}

/* Trains the model of the study notes on Fashion-MNIST without Sinter: all it is linked with is the step that
   `sinter export seed` wrote, and zlib to unpack the pictures. Usage: train_exported STATE [FOLDER OF THE PICTURES]
   STATE is written at the end; it is a safetensors file with weights, optimizer slots and counters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "seed_step.h"

enum { PICTURES = 60000, PIXELS = 784, BATCH = 32 };

static unsigned char pixels[PICTURES * PIXELS], labels[PICTURES];
static unsigned char state[SEED_STEP_STATE_BYTES] SEED_STEP_ALIGNED;
static unsigned char work[SEED_STEP_WORK_BYTES] SEED_STEP_ALIGNED;

static void fail(const char* what, const char* name) {
  fprintf(stderr, "train_exported: %s %s\n", what, name);
  exit(1);
}

/* What follows the header of an IDX file, packed or not. */
static void read_idx(const char* folder, const char* name, unsigned header, unsigned char* to, unsigned bytes) {
  char path[1024];
  unsigned char skipped[16];
  gzFile file;
  if (snprintf(path, sizeof path, "%s/%s.gz", folder, name) >= (int)sizeof path) fail("path is too long:", folder);
  file = gzopen(path, "rb");
  if (file == NULL) fail("cannot open", path);
  if (gzread(file, skipped, header) != (int)header || gzread(file, to, bytes) != (int)bytes) fail("cannot read", path);
  gzclose(file);
}

int main(int argc, char** argv) {
  static float x[BATCH * PIXELS];
  const char* folder = argc > 2 ? argv[2] : "/usr/share/datasets/fashion-mnist";
  float loss, right, seen;
  double loss_sum = 0, right_sum = 0;
  seed_step_train_step_args args = {state, work, x, NULL, &loss, &right, &seen};
  FILE* file;
  int step, k, result;

  if (argc < 2) fail("usage: train_exported STATE", "[FOLDER OF THE PICTURES]");
  read_idx(folder, "train-images-idx3-ubyte", 16, pixels, sizeof pixels);
  read_idx(folder, "train-labels-idx1-ubyte", 8, labels, sizeof labels);
  result = seed_step_prepare(work);
  if (result == SEED_STEP_ERROR_CPU) fail("this processor lacks what the step was made for:", SEED_STEP_FEATURES_0);
  if (result != SEED_STEP_OK || seed_step_init(state) != SEED_STEP_OK) fail("cannot start", "");

  for (step = 0; step < PICTURES / BATCH; ++step) {
    for (k = 0; k < BATCH * PIXELS; ++k) x[k] = (float)pixels[step * BATCH * PIXELS + k] / 255.0f;
    args.y = labels + step * BATCH;
    if (seed_step_train_step(&args) != SEED_STEP_OK) fail("the step failed", "");
    loss_sum += loss;
    right_sum += right;
  }
  printf("loss: %.4f - accuracy: %.4f\n", loss_sum / step, right_sum / PICTURES);

  file = fopen(argv[1], "wb");
  if (file == NULL || fwrite(state, 1, sizeof state, file) != sizeof state || fclose(file) != 0)
    fail("cannot write", argv[1]);
  return 0;
}

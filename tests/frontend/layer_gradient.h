#pragma once
// Gradients of a layer against differences.

#include <vector>

#include <sinter/sinter.h>

namespace sinter_test {

using namespace sinter;

struct GradientCheckOptions {
  bool training = false;
  bool wide = true;         // every float in double; without it h and tolerance must suit f32
  double h = 1e-5;          // half the distance of the two points
  double tolerance = 1e-7;  // relative to the sum of the magnitudes of what is added up
};

/// Compares the gradients of sum(c * y), c irregular constants, over all results y of the layer with a central
/// difference along one direction of all float inputs and trained weights, in the reference interpreter.
void check_gradient(Layer& layer, const std::vector<Array>& inputs, const GradientCheckOptions& options = {});

}  // namespace sinter_test

#pragma once
// All of Sinter that users write with. Reaches no LLVM and no Boost header.

#include <sinter/frontend/activation_layers.h>
#include <sinter/frontend/activations.h>
#include <sinter/frontend/array.h>
#include <sinter/frontend/attention_layers.h>
#include <sinter/frontend/einsum.h>
#include <sinter/frontend/idx.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>
#include <sinter/frontend/layers.h>
#include <sinter/frontend/losses.h>
#include <sinter/frontend/merging_layers.h>
#include <sinter/frontend/metrics.h>
#include <sinter/frontend/model.h>
#include <sinter/frontend/noise_layers.h>
#include <sinter/frontend/normalization_layers.h>
#include <sinter/frontend/optimizers.h>
#include <sinter/frontend/projection_layers.h>
#include <sinter/frontend/random_tensors.h>
#include <sinter/frontend/reshaping_layers.h>
#include <sinter/frontend/schedules.h>
#include <sinter/frontend/sequential.h>
#include <sinter/frontend/step.h>
#include <sinter/frontend/tensor.h>
#include <sinter/frontend/variable.h>

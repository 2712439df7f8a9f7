#pragma once
// Checkpoints: what they hold, under which names. Names of ours begin with '@', all others are paths of weights.
//
//   sequential/dense/kernel       weights
//   @optimizer/adam/iteration     states of the optimizer
//   @random/seed  @random/step    u32[2], u32[]
//   @epoch/loss  @epoch/sums/0    of a fit under way: sum of losses and samples; sums of each metric
//   @history/epochs  @history/loss
//   @callback/0/wait              states of callbacks, by their place in the list
//
// The metadata hold whole numbers (epochs_trained; averages_in_weights, when Model::swap_ema_weights() exchanged them;
// of a fit: epoch, batch, samples, batch_size, shuffle, steps_per_epoch, stopping, callbacks) and "sha256" of
// everything else.

#include <string>

#include <sinter/frontend/safetensors.h>

#include "model_state.h"

namespace sinter::detail {

/// Everything about the model, and about the fit that runs.
TensorFile checkpoint_of(const Model& model, ModelState& state);
/// Notes the checksum of what the file holds now.
void sign_checkpoint(TensorFile& file);
/// Reads a file. Throws UserError for one that is no checkpoint or was damaged.
TensorFile read_checkpoint(const std::string& path);
/// Gives the model what the checkpoint holds, or throws UserError and changes nothing.
void restore(const Model& model, ModelState& state, const TensorFile& file, const std::string& path);
/// Puts a fit where the checkpoint was made, or throws UserError: no fit ran then, or one with other data or options.
void resume(const Model& model, const ModelStep& step, RunningFit& fit, const TensorFile& file,
            const std::string& path);

}  // namespace sinter::detail

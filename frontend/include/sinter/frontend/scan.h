#pragma once
// Loops inside a model: one turn per slice of a sequence, compiled once however long the sequence is.
//
//   // exponential average of x [steps, n, k]
//   const Turn r = scan({start}, {x}, [&](const Tensors& carries, const Tensors& slices) -> Turn {
//     const Tensor mean = 0.9 * carries[0] + 0.1 * slices[0];
//     return {{mean}, {mean}};
//   });
//   // r.carries[0]: the last average [n, k]; r.outputs[0]: all of them [steps, n, k]

#include <functional>

#include <sinter/frontend/tensor.h>

namespace sinter {

/// What one turn gives, and what the whole loop does.
struct Turn {
  Tensors carries;       // for the next turn; of the loop: those of the last turn
  Tensors outputs = {};  // of the loop: one of each turn, stacked along a new axis 0
};

/// Computes one turn from the carries of the turn before and one slice of each sequence.
using TurnFn = std::function<Turn(const Tensors& carries, const Tensors& slices)>;

struct ScanOptions {
  bool reverse = false;  // from the last slice to the first; outputs stand where their slices did
};

/// Runs `turn` for every slice of the `sequences` along their axis 0. It may read weights and tensors from outside, and
/// call layers; it is traced once. Random numbers are the same in every turn. Gradients flow through all of it.
/// Throws UserError when there is no sequence, when sequences differ in length, or when a turn changes the number,
/// shape or dtype of the carries.
SINTER_API Turn scan(const Tensors& carries, const Tensors& sequences, const TurnFn& turn, ScanOptions options = {});

struct CumsumOptions {
  bool exclusive = false;  // an element is not part of its own sum
  bool reverse = false;    // sums run from the end
};

/// Running sums along an axis: y[k] = x[0] + ... + x[k], added one after the other. The gradient is the running sum
/// from the other end.
SINTER_API Tensor cumsum(const Operand& x, Dim axis, CumsumOptions options = {});

}  // namespace sinter

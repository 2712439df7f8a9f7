#pragma once
// What compiling gives and linking needs, as plain data that can be written down.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/attributes.h>
#include <sinter/ir/export.h>
#include <sinter/ir/program.h>

namespace sinter::runtime {

/// One thing that a caller binds.
struct Port {
  std::string name;
  ir::TensorType type;
};

/// Inputs, states and outputs in the order in which the program lists their buffers.
struct Signature {
  std::vector<Port> inputs, states, outputs;
};

/// A compiled program that is not linked yet.
struct Image {
  /// One entry of the step's first argument.
  struct Slot {
    ir::BufferKind kind = ir::BufferKind::arena;
    std::size_t index = 0;    // among the buffers of its kind
    std::int64_t offset = 0;  // arena
    std::int64_t bytes = 0;
  };

  Signature signature;
  std::vector<Slot> slots;
  std::vector<ir::TensorData> constants;  // in the order of their slots
  std::int64_t arena_bytes = 0;
  std::int64_t workspace_bytes = 0;  // per thread
  std::int64_t shared_bytes = 0;     // of all threads together, behind their own parts
  bool parallel = false;
  bool checked = false;
  std::vector<std::string> objects;  // relocatable files that together hold the step
};

/// The image as bytes, for this version of Sinter alone.
SINTER_API std::vector<std::byte> to_bytes(const Image& image);
/// Throws UserError for bytes that hold no image; bytes that hold one are believed.
SINTER_API Image image_from(std::span<const std::byte> bytes);

}  // namespace sinter::runtime

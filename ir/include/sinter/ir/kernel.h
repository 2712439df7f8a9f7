#pragma once
// What kind of loop nest computes a kernel body, and whether one can. Fusion asks this to learn what is legal, lowering
// to learn what may be written in place, the loop builder to know what to emit: one analysis, so they cannot disagree.
//
// Everything in a body that is not an *anchor* (a reduction, contraction or scatter) is evaluated on demand, at the
// index at which it is needed ("pulled"). A body is computable by one kernel when every anchor is only needed at the
// point where the loop nest stands.

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <sinter/ir/affine.h>
#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

/// One place where the kernel reads an input of the body.
struct KernelRead {
  std::size_t input = 0;          // position among the body's inputs
  std::optional<Affine> address;  // flat element number over the kernel's axes; empty when it depends on data
  std::optional<Affine> leading;  // index along the input's first axis longer than 1, where it is affine
  bool in_anchor = false;         // read while an anchor's terms are summed (else: when outputs are computed)
};

/// A coordinate that may lie outside of what it reads: there the read is absent.
struct KernelGuard {
  Affine coordinate;  // over the kernel's axes
  std::int64_t extent = 0;
  friend bool operator==(const KernelGuard&, const KernelGuard&) = default;
};

/// The loop nest of a body. Axes are numbered outer first, then inner.
struct KernelShape {
  KernelForm form = KernelForm::pointwise;
  Ints outer;                            // points at which anchors are evaluated
  Ints inner;                            // terms of each anchor: reduced extents
  std::vector<NodeId> anchors;           // in order
  std::vector<Affine> full;              // row: coordinates of an element of the reduced tensor, over outer and inner
  Shape full_shape;                      // row: shape of the reduced tensor
  std::vector<bool> output_is_full;      // per output: one element per (outer, inner), not per outer
  std::vector<Affine> output_addresses;  // flat element number that each output writes
  std::vector<KernelRead> reads;         // none where a user's function reads as it likes
  std::vector<KernelGuard> guards;       // those that are affine

  Ints extents() const;
};

/// The shape of `body`, or the reason why no single kernel computes it.
SINTER_API std::variant<KernelShape, std::string> kernel_shape(const Graph& body);

/// Where an anchor reads an operand that is an input of the body, a view of one, or one's elements one by one.
struct OperandRead {
  std::size_t input = 0;  // position among the body's inputs
  Affine address;         // flat element number over the kernel's axes
};
/// How read `read` of `anchor` finds its operand; empty when that is computed from several operands, or its element is
/// no affine expression. Says nothing about whether the element exists: a window may reach into padding.
SINTER_API std::optional<OperandRead> operand_read(const Graph& body, const KernelShape& shape, NodeId anchor,
                                                   std::size_t read);

/// True when output `output` may be written over input `input`: it is read only at the element being written, and not
/// while a contraction still needs it.
SINTER_API bool may_overwrite(const Graph& body, const KernelShape& shape, std::size_t input, std::size_t output);

/// The index at which an operand is read through `map`, with the axes of the node at `axes`; an entry is empty when it
/// is no affine expression (indirect, or a division that does not simplify).
SINTER_API std::vector<std::optional<Affine>> pulled_index(const IndexMap& map, std::span<const Affine> axes,
                                                           std::span<const std::int64_t> extents);
/// Coordinates in `shape` of flat element `address`.
SINTER_API std::vector<std::optional<Affine>> unflatten(const Affine& address, const Shape& shape,
                                                        std::span<const std::int64_t> extents);

/// Whether a contraction runs as a window nest (window_nest.h) under this schedule: where a window moves, and where
/// terms lie apart in both operands, so that all tiles of a chunk are summed while it is in the cache (weight
/// gradients).
SINTER_API bool runs_as_window(const Graph& body, const KernelShape& shape, const Schedule& schedule);

/// Per node: how many anchors, each needing the one before, stand behind it (itself included). Anchors of one depth
/// need none of each other.
SINTER_API std::vector<std::size_t> anchor_depths(const Graph& body, std::span<const NodeId> anchors);

/// A body that computes one plain node from inputs (or copies its operand when `node` has none to compute).
SINTER_API Graph single_node_body(const Graph& graph, NodeId node);

}  // namespace sinter::ir

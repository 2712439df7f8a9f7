#pragma once
// What a layer and its weights are behind their handles. Records outlive the layer objects: a layer may be moved, its
// record stays, so parents and models hold records.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sinter/frontend/layer.h>
#include <sinter/ir/memory.h>

namespace sinter::detail {

class HostBuffer {
 public:
  HostBuffer() = default;
  explicit HostBuffer(std::int64_t size);  // zeros
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::int64_t size() const { return size_; }

 private:
  ir::AlignedBytes data_;
  std::int64_t size_ = 0;
};

struct LayerState;

struct VariableState {
  std::string name;
  std::string path;
  TensorType type;
  bool trainable = true;
  Regularizer regularizer;
  Constraint constraint;
  std::optional<Initializer> initializer;  // of a weight made in a constructor, until its path is known
  std::weak_ptr<LayerState> layer;
  HostBuffer contents;
  std::uint64_t version = 0;  // counts the changes made by the host

  /// Gives the contents their first value.
  void initialize(std::uint64_t seed);
  void assign(const Array& value);
  Array value() const;
};

/// A variable that no layer made: optimizer slots, the learning rate, the random counter.
std::shared_ptr<VariableState> make_variable(std::string path, const Array& value);

struct LayerState {
  std::string name;
  bool explicit_name = false;
  std::string class_name;
  std::string path;
  std::uint64_t seed = 0;
  bool trainable = true;
  Regularizer activity_regularizer;
  bool building = false;
  bool built = false;
  bool placed = false;  // in a model: path and contents of the weights are known (see Trace::is_sketch)
  bool sealed = false;  // every mode was traced: nothing may be added
  bool is_model = false;
  bool warned_of_mask = false;  // that one ended here
  std::vector<Shape> built_for;
  std::vector<TensorType> outputs;  // of the last call, with the batch
  InputSpec spec;
  std::vector<Variable> own_weights;
  std::vector<std::shared_ptr<LayerState>> children;
  std::weak_ptr<LayerState> parent;
  std::vector<std::shared_ptr<Layer>> call_sites;  // layers made inside call(), by position

  void set_trainable(bool value);                   // of the layer and all below
  void collect(std::vector<Variable>& into) const;  // own weights, then the children's
  /// Those that are trained when this layer is the root: a layer that is shared with another model does not care
  /// whether that one is frozen.
  void collect_trainable(std::vector<Variable>& into) const;
};

/// The way from a layer to its record, for our own code.
struct LayerAccess {
  static const std::shared_ptr<LayerState>& state(const Layer& layer);
  /// The record of a layer that was not moved away; throws UserError otherwise.
  static LayerState& checked(const Layer& layer);
};

/// Makes `child` a part of `parent` (once), with a name that is unique there. Throws UserError for a duplicate.
void adopt(const std::shared_ptr<LayerState>& parent, const Layer& child);
/// "LeakyReLU" -> "leaky_re_lu".
std::string snake_case(std::string_view class_name);
void seal(LayerState& state);

}  // namespace sinter::detail

#pragma once
// One tracing: layers write into one graph, for one batch size and one mode. The current trace is the one thread-local
// of the library: it lets a Variable, training() and dropout find their graph without an argument.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sinter/ir/graph.h>

#include "layer_state.h"

namespace sinter::detail {

/// The random state that a model or step lends to its traces.
struct RandomState {
  std::uint64_t seed_value = 0;         // also seeds the initializers
  std::shared_ptr<VariableState> seed;  // u32[2]
  std::shared_ptr<VariableState> step;  // u32[]: counts training steps
  static RandomState make(std::uint64_t seed);
};

class Trace {
 public:
  Trace(ir::Graph& graph, bool training, RandomState random, const std::shared_ptr<LayerState>& root = nullptr);
  /// The body of a loop (scan.h), inside the trace that is current: what it reads from outside becomes an input.
  Trace(ir::Graph& body, Trace& enclosing);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// The innermost live trace of this thread, or nullptr.
  static Trace* current();
  /// Whether this thread has a live trace of that number.
  static bool is_live(std::uint64_t number);
  /// Unique in the process, never 0. Graphs come and go at the same address, numbers do not.
  std::uint64_t number() const { return number_; }

  ir::Graph& graph() const { return graph_; }
  bool training() const { return training_; }
  std::uint64_t seed() const { return random_.seed_value; }
  void set_training(bool training) { training_ = training; }
  /// A sketch finds out shapes before there is a model: layers are built, but their weights get paths and contents
  /// only in the first trace that is none.
  bool is_sketch() const { return sketch_; }
  void be_sketch() { sketch_ = true; }
  /// Whether every batch has the size of this trace's, so that a layer may keep something for each of its samples.
  bool is_batch_fixed() const { return enclosing_ != nullptr ? enclosing_->is_batch_fixed() : batch_fixed_; }
  void fix_batch() { batch_fixed_ = true; }

  /// The trace around the body of a loop; nullptr in all others.
  Trace* enclosing() const { return enclosing_; }
  /// In a body: a value of the graph around it (or further out), as the body sees it. Others pass through.
  ir::Expr captured(const ir::Expr& value);
  /// In a body: what its inputs are outside, those of captured values only.
  const std::vector<std::pair<ir::NodeId, ir::Expr>>& captures() const { return captures_; }

  /// The weight as a state of the graph; in a body, that of the graph around it.
  ir::Expr read(const std::shared_ptr<VariableState>& variable);
  void update(const std::shared_ptr<VariableState>& variable, const ir::Expr& value);
  /// Every variable that was read, by the name of its state.
  const std::map<std::string, std::shared_ptr<VariableState>, std::less<>>& variables() const { return variables_; }

  /// u32 bits for every element of `shape`: a function of the model's seed, the step, the layer's path, the number of
  /// the draw within the layer, the row and the column.
  /// In the body of a loop every turn gets the same bits.
  ir::Expr random_bits(const Shape& shape);

  void add_loss(const Tensor& term);
  const std::vector<Tensor>& losses() const { return losses_; }
  /// x is what the model's layers see of its input `name`.
  void add_input(const std::string& name, const Tensor& x) { inputs_.emplace_back(name, x.expr()); }
  /// `indices` select among `count`: when they are an input as it came, the data can be checked beforehand.
  void expect_indices(const ir::Expr& indices, std::int64_t count);
  struct IndexRange {
    std::string input;
    std::int64_t count = 0;
    std::string path;  // of the layer that looks up
  };
  const std::vector<IndexRange>& index_ranges() const { return index_ranges_; }

  void add_tap(const std::string& name, const Tensor& value);
  const std::vector<std::pair<std::string, Tensor>>& taps() const { return taps_; }

  /// The layers whose call() is under way, outermost first.
  struct Frame {
    std::shared_ptr<LayerState> layer;
    std::size_t next_site = 0;
  };
  std::vector<Frame>& frames() { return enclosing_ != nullptr ? enclosing_->frames() : frames_; }
  const std::shared_ptr<LayerState>& innermost() { return frames().back().layer; }

 private:
  /// Stops what a turn of a loop cannot do once for the whole step.
  void refuse_in_body(std::string_view function) const;
  ir::Expr bits_for(const Shape& shape, const std::string& path, const LayerState* layer);

  ir::Graph& graph_;
  bool training_;
  bool sketch_ = false;
  bool batch_fixed_ = false;
  RandomState random_;
  Trace* outer_;
  Trace* enclosing_ = nullptr;
  std::vector<std::pair<ir::NodeId, ir::Expr>> captures_;
  std::uint64_t number_;
  ir::Expr first_row_;  // u32[]: global index of the batch's first row; made when random bits are
  std::vector<Frame> frames_;
  std::map<const VariableState*, ir::Expr> reads_;
  std::map<std::string, std::shared_ptr<VariableState>, std::less<>> variables_;
  std::map<const LayerState*, int> draws_;
  std::vector<Tensor> losses_;
  std::vector<std::pair<std::string, ir::Expr>> inputs_;
  std::vector<IndexRange> index_ranges_;
  std::vector<std::pair<std::string, Tensor>> taps_;
};

/// "sequential/dense: matmul": the layer being traced and the function, for messages.
std::string where(const ir::Graph* graph, std::string_view function);

}  // namespace sinter::detail

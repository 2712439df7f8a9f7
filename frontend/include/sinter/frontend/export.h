#pragma once
// Steps as object files: training and inference in programs that have neither Sinter nor LLVM. What such a file holds
// and promises is stated in runtime/README.md, "Object files"; its header says how to call it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sinter/frontend/array.h>
#include <sinter/ir/graph.h>

namespace sinter {

struct ExportOptions {
  std::string header = {};  // path of the C header; "": beside the object, with the suffix .h
  std::string prefix = {};  // of all symbols; "": the name of the object, as C takes it
  /// "host", "x86-64-v2", "x86-64-v3", "x86-64-v4" or "aarch64". Of several levels of x86-64 the file holds code for
  /// each, the best first, and m_prepare() chooses.
  std::vector<std::string> targets = {"host"};
  int threads = 1;  // the most that may run a step together
  std::int64_t batch_size = 32;
  /// "train_step", "evaluate_step", "predict"; empty: all that the model can, which before compile() is predict.
  std::vector<std::string> functions = {};
  /// Dtype and shape of one sample's label. Unless given: i32 class numbers for losses that take them, else as the
  /// output. A model of several outputs has labels of the outputs' types.
  std::optional<ir::TensorType> labels = {};
  /// The most bytes that values between the kernels of a step may take, as for compile() (ExecutionOptions).
  std::optional<std::int64_t> memory_budget = {};
};

/// Writes an object file and a header with one function PREFIX_step that runs the graph. States begin with the contents
/// that are given by name, else as zeros; `batch_size`, `functions` and `labels` mean nothing here. Throws UserError
/// for contents that no state has, options that do not fit, and files that cannot be written.
SINTER_API void export_graph(const std::string& path, const ir::Graph& graph,
                             const std::map<std::string, Array>& states = {}, const ExportOptions& options = {});

/// Puts the tensors of a file of weights (Model::save_weights) into a stored state of an exported step, which keeps the
/// rest: optimizer slots, counters. The other way is Model::load_weights(state, {.ignore_others = true}). Throws
/// UserError for a tensor that the state has not, or has with another type; the state file then stays as it was.
SINTER_API void put_weights(const std::string& state_file, const std::string& weights_file);

}  // namespace sinter

#pragma once
// Models: layers that can be trained. A model compiles one native function per batch size and mode (training,
// evaluation, prediction); the last, smaller batch of an epoch is compiled up front with the first.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/callback.h>
#include <sinter/frontend/data.h>
#include <sinter/frontend/data_source.h>
#include <sinter/frontend/execution.h>
#include <sinter/frontend/export.h>
#include <sinter/frontend/history.h>
#include <sinter/frontend/layer.h>
#include <sinter/frontend/layers.h>
#include <sinter/frontend/losses.h>
#include <sinter/frontend/metrics.h>
#include <sinter/frontend/optimizers.h>
#include <sinter/frontend/progress.h>
#include <sinter/frontend/symbol.h>
#include <sinter/frontend/weight_files.h>

namespace sinter {

namespace detail {
struct ModelState;
}

struct ModelOptions {
  std::string name = {};   // "": snake_case of the class
  std::uint64_t seed = 0;  // of initial weights, dropout and shuffling: same seed, same bits
};

struct CompileOptions {
  AnyOptimizer optimizer = "rmsprop";
  AnyLoss loss = "mse";                 // of every output, unless `losses` is given
  std::vector<AnyMetric> metrics = {};  // of a model of one output
  /// Metrics that sample weights count for, as they do for the loss. One that is among `metrics` too is logged as
  /// "weighted_accuracy".
  std::vector<AnyMetric> weighted_metrics = {};
  ExecutionOptions execution = {};
  // For models of several outputs, by the name of the output (the layer that makes it):
  // {.losses = {{"digit", "sparse_categorical_crossentropy"}, {"image", "mse"}}, .loss_weights = {{"image", 0.1}}}
  /// An output that is not named has no loss, and no labels unless it has metrics.
  std::vector<std::pair<std::string, AnyLoss>> losses = {};
  /// Factors on the losses; 1 unless named.
  std::vector<std::pair<std::string, double>> loss_weights = {};
  std::vector<std::pair<std::string, std::vector<AnyMetric>>> output_metrics = {};
  std::vector<std::pair<std::string, std::vector<AnyMetric>>> output_weighted_metrics = {};
};

struct FitOptions {
  std::int64_t batch_size = 32;  // a smaller last batch is kept
  int epochs = 1;                // one more than the number of the last one
  int initial_epoch = 0;         // the number of the first one
  bool shuffle = true;           // samples are drawn in a new order every epoch
  /// Batches in an epoch. 0: all of them, or as many as SourceOptions say. Arrays: the next epoch goes on where this
  /// one ended; one that reaches the last sample ends there, with a warning if that was too early.
  std::int64_t steps_per_epoch = 0;
  ValidationData validation_data = {};     // arrays, or a source
  double validation_split = 0.0;           // this fraction of the samples, the last ones before shuffling, validates
  int validation_freq = 1;                 // epochs from one validation to the next
  std::int64_t validation_batch_size = 0;  // 0: batch_size
  std::int64_t validation_steps = 0;       // the first so many batches validate; 0: all of them
  /// How much each sample counts in the loss, which is sum(w v) / n (see Reduction): [n], or [n, ...] for losses with
  /// several values per sample. One array for all outputs, or a list by place or name. Metrics of weighted_metrics use
  /// them too.
  Data sample_weight = {};
  /// The same by class, for labels that are class numbers or rows of classes. Not for validation, not with
  /// sample_weight.
  ClassWeights class_weight = {};
  int verbose = 1;  // 0 nothing, 1 a progress line, 2 one line per epoch
  ProgressLook look = ProgressLook::keras2;
  bool check_finite = false;  // refuse NaN and Inf among the inputs
  int threads = 0;            // size of the team; 0: as compile() was told
  /// A checkpoint written within fit(), to go on from with the same data and options: `epochs` counts from the start of
  /// that fit, the History holds its epochs too. (BackupAndRestore does this by itself.)
  std::string resume_from = {};
  /// In this order (callbacks.h): {EarlyStopping({.patience = 3}), CSVLogger("log.csv")}.
  std::vector<AnyCallback> callbacks = {};
  /// Called after each epoch with its number (from 0) and logs; returning false ends the training. After the callbacks.
  std::function<bool(int epoch, const Logs& logs)> on_epoch_end = {};
};

struct EvaluateOptions {
  std::int64_t batch_size = 32;
  std::int64_t steps = 0;   // the first so many batches; 0: all of them
  Data sample_weight = {};  // as in FitOptions
  int verbose = 1;
  ProgressLook look = ProgressLook::keras2;
  int threads = 0;  // size of the team; 0: as compile() was told
};

/// Of train_on_batch and test_on_batch.
struct BatchOptions {
  Data sample_weight = {};
  ClassWeights class_weight = {};
};

struct PredictOptions {
  std::int64_t batch_size = 32;
  std::int64_t steps = 0;  // the first so many batches; 0: all of them
  int threads = 0;         // size of the team; 0: as compile() was told, else 1
};

/// A model is a layer, so it may be part of another model. Three ways to make one: from symbols, from a function, or by
/// a class of your own that derives from Model, keeps its layers as members and overrides call() or call_many().
class SINTER_API Model : public Layer {
 public:
  /// Everything between inputs and outputs (symbol.h). Weights are made at once. Layers are shared with other models
  /// that were made of the same symbols. Outputs are named after the layers that make them.
  ///   Input image({28, 28}), text({100});
  ///   ... Model model({image, text}, {digit, caption});
  /// Throws UserError when an output depends on an input that is not listed.
  Model(const SymbolList& inputs, const SymbolList& outputs, ModelOptions options = {});
  /// A model defined by a function, which may make layers on the spot:
  ///   Model model(Input({28, 28}), [](Tensor x) { return x | Flatten() | Dense(10, "softmax"); });
  /// The function is traced once per batch size and mode; layers it makes are kept by their position.
  template <class F>
    requires std::is_invocable_r_v<Tensor, std::remove_cvref_t<F>&, const Tensor&>
  Model(const Input& input, F&& function, ModelOptions options = {}) : Model(std::move(options)) {
    set_function(std::forward<F>(function));
    set_input(input);
  }
  /// The same for several inputs and results: Model({a, b}, [](Tensors x) { return Tensors{x[0] + x[1], x[0]}; }).
  template <class F>
    requires std::is_invocable_r_v<Tensors, std::remove_cvref_t<F>&, const Tensors&>
  Model(const std::vector<Input>& inputs, F&& function, ModelOptions options = {}) : Model(std::move(options)) {
    set_functions(std::forward<F>(function));
    set_inputs(inputs);
  }
  ~Model() override;
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  /// The shape of one sample. Makes the weights; needed once, and implied by the first fit() or predict().
  void set_input(const Input& input);
  void set_inputs(const std::vector<Input>& inputs);
  /// The seed given at construction, or that of the checkpoint that was loaded.
  std::uint64_t seed() const;

  /// A layer of the model by name; "block/dense" finds layers within layers. Layers that are members of a class of your
  /// own are found there, not here. Throws UserError with near matches.
  Layer& layer(std::string_view name) const;
  /// Names of the inputs and of the outputs, by which data, losses and metrics may be given. Empty before the shapes
  /// are known.
  std::vector<std::string> input_names() const;
  std::vector<std::string> output_names() const;

  /// Chooses how to train. Throws UserError with near matches for unknown names. May be called again: the weights stay,
  /// the optimizer starts afresh.
  void compile(AnyOptimizer optimizer, AnyLoss loss, std::vector<AnyMetric> metrics = {},
               ExecutionOptions execution = {});
  void compile(CompileOptions options);

  /// Trains. Throws UserError before compile(), for data that do not fit the model or the loss, and for labels out of
  /// range.
  History fit(const Data& x, const Data& y, const FitOptions& options = {});
  /// Trains on batches that a source makes. batch_size and shuffle are the source's affair; sample_weight comes with
  /// the batches. Throws UserError naming the batch for data that do not fit.
  History fit(const DataSource& source, const FitOptions& options = {});
  /// Loss and metrics over the samples.
  Logs evaluate(const Data& x, const Data& y, const EvaluateOptions& options = {});
  /// The same over the batches of a source; sample_weight comes with them.
  Logs evaluate(const DataSource& source, const EvaluateOptions& options = {});
  /// The outputs for the samples, in order. Works without compile(). Throws UserError for a model of several outputs.
  Array predict(const Data& x, const PredictOptions& options = {});
  /// All outputs of a model.
  std::vector<Array> predict_many(const Data& x, const PredictOptions& options = {});
  /// The same for the x of a source's batches, one after the other. batch_size is the source's affair.
  Array predict(const DataSource& source, const PredictOptions& options = {});
  std::vector<Array> predict_many(const DataSource& source, const PredictOptions& options = {});
  /// One training step on exactly these samples. Loss and metrics of the batch, before the update.
  Logs train_on_batch(const Data& x, const Data& y, const BatchOptions& options = {});
  /// Loss and metrics of exactly these samples, without training.
  Logs test_on_batch(const Data& x, const Data& y, const BatchOptions& options = {});

  /// The values of all tap()s for these samples, in inference, through the interpreter.
  std::vector<std::pair<std::string, Array>> trace_values(const Data& x);

  /// A state of the optimizer: a change compiles nothing. Throws UserError before compile() and for a schedule.
  double learning_rate() const;
  void set_learning_rate(double value);
  /// States of the optimizer by name ("adam/iteration", "adam/learning_rate", ...), in the order they are saved.
  std::vector<std::pair<std::string, Array>> optimizer_state() const;
  void set_optimizer_state(std::string_view name, const Array& value);

  /// Exchanges the weights that are trained and their moving averages (OptimizerOptions::use_ema), so that the averages
  /// may be evaluated or saved; called again, it puts both back. In between the model does not train. Throws UserError
  /// before the first step and for an optimizer without averages.
  void swap_ema_weights();
  /// Whether they are exchanged. Throws UserError for an optimizer without averages.
  bool ema_weights_swapped() const;

  /// Writes all weights, by their paths, to a safetensors file; to a path that ends in ".weights.h5" as Keras does,
  /// whose load_weights() reads them. The file is replaced as a whole (safetensors.h). Throws UserError before the
  /// weights are made, and when the file cannot be written.
  void save_weights(const std::string& path) const;
  /// Reads them back; names and shapes have to be the same, and no weight changes unless all of them can. Floats
  /// convert: to wider ones exactly, to narrower ones rounded to the nearest, with an error for what is out of range.
  /// Reads the files of Keras as well, known by their first bytes: .weights.h5, the weights in .keras (never code), and
  /// .h5 of Keras 2; these only from sources that you trust, for the HDF5 library that parses them does not withstand
  /// every damaged header. Files of other libraries are read through a table of names.
  void load_weights(const std::string& path, const LoadWeightsOptions& options = {});

  /// Writes the steps of the model, with its weights and the optimizer's state as they are now, into an object file
  /// with a C header: training, evaluation and prediction for programs without Sinter (export.h). Throws UserError for
  /// options that do not fit, and for files that cannot be written.
  void export_object(const std::string& path, const ExportOptions& options = {});

  /// Writes everything that training goes on from to a safetensors file, replaced as a whole: weights, the optimizer's
  /// states, the random step and the seed, how many epochs were trained; called within fit() (by a callback) also the
  /// epoch and the batch it is at, its logs so far, the History and the callbacks' states. Weights stand under their
  /// paths, so load_weights reads them with ignore_others. Throws UserError before compile() and when the file cannot
  /// be written.
  void save_checkpoint(const std::string& path) const;
  /// Reads it back into a model of the same layers, compiled with the same optimizer: what is trained from here on has
  /// the bits of a model that was never saved. A place within fit() is taken up by FitOptions::resume_from alone.
  /// Nothing changes unless everything fits. Throws UserError saying what is wrong with a damaged file (contents are
  /// checked by a SHA-256) or does not fit.
  void load_checkpoint(const std::string& path);

  /// The table of layers.
  std::string summary_text() const;
  /// Prints it.
  void summary() const;

  Tensor call(Tensor x) override;
  Tensors call_many(Tensors xs) override;

  /// The graph of one step ("train", "evaluate" or "predict") for a batch size, as the compiler gets it. Labels are of
  /// the given type; in a model of several outputs, of the type of each output.
  ir::Graph graph(std::string_view mode, std::int64_t batch_size, const TensorType& label_sample = {});

 protected:
  /// A model of your own overrides call() and keeps its layers as members.
  explicit Model(ModelOptions options = {});
  /// Layers that layer(name) looks among.
  virtual std::vector<std::shared_ptr<Layer>> parts() const;

 private:
  friend class Sequential;
  void set_function(std::function<Tensor(const Tensor&)> function);
  void set_functions(std::function<Tensors(const Tensors&)> function);
  std::unique_ptr<detail::ModelState> model_;
};

}  // namespace sinter

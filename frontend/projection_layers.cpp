#include <sinter/frontend/einsum.h>
#include <sinter/frontend/projection_layers.h>

#include <algorithm>
#include <map>

#include "trace.h"

namespace sinter {

Embedding::Embedding(Dim input_dim, Dim output_dim)
    : Embedding(Options{.input_dim = input_dim, .output_dim = output_dim}) {}
Embedding::Embedding(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}), options_(std::move(options)) {
  if (options_.input_dim < 1 || options_.output_dim < 1)
    fail(str("input_dim and output_dim must be positive, got ", options_.input_dim.value(), " and ",
             options_.output_dim.value()));
}

void Embedding::build(const Shape&) {
  embeddings_ = add_weight("embeddings", {options_.input_dim, options_.output_dim},
                           {.initializer = options_.embeddings_initializer,
                            .regularizer = options_.embeddings_regularizer,
                            .constraint = options_.embeddings_constraint});
}

Tensor Embedding::call(Tensor x) {
  if (detail::Trace* trace = detail::Trace::current()) trace->expect_indices(x.expr(), options_.input_dim);
  const bool index = x.dtype() == DType::i32 || x.dtype() == DType::i64;
  const Tensor y = gather(embeddings_, index ? x : cast(x, DType::i32), 0);
  return options_.mask_zero ? y.with_mask(not_equal(x, 0)) : y;
}

EinsumDense::EinsumDense(Options options)
    : Layer(
          {.name = options.name, .trainable = options.trainable, .activity_regularizer = options.activity_regularizer}),
      options_(std::move(options)) {
  const detail::Einsum parts = detail::Einsum::parse(options_.equation, name());
  for (const char axis : options_.bias_axes)
    if (parts.result.find(axis) == std::string_view::npos)
      fail(str("bias axis '", axis, "' is no axis of the output \"", parts.result, "\""));
}

namespace {

constexpr std::string_view ellipsis = "...";

std::string letters_of(std::string_view part) {
  std::string letters(part);
  if (const auto dots = letters.find(ellipsis); dots != std::string::npos) letters.erase(dots, ellipsis.size());
  return letters;
}

/// The extent of every letter of an equation.
class Extents {
 public:
  Extents(const EinsumDenseOptions& options, const Shape& input, const std::string& who) : who_(who) {
    const detail::Einsum parts = detail::Einsum::parse(options.equation, who);
    read_input(parts.a, input);
    read_output(parts, options.output_shape.values());
  }
  std::int64_t operator[](char letter) const {
    const auto found = known_.find(letter);
    if (found == known_.end())
      user_error(who_, ": nothing says how long axis '", letter, "' of the kernel is; name it in the output");
    return found->second;
  }

 private:
  void read_input(std::string_view part, const Shape& input) {
    const auto dots = part.find(ellipsis);
    const std::string letters = letters_of(part);
    const int hidden = input.rank() - static_cast<int>(letters.size());
    if (hidden < 0 || (hidden > 0 && dots == std::string_view::npos))
      user_error(who_, ": \"", part, "\" names ", letters.size(), " axes of inputs ", input);
    for (std::size_t k = 0; k < letters.size(); ++k)
      known_[letters[k]] = input[static_cast<int>(k) + (k >= dots ? hidden : 0)];
  }
  void read_output(const detail::Einsum& parts, const ir::Ints& shape) {
    std::string letters = letters_of(parts.result);
    const bool batch_is_named = letters.size() == parts.result.size();
    if (batch_is_named && !letters.empty()) letters.erase(0, 1);
    if (shape.size() != letters.size())
      user_error(who_, ": output_shape names ", shape.size(), " axes, the output \"", parts.result, "\" has ",
                 letters.size(), batch_is_named ? " besides the batch" : " letters");
    for (std::size_t k = 0; k < letters.size(); ++k) set(letters[k], shape[k]);
  }
  void set(char letter, std::int64_t extent) {
    const auto found = known_.find(letter);
    if (extent == -1) return;
    if (found != known_.end() && found->second != extent)
      user_error(who_, ": output_shape says ", extent, " for axis '", letter, "', the input has ", found->second);
    known_[letter] = extent;
  }

  std::string who_;
  std::map<char, std::int64_t> known_;
};

/// The bias beside the output: from its first axis on, 1 where there is no bias.
ir::Ints bias_shape(std::string_view output, const std::string& bias_axes, const Extents& extents) {
  ir::Ints shape;
  for (std::size_t k = output.find_first_of(bias_axes); k < output.size(); ++k) {
    if (output.substr(k).starts_with(ellipsis))
      user_error("bias axes before \"...\" are not known by their place; put \"...\" first");
    shape.push_back(bias_axes.find(output[k]) == std::string::npos ? 1 : extents[output[k]]);
  }
  return shape;
}

}  // namespace

void EinsumDense::build(const Shape& input) {
  const detail::Einsum parts = detail::Einsum::parse(options_.equation, name());
  const Extents extents(options_, input, name());
  ir::Ints kernel;
  for (const char letter : parts.b) kernel.push_back(extents[letter]);
  kernel_ = add_weight("kernel", Dims(kernel),
                       {.initializer = options_.kernel_initializer,
                        .regularizer = options_.kernel_regularizer,
                        .constraint = options_.kernel_constraint});
  if (!options_.bias_axes.empty())
    bias_ = add_weight("bias", Dims(bias_shape(parts.result, options_.bias_axes, extents)),
                       {.initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  expect_inputs({.rank = input.rank()});
}

Tensor EinsumDense::call(Tensor x) {
  const Tensor y = einsum(options_.equation, x, kernel_);
  return options_.activation(options_.bias_axes.empty() ? y : y + bias_);
}

}  // namespace sinter

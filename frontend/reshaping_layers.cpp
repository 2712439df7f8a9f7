#include <sinter/frontend/reshaping_layers.h>

#include <algorithm>

namespace sinter {

Reshape::Reshape(Dims target_shape) : Reshape(Options{.target_shape = std::move(target_shape)}) {}
Reshape::Reshape(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  const ir::Ints& dims = options_.target_shape.values();
  if (std::count(dims.begin(), dims.end(), -1) > 1 ||
      std::any_of(dims.begin(), dims.end(), [](std::int64_t d) { return d < -1; }))
    fail(str("target_shape takes extents of 0 or more and at most one -1, got ",
             ir::to_string(std::span<const std::int64_t>(dims))));
}

Tensor Reshape::call(Tensor x) {
  ir::Ints dims = options_.target_shape.values();
  dims.insert(dims.begin(), x.shape()[0]);
  return reshape(x, Dims(dims));
}

Permute::Permute(Dims dims) : Permute(Options{.dims = std::move(dims)}) {}
Permute::Permute(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  ir::Ints sorted = options_.dims.values();
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t k = 0; k < sorted.size(); ++k)
    if (sorted[k] != static_cast<std::int64_t>(k) + 1)
      fail(str("dims must be a permutation of 1 to ", sorted.size(), ", got ",
               ir::to_string(std::span<const std::int64_t>(options_.dims.values()))));
}

void Permute::build(const Shape&) { expect_inputs({.rank = static_cast<int>(options_.dims.values().size()) + 1}); }

Tensor Permute::call(Tensor x) {
  ir::Ints order = options_.dims.values();
  order.insert(order.begin(), 0);
  return transpose(x, Dims(order));
}

RepeatVector::RepeatVector(Dim n) : RepeatVector(Options{.n = n}) {}
RepeatVector::RepeatVector(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  if (options_.n < 1) fail(str("n must be positive, got ", options_.n.value()));
}
void RepeatVector::build(const Shape&) { expect_inputs({.rank = 2}); }
Tensor RepeatVector::call(Tensor x) {
  return broadcast_to(expand_dims(x, 1), {x.shape()[0], options_.n, x.shape()[1]});
}

}  // namespace sinter

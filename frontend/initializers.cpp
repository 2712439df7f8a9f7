#include <sinter/frontend/initializers.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <sinter/frontend/near_matches.h>
#include <sinter/ir/error.h>

#include "random.h"

namespace sinter {

namespace {

/// An array whose element k is `draw(stream, k)`, rounded to the dtype.
template <class Draw>
Array sample(const InitializerRequest& request, const std::optional<std::uint64_t>& seed, Draw draw) {
  const RandomStream stream(seed.value_or(request.seed), request.path);
  std::uint64_t position = 0;
  if (request.dtype == DType::f32) {  // without a copy of twice the size
    Array values = Array::zeros(request.shape, DType::f32);
    for (float& x : values.mutable_span<float>()) x = static_cast<float>(draw(stream, position++));
    return values;
  }
  Array values = Array::zeros(request.shape, DType::f64);
  for (double& x : values.mutable_span<double>()) x = draw(stream, position++);
  return values.astype(request.dtype);
}

}  // namespace

Fans compute_fans(const Shape& shape) {
  if (shape.rank() == 0) return {};
  if (shape.rank() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  double receptive = 1.0;
  for (int axis = 0; axis + 2 < shape.rank(); ++axis) receptive *= static_cast<double>(shape[axis]);
  return {static_cast<double>(shape[-2]) * receptive, static_cast<double>(shape[-1]) * receptive};
}

Array Zeros::operator()(const InitializerRequest& request) const { return Array::zeros(request.shape, request.dtype); }
Array Ones::operator()(const InitializerRequest& request) const {
  return Array::full(request.shape, 1.0, request.dtype);
}
Array Constant::operator()(const InitializerRequest& request) const {
  return Array::full(request.shape, value, request.dtype);
}

Array Identity::operator()(const InitializerRequest& request) const {
  if (request.shape.rank() != 2)
    user_error(request.path, ": the identity initializer makes matrices, the shape is ", request.shape);
  Array values = Array::zeros(request.shape, DType::f64);
  const auto elements = values.mutable_span<double>();
  const auto columns = static_cast<std::size_t>(request.shape[1]);
  for (std::size_t k = 0; k < elements.size(); k += columns + 1) elements[k] = gain;
  // Below a square part of a tall matrix the stride would wrap around into the next rows.
  for (std::size_t k = columns * columns; k < elements.size(); ++k) elements[k] = 0.0;
  return values.astype(request.dtype);
}

Array RandomNormal::operator()(const InitializerRequest& request) const {
  return sample(request, seed, [this](const RandomStream& s, std::uint64_t k) { return mean + stddev * s.normal(k); });
}
Array RandomUniform::operator()(const InitializerRequest& request) const {
  return sample(request, seed,
                [this](const RandomStream& s, std::uint64_t k) { return minval + (maxval - minval) * s.uniform(k); });
}
Array TruncatedNormal::operator()(const InitializerRequest& request) const {
  return sample(request, seed,
                [this](const RandomStream& s, std::uint64_t k) { return mean + stddev * s.truncated_normal(k); });
}

Array VarianceScaling::operator()(const InitializerRequest& request) const {
  if (!(scale > 0.0)) user_error(request.path, ": variance scaling needs a positive scale, got ", scale);
  const Fans fans = compute_fans(request.shape);
  const double fan = mode == FanMode::fan_in    ? fans.in
                     : mode == FanMode::fan_out ? fans.out
                                                : (fans.in + fans.out) / 2.0;
  const double variance = scale / std::max(1.0, fan);
  switch (distribution) {
    case Distribution::truncated_normal:
      return TruncatedNormal{0.0, std::sqrt(variance) / 0.87962566103423978, seed}(request);
    case Distribution::untruncated_normal: return RandomNormal{0.0, std::sqrt(variance), seed}(request);
    case Distribution::uniform: break;
  }
  const double limit = std::sqrt(3.0 * variance);
  return RandomUniform{-limit, limit, seed}(request);
}

Array GlorotUniform::operator()(const InitializerRequest& request) const {
  return VarianceScaling{1.0, FanMode::fan_avg, Distribution::uniform, seed}(request);
}
Array GlorotNormal::operator()(const InitializerRequest& request) const {
  return VarianceScaling{1.0, FanMode::fan_avg, Distribution::truncated_normal, seed}(request);
}
Array HeUniform::operator()(const InitializerRequest& request) const {
  return VarianceScaling{2.0, FanMode::fan_in, Distribution::uniform, seed}(request);
}
Array HeNormal::operator()(const InitializerRequest& request) const {
  return VarianceScaling{2.0, FanMode::fan_in, Distribution::truncated_normal, seed}(request);
}
Array LecunUniform::operator()(const InitializerRequest& request) const {
  return VarianceScaling{1.0, FanMode::fan_in, Distribution::uniform, seed}(request);
}
Array LecunNormal::operator()(const InitializerRequest& request) const {
  return VarianceScaling{1.0, FanMode::fan_in, Distribution::truncated_normal, seed}(request);
}

namespace {

/// Orthonormalises the rows of a [count, length] matrix in place by Gram-Schmidt, each row against the earlier ones
/// twice, which is as good as Householder's QR. With normal rows this is the Q whose R has a positive diagonal.
void orthonormalize_rows(std::span<double> matrix, std::size_t count, std::size_t length) {
  const auto row = [&](std::size_t k) { return matrix.subspan(k * length, length); };
  const auto inner = [length](std::span<const double> a, std::span<const double> b) {
    double sum = 0.0;
    for (std::size_t j = 0; j < length; ++j) sum += a[j] * b[j];
    return sum;
  };
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t pass = 0; pass < 2; ++pass) {
      for (std::size_t before = 0; before < k; ++before) {
        const double share = inner(row(before), row(k));
        for (std::size_t j = 0; j < length; ++j) row(k)[j] -= share * row(before)[j];
      }
    }
    const double norm = std::sqrt(inner(row(k), row(k)));
    for (double& x : row(k)) x /= norm;
  }
}

}  // namespace

Array Orthogonal::operator()(const InitializerRequest& request) const {
  if (request.shape.rank() < 2)
    user_error(request.path, ": the orthogonal initializer needs at least two axes, the shape is ", request.shape);
  const auto columns = static_cast<std::size_t>(request.shape[-1]);
  const std::size_t rows = columns == 0 ? 0 : static_cast<std::size_t>(request.shape.elements()) / columns;
  const std::size_t count = std::min(rows, columns);
  const std::size_t length = std::max(rows, columns);
  const RandomStream stream(seed.value_or(request.seed), request.path);
  std::vector<double> basis(count * length);
  for (std::size_t k = 0; k < basis.size(); ++k) basis[k] = stream.normal(k);
  orthonormalize_rows(basis, count, length);

  Array values = Array::zeros(request.shape, DType::f64);
  const auto elements = values.mutable_span<double>();
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      elements[i * columns + j] = gain * (rows >= columns ? basis[j * length + i] : basis[i * length + j]);
  return values.astype(request.dtype);
}

namespace {

using Sample = std::function<Array(const InitializerRequest&)>;

struct Known {
  std::string name;        // "glorot_uniform"
  std::string class_name;  // "GlorotUniform"
  Sample sample;
};

const std::vector<Known>& known_initializers() {
  static const std::vector<Known> known = {{"zeros", "Zeros", Zeros{}},
                                           {"ones", "Ones", Ones{}},
                                           {"constant", "Constant", Constant{}},
                                           {"identity", "Identity", Identity{}},
                                           {"random_normal", "RandomNormal", RandomNormal{}},
                                           {"random_uniform", "RandomUniform", RandomUniform{}},
                                           {"truncated_normal", "TruncatedNormal", TruncatedNormal{}},
                                           {"variance_scaling", "VarianceScaling", VarianceScaling{}},
                                           {"glorot_uniform", "GlorotUniform", GlorotUniform{}},
                                           {"glorot_normal", "GlorotNormal", GlorotNormal{}},
                                           {"he_uniform", "HeUniform", HeUniform{}},
                                           {"he_normal", "HeNormal", HeNormal{}},
                                           {"lecun_uniform", "LecunUniform", LecunUniform{}},
                                           {"lecun_normal", "LecunNormal", LecunNormal{}},
                                           {"orthogonal", "Orthogonal", Orthogonal{}}};
  return known;
}

}  // namespace

const std::vector<std::string>& Initializer::names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Known& k : known_initializers()) result.push_back(k.name);
    return result;
  }();
  return names;
}

Initializer::Initializer(std::string_view name) {
  for (const Known& k : known_initializers()) {
    if (k.name != name && k.class_name != name) continue;
    sample_ = k.sample;
    name_ = k.name;
    return;
  }
  unknown_name("initializer", name, names());
}

Array Initializer::operator()(const InitializerRequest& request) const {
  Array values = sample_(request);
  if (values.shape() != request.shape)
    user_error(request.path, ": the initializer returned shape ", values.shape(), ", expected ", request.shape);
  if (values.dtype() != request.dtype)
    user_error(request.path, ": the initializer returned ", values.dtype(), ", expected ", request.dtype);
  return values;
}

}  // namespace sinter

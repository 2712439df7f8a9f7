#pragma once
// How weights begin. Distributions and defaults are those of Keras 3 (keras/src/initializers); the numbers come from
// our own Philox and depend on nothing but the seed, the weight's path and the position in the tensor.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/array.h>

namespace sinter {

/// What an initializer is asked for.
struct InitializerRequest {
  Shape shape;
  DType dtype = DType::f32;
  std::uint64_t seed = 0;  // of the model
  std::string path;        // of the weight, "sequential/dense/kernel"
};

/// Input and output units of a weight: `[n]` n and n; `[in, out]`; convolution `[spatial..., in, out]` times the
/// receptive field.
struct Fans {
  double in = 1.0;
  double out = 1.0;
};
SINTER_API Fans compute_fans(const Shape& shape);

struct SINTER_API Zeros {
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API Ones {
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API Constant {
  double value = 0.0;
  Array operator()(const InitializerRequest& request) const;
};
/// `gain` on the diagonal; matrices only.
struct SINTER_API Identity {
  double gain = 1.0;
  Array operator()(const InitializerRequest& request) const;
};
/// In the structs below a seed of its own makes an initializer independent of the model's.
struct SINTER_API RandomNormal {
  double mean = 0.0;
  double stddev = 0.05;
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API RandomUniform {
  double minval = -0.05;
  double maxval = 0.05;
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
/// Normal, but nothing beyond two standard deviations.
struct SINTER_API TruncatedNormal {
  double mean = 0.0;
  double stddev = 0.05;
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};

enum class FanMode : std::uint8_t { fan_in, fan_out, fan_avg };
enum class Distribution : std::uint8_t { truncated_normal, untruncated_normal, uniform };

/// s = scale / max(1, fan). truncated_normal: stddev sqrt(s) / 0.87962566103423978 (so that what is left has variance
/// s); untruncated_normal: sqrt(s); uniform: within +-sqrt(3 s).
struct SINTER_API VarianceScaling {
  double scale = 1.0;
  FanMode mode = FanMode::fan_in;
  Distribution distribution = Distribution::truncated_normal;
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
/// Glorot: scale 1, fan_avg. He: 2, fan_in. Lecun: 1, fan_in.
struct SINTER_API GlorotUniform {
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API GlorotNormal {
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API HeUniform {
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API HeNormal {
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API LecunUniform {
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
struct SINTER_API LecunNormal {
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};
/// Orthonormal rows or columns (whichever are fewer) of the weight seen as [product of leading axes, last axis], times
/// `gain`. At least two axes.
struct SINTER_API Orthogonal {
  double gain = 1.0;
  std::optional<std::uint64_t> seed = std::nullopt;
  Array operator()(const InitializerRequest& request) const;
};

/// Any of the above, the name of one ("glorot_uniform" or "GlorotUniform"), or a callable
/// `Array(const InitializerRequest&)`. A value: cheap to copy.
class SINTER_API Initializer {
 public:
  /// By name; options take their defaults. Throws UserError with near matches for an unknown name.
  Initializer(std::string_view name);  // NOLINT: implicit, so that options read {.kernel_initializer = "he_normal"}
  Initializer(const char* name) : Initializer(std::string_view(name)) {}         // NOLINT: as above
  Initializer(const std::string& name) : Initializer(std::string_view(name)) {}  // NOLINT: as above
  Initializer(std::nullptr_t) = delete;
  template <class Sample>
    requires(!std::same_as<std::remove_cvref_t<Sample>, Initializer> &&
             std::is_invocable_r_v<Array, const std::remove_cvref_t<Sample>&, const InitializerRequest&>)
  Initializer(Sample&& sample)  // NOLINT: implicit, so that typed objects and lambdas fit
      : sample_(std::forward<Sample>(sample)) {}

  /// The first value of a weight. Throws UserError when the callable returns another shape or dtype.
  Array operator()(const InitializerRequest& request) const;
  /// "glorot_uniform" when made from a name, else empty.
  const std::string& name() const { return name_; }

  /// The names that the constructor knows (snake case).
  static const std::vector<std::string>& names();

 private:
  std::function<Array(const InitializerRequest&)> sample_;
  std::string name_;
};

}  // namespace sinter

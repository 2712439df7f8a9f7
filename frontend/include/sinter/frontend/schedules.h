#pragma once
// Learning rates: a number, or a schedule that follows the step. A number is kept in a state, so it can be changed
// between steps without compiling again; a schedule is part of the step. Formulas are those of Keras 3
// (keras/src/optimizers/schedules); `step` counts updates from 0.

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/tensor.h>

namespace sinter {

/// initial * decay_rate ^ (step / decay_steps).
struct SINTER_API ExponentialDecay {
  double initial_learning_rate = 0.01;
  double decay_steps = 1.0;
  double decay_rate = 0.9;
  bool staircase = false;  // whole divisions only
  Tensor operator()(const Tensor& step) const;
};
/// values[k] while boundaries[k-1] < step <= boundaries[k]. One value more than boundaries.
struct SINTER_API PiecewiseConstantDecay {
  std::vector<double> boundaries = {};
  std::vector<double> values = {};
  Tensor operator()(const Tensor& step) const;
};
/// (initial - end) * (1 - step / decay_steps) ^ power + end; later `end`, or with `cycle` over a decay_steps that grows
/// to the next multiple.
struct SINTER_API PolynomialDecay {
  double initial_learning_rate = 0.01;
  double decay_steps = 1.0;
  double end_learning_rate = 0.0001;
  double power = 1.0;
  bool cycle = false;
  Tensor operator()(const Tensor& step) const;
};
/// initial / (1 + decay_rate * step / decay_steps).
struct SINTER_API InverseTimeDecay {
  double initial_learning_rate = 0.01;
  double decay_steps = 1.0;
  double decay_rate = 0.9;
  bool staircase = false;
  Tensor operator()(const Tensor& step) const;
};
/// Half a cosine from `initial` (after a linear warm-up to warmup_target, if warmup_steps > 0) to alpha times it.
struct SINTER_API CosineDecay {
  double initial_learning_rate = 0.01;
  double decay_steps = 1.0;
  double alpha = 0.0;
  double warmup_target = 0.0;
  double warmup_steps = 0.0;
  Tensor operator()(const Tensor& step) const;
};
/// Cosine decays one after the other, each t_mul times longer and m_mul times higher.
struct SINTER_API CosineDecayRestarts {
  double initial_learning_rate = 0.01;
  double first_decay_steps = 1.0;
  double t_mul = 2.0;
  double m_mul = 1.0;
  double alpha = 0.0;
  Tensor operator()(const Tensor& step) const;
};

/// A number, one of the schedules above, or a callable `Tensor(const Tensor& step)` of the f32 scalar step.
class SINTER_API LearningRate {
 public:
  template <class T>
    requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>)
  LearningRate(T value)
      : value_(static_cast<double>(value)) {}  // NOLINT: implicit, so that {.learning_rate = 0.1} works
  template <class Schedule>
    requires(!std::same_as<std::remove_cvref_t<Schedule>, LearningRate> &&
             std::is_invocable_r_v<Tensor, const std::remove_cvref_t<Schedule>&, const Tensor&>)
  LearningRate(Schedule&& schedule) : schedule_(std::forward<Schedule>(schedule)) {}  // NOLINT: as above

  bool is_schedule() const { return static_cast<bool>(schedule_); }
  /// The number; for a schedule its value at step 0 is not known here and this is 0.
  double value() const { return value_; }
  Tensor at(const Tensor& step) const { return schedule_(step); }

 private:
  double value_ = 0.0;
  std::function<Tensor(const Tensor&)> schedule_;
};

}  // namespace sinter

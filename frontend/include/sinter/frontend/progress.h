#pragma once
// The progress line of fit and evaluate, as Keras 2 writes it:
//
//   1875/1875 [==============================] - 0s 107us/step - loss: 0.2591 - accuracy: 0.9262
//     32/1875 [>.............................] - ETA: 3s - loss: 1.2053 - accuracy: 0.6504

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <sinter/ir/export.h>

namespace sinter {

/// How the line looks. Keras 3 has colours (on a terminal alone), the names in the order of the alphabet and another
/// bar:
///
///   1875/1875 ━━━━━━━━━━━━━━━━━━━━ 4s 2ms/step - accuracy: 0.9262 - loss: 0.2591
enum class ProgressLook : std::uint8_t { keras2, keras3 };

struct ProgressOptions {
  std::int64_t steps = 0;  // in this epoch; 0: not known yet, the line comes at the end
  int verbose = 1;         // 0 nothing, 1 the bar, 2 one line at the end
  ProgressLook look = ProgressLook::keras2;
  std::ostream* out = nullptr;                  // std::cout unless set
  std::optional<bool> terminal = std::nullopt;  // whether `out` is one; found out for std::cout, else false
  std::function<double()> now = nullptr;        // seconds on a clock that never goes back; the steady clock unless set
};

/// Progress of one epoch. A terminal sees the line change (at most every 0.05 s); anything else gets the finished line
/// alone: no \r, no \b, no colour.
class SINTER_API Progress {
 public:
  /// A name and the mean so far, in the order in which they are shown.
  using Values = std::span<const std::pair<std::string, double>>;

  explicit Progress(ProgressOptions options);

  /// True when update() would write; saves the caller from working out values that nobody sees. Cheap.
  bool due(std::int64_t done);
  /// `done` steps are finished.
  void update(std::int64_t done, Values values);
  /// How many steps there were, when it was not known.
  void set_steps(std::int64_t steps) { options_.steps = steps; }
  /// The epoch (and its validation) is over: the final line.
  void finish(Values values);

 private:
  void note_step(std::int64_t done);
  double seconds_per_step() const;
  std::string bar(std::int64_t done) const;
  std::string coloured(const char* colour, const std::string& text) const;
  std::string coloured_bar(std::int64_t done) const;
  std::string running(std::int64_t done, double left) const;
  std::string finished() const;
  std::string labelled(Values values) const;
  std::string padded(std::string line);
  std::string count(std::int64_t done) const;

  ProgressOptions options_;
  double start_ = 0.0;
  double shown_ = 0.0;  // when the line was last written
  bool written_ = false;
  // Time per step leaves the first one out: it may compile.
  double first_time_ = 0.0, last_time_ = 0.0;
  std::int64_t first_done_ = 0, last_done_ = 0;
  std::size_t width_ = 0;  // of the line on the terminal, in characters
};

/// "0.2591", or "1.0000e-03" for magnitudes up to 1e-3, as Keras writes numbers. Independent of the locale.
SINTER_API std::string format_value(double value);
/// "2s/step", "4ms/step", "107us/step".
SINTER_API std::string format_step_time(double seconds);
/// "3s", "1:05", "1:01:05".
SINTER_API std::string format_eta(double seconds);

}  // namespace sinter

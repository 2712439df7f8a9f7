#pragma once
// Who may use a model at the same time.

#include <cstdint>
#include <mutex>
#include <string_view>

#include <sinter/ir/error.h>

#include "model_state.h"

namespace sinter::detail {

/// Whoever trains has the model alone: a second step at the same time is an error. Threads that only look take turns.
class Exclusive {
 public:
  enum class Use : std::uint8_t { look, train };
  Exclusive(const Model& model, ModelState& state, Use use, std::string_view what)
      : model_(model), state_(state), use_(use), what_(what), lock_(state.busy, std::defer_lock) {
    enter();
  }
  ~Exclusive() { leave(); }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

  void enter() {
    if (use_ == Use::look && !state_.training) lock_.lock();
    if (!lock_.owns_lock() && !lock_.try_lock())
      user_error(model_.name(), ": ", what_,
                 " while another thread uses the model; the weights change during training, so one call at a time");
    if (use_ == Use::train) state_.training = true;
  }
  void leave() {
    if (!lock_.owns_lock()) return;
    if (use_ == Use::train) state_.training = false;
    lock_.unlock();
  }

 private:
  const Model& model_;
  ModelState& state_;
  Use use_;
  std::string_view what_;
  std::unique_lock<std::mutex> lock_;
};

}  // namespace sinter::detail

#include <sinter/frontend/callback.h>
#include <sinter/frontend/near_matches.h>

#include <algorithm>

#include <sinter/ir/error.h>

namespace sinter {

const Array& state_of(const CallbackState& state, std::string_view name) {
  const auto found = std::find_if(state.begin(), state.end(), [&](const auto& item) { return item.first == name; });
  if (found == state.end()) user_error("a callback's state has no '", name, "'; was it another callback's?");
  return found->second;
}

double number_of(const CallbackState& state, std::string_view name) {
  const Array& value = state_of(state, name);
  if (value.size() != 1) user_error("a callback's state '", name, "' should be one number, got ", value.type());
  return value.item();
}

std::pair<std::string, Array> state_number(std::string name, double value) {
  return {std::move(name), Array::full({}, value, DType::f64)};
}

void Training::expect_log(std::string_view who, std::string_view name) const {
  const std::vector<std::string>& known = plan_.log_names;
  const auto is_known = [&](std::string_view log) { return std::find(known.begin(), known.end(), log) != known.end(); };
  if (is_known(name)) return;
  if (name.starts_with("val_") && is_known(name.substr(4)))
    user_error(who, ": there is no log '", name, "' without validation; give fit() .validation_data or ",
               ".validation_split, or monitor '", name.substr(4), "'");
  unknown_name(str("log for ", who), name, known);
}

Callback::~Callback() = default;
void Callback::on_train_begin(Training& /*training*/) {}
void Callback::on_train_end(Training& /*training*/, const Logs& /*logs*/) {}
void Callback::on_epoch_begin(Training& /*training*/, int /*epoch*/) {}
void Callback::on_epoch_end(Training& /*training*/, int /*epoch*/, Logs& /*logs*/) {}
void Callback::on_test_begin(Training& /*training*/) {}
void Callback::on_test_end(Training& /*training*/, const Logs& /*logs*/) {}
void Callback::on_batch_begin(Training& /*training*/, std::int64_t /*batch*/) {}
void Callback::on_batch_end(Training& /*training*/, std::int64_t /*batch*/, const Logs& /*logs*/) {}
void Callback::set_state(const CallbackState& /*state*/) {}

}  // namespace sinter

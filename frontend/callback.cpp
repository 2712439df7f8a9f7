#include <sinter/frontend/callback.h>
#include <sinter/frontend/near_matches.h>

#include <algorithm>

#include <sinter/ir/error.h>

namespace sinter {

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
void Callback::on_batch_begin(Training& /*training*/, std::int64_t /*batch*/) {}
void Callback::on_batch_end(Training& /*training*/, std::int64_t /*batch*/, const Logs& /*logs*/) {}

}  // namespace sinter

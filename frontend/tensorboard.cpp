#include <sinter/frontend/callbacks.h>
#include <sinter/ir/error.h>

#include "event_file.h"

namespace sinter {

TensorBoard::TensorBoard(TensorBoardOptions options) : options_(std::move(options)) {
  if (options_.every_batches < 0)
    user_error("TensorBoard: every_batches must not be negative, got ", options_.every_batches);
}

void TensorBoard::on_train_begin(Training& training) {
  train_ = std::make_shared<detail::EventFile>(options_.log_dir + "/train");
  validation_ = nullptr;  // made when there is something to write
  if (!training.resumed()) batches_.begin();
  batches_.begin_epoch();
}

void TensorBoard::on_epoch_begin(Training& /*training*/, int /*epoch*/) { batches_.begin_epoch(); }

void TensorBoard::on_batch_end(Training& /*training*/, std::int64_t batch, const Logs& logs) {
  const std::int64_t before = batches_.count;
  batches_.reach(batch);
  if (before / options_.every_batches == batches_.count / options_.every_batches) return;
  Logs scalars;
  for (const auto& [name, value] : logs) scalars.set("batch_" + name, value);
  train_->add(batches_.count, scalars);
}

void TensorBoard::on_epoch_end(Training& /*training*/, int epoch, Logs& logs) {
  Logs train, validation;
  for (const auto& [name, value] : logs)
    if (name.starts_with("val_"))
      validation.set("epoch_" + name.substr(4), value);
    else
      train.set("epoch_" + name, value);
  train_->add(epoch, train);
  if (validation.items().empty()) return;
  if (validation_ == nullptr) validation_ = std::make_shared<detail::EventFile>(options_.log_dir + "/validation");
  validation_->add(epoch, validation);
}

void TensorBoard::on_train_end(Training& /*training*/, const Logs& /*logs*/) { train_ = validation_ = nullptr; }

CallbackState TensorBoard::state() const { return batches_.state("batches"); }
void TensorBoard::set_state(const CallbackState& state) { batches_.set_state(state, "batches"); }

}  // namespace sinter

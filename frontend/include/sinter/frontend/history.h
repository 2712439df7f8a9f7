#pragma once
// What training and evaluation report.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sinter/ir/export.h>

namespace sinter {

/// Values by name, in the order they are shown: "loss" first.
class SINTER_API Logs {
 public:
  void set(std::string name, double value);
  /// Throws UserError with near matches for an unknown name.
  double operator[](std::string_view name) const;
  bool contains(std::string_view name) const;
  const std::vector<std::pair<std::string, double>>& items() const { return items_; }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<std::pair<std::string, double>> items_;
};

/// What fit() returns: for each name ("loss", "accuracy", "val_loss", ...) one value per epoch,
/// NaN for an epoch without one (`validation_freq`).
class SINTER_API History {
 public:
  void append(int epoch, const Logs& logs);
  /// Values of all epochs. Throws UserError with near matches for an unknown name.
  const std::vector<double>& operator[](std::string_view name) const;
  bool contains(std::string_view name) const;
  /// Names, in the order they are shown.
  std::vector<std::string> keys() const;
  /// Numbers of the epochs, from 0.
  const std::vector<int>& epochs() const { return epochs_; }

 private:
  std::vector<int> epochs_;
  std::vector<std::pair<std::string, std::vector<double>>> series_;
};

}  // namespace sinter

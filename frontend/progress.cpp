#include <sinter/frontend/progress.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <vector>

#include <sinter/ir/error.h>

namespace sinter {

namespace {

constexpr int bar_width = 30, coloured_bar_width = 20;
constexpr const char *bold = "1", *green = "32", *white = "37";
constexpr double interval = 0.05;  // seconds between two changes of the line

std::string digits(double value, std::chars_format format, int precision) {
  std::array<char, 400> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, precision).ptr;
  return {buffer.data(), end};
}

std::string whole(double value) { return digits(value, std::chars_format::fixed, 0); }

std::string two_digits(std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

/// Characters of UTF-8 that take a place on the screen: colours do not.
std::size_t visible(const std::string& line) {
  std::size_t count = 0;
  bool escape = false;
  for (const char c : line) {
    if (c == '\x1b') escape = true;
    if (!escape && (static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
    if (c == 'm') escape = false;
  }
  return count;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool standard_output_is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

}  // namespace

std::string format_value(double value) {
  const auto format =
      std::abs(value) > 1e-3 || std::isnan(value) ? std::chars_format::fixed : std::chars_format::scientific;
  return digits(value, format, 4);
}

std::string format_step_time(double seconds) {
  if (seconds >= 1.0 || seconds == 0.0) return whole(seconds) + "s/step";
  if (seconds >= 1e-3) return whole(seconds * 1e3) + "ms/step";
  return whole(seconds * 1e6) + "us/step";
}

std::string format_eta(double seconds) {
  const auto total = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9));
  const std::int64_t minutes = total / 60;
  if (seconds > 3600.0)
    return std::to_string(total / 3600) + ":" + two_digits(minutes % 60) + ":" + two_digits(total % 60);
  if (seconds > 60.0) return std::to_string(minutes) + ":" + two_digits(total % 60);
  return std::to_string(total) + "s";
}

Progress::Progress(ProgressOptions options) : options_(std::move(options)) {
  if (!options_.terminal) options_.terminal = options_.out == nullptr && standard_output_is_terminal();
  if (options_.out == nullptr) options_.out = &std::cout;
  if (!options_.now) options_.now = steady_seconds;
  start_ = options_.now();
  last_time_ = start_;
}

void Progress::note_step(std::int64_t done) {
  last_time_ = options_.now();
  last_done_ = done;
  if (first_done_ > 0 || done == 0) return;
  first_time_ = last_time_;
  first_done_ = done;
}

double Progress::seconds_per_step() const {
  if (last_done_ > first_done_ && first_done_ > 0)
    return (last_time_ - first_time_) / static_cast<double>(last_done_ - first_done_);
  return last_done_ == 0 ? 0.0 : (last_time_ - start_) / static_cast<double>(last_done_);
}

bool Progress::due(std::int64_t done) {
  if (options_.verbose == 0) return false;
  note_step(done);
  return options_.verbose == 1 && options_.steps > 0 && *options_.terminal &&
         (!written_ || last_time_ - shown_ >= interval);
}

std::string Progress::count(std::int64_t done) const {
  const std::string total = std::to_string(options_.steps);
  const std::string now = std::to_string(done);
  return std::string(total.size() - std::min(now.size(), total.size()), ' ') + now + "/" + total;
}

std::string Progress::bar(std::int64_t done) const {
  const std::int64_t steps = std::max<std::int64_t>(options_.steps, 1);
  const auto filled = static_cast<std::size_t>(std::clamp<std::int64_t>(bar_width * done / steps, 0, bar_width));
  std::string text = count(done) + " [";
  if (filled > 0) text += std::string(filled - 1, '=') + (done < options_.steps ? '>' : '=');
  return text + std::string(bar_width - filled, '.') + "]";
}

std::string Progress::coloured(const char* colour, const std::string& text) const {
  return *options_.terminal ? str("\x1b[", colour, 'm', text, "\x1b[0m") : text;
}

std::string Progress::coloured_bar(std::int64_t done) const {
  const std::int64_t steps = std::max<std::int64_t>(options_.steps, 1);
  const std::int64_t filled = std::clamp<std::int64_t>(coloured_bar_width * done / steps, 0, coloured_bar_width);
  std::string before, after;
  for (std::int64_t k = 0; k < coloured_bar_width; ++k) (k < filled ? before : after) += "━";
  return coloured(bold, count(done)) + " " + coloured(green, before) + coloured(white, after);
}

std::string Progress::running(std::int64_t done, double left) const {
  if (options_.look == ProgressLook::keras2) return bar(done) + " - ETA: " + format_eta(left);
  return coloured_bar(done) + " " + coloured(bold, format_eta(left)) + " " + format_step_time(seconds_per_step());
}

std::string Progress::finished() const {
  const std::string elapsed = whole(options_.now() - start_) + "s", pace = format_step_time(seconds_per_step());
  if (options_.verbose != 1) return count(options_.steps) + " - " + elapsed + " - " + pace;
  if (options_.look == ProgressLook::keras2) return bar(options_.steps) + " - " + elapsed + " " + pace;
  return coloured_bar(options_.steps) + " " + coloured(bold, elapsed) + " " + pace;
}

std::string Progress::labelled(Values values) const {
  std::vector<std::pair<std::string, double>> shown(values.begin(), values.end());
  if (options_.look == ProgressLook::keras3)
    std::stable_sort(shown.begin(), shown.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (const auto& [name, value] : shown) text += " - " + name + ": " + format_value(value);
  return text;
}

/// Covers what is left of a longer line.
std::string Progress::padded(std::string line) {
  const std::size_t length = visible(line);
  if (length < width_) line.append(width_ - length, ' ');
  width_ = length;
  return line;
}

void Progress::update(std::int64_t done, Values values) {
  if (!due(done)) return;
  shown_ = last_time_;
  written_ = true;
  const double left = seconds_per_step() * static_cast<double>(options_.steps - done);
  *options_.out << '\r' << padded(running(done, left) + labelled(values)) << std::flush;
}

void Progress::finish(Values values) {
  if (options_.verbose == 0) return;
  *options_.out << (written_ ? "\r" : "") << padded(finished() + labelled(values)) << '\n' << std::flush;
}

}  // namespace sinter

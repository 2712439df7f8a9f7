#include "event_file.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <sinter/ir/error.h>

namespace sinter::detail {

namespace {

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0x82F63B78U ^ c >> 1 : c >> 1;
    table[n] = c;
  }
  return table;
}();

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t k = 0; k < sizeof value; ++k) bytes += static_cast<char>(value >> (8 * k) & 0xFF);
  return bytes;
}

std::uint32_t masked(std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xA282EAD8U; }

// ---- The wire form of protobuf: a key of field number and type before each value ----

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string key(std::uint64_t field, std::uint64_t type) { return varint(field << 3 | type); }
std::string double_field(std::uint64_t field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string float_field(std::uint64_t field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string integer_field(std::uint64_t field, std::int64_t value) {
  return key(field, 0) + varint(static_cast<std::uint64_t>(value));
}
std::string bytes_field(std::uint64_t field, std::string_view value) {
  return key(field, 2) + varint(value.size()) + std::string(value);
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string host() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

std::string event_record(std::string_view message) {
  const std::string length = little_endian(static_cast<std::uint64_t>(message.size()));
  return length + little_endian(masked(crc32c(length))) + std::string(message) + little_endian(masked(crc32c(message)));
}

std::string version_event(double wall_time) { return double_field(1, wall_time) + bytes_field(3, "brain.Event:2"); }

std::string scalar_event(double wall_time, std::int64_t step, const Logs& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars)
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  return double_field(1, wall_time) + integer_field(2, step) + bytes_field(5, summary);
}

EventFile::EventFile(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) user_error("TensorBoard: ", folder, " cannot be made: ", error.message());
  const std::string stem =
      str(folder, "/events.out.tfevents.", static_cast<std::int64_t>(now()), '.', host(), '.', getpid(), '.');
  int number = 0;
  while (std::filesystem::exists(str(stem, number, ".v2"), error)) ++number;
  path_ = str(stem, number, ".v2");
  out_.open(path_, std::ios::binary);
  write(version_event(now()));
}

void EventFile::write(const std::string& message) {
  const std::string record = event_record(message);
  if (!out_.write(record.data(), static_cast<std::streamsize>(record.size())) || !out_.flush())
    user_error("TensorBoard: ", path_, " cannot be written: ", std::generic_category().message(errno));
}

void EventFile::add(std::int64_t step, const Logs& scalars) {
  if (!scalars.items().empty()) write(scalar_event(now(), step, scalars));
}

}  // namespace sinter::detail

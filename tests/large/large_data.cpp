// Trains on files that need not fit into memory, and tells what that costs.
//   large_data memory FOLDER GIGABYTES   an epoch over so much synthetic data; the resident set beyond the model's
//   large_data time FOLDER               epochs from files against epochs from arrays of the same contents, in turns
// Ends with 1 when the resident set grew by 300 MB or more, or epochs from files took over 1.05 times as long.
#include <sinter/sinter.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "frontend/npy_format.h"

using namespace sinter;

namespace {

constexpr std::int64_t width = 784, block = 4096, batch_size = 64;

/// A line of /proc/self/status in MB.
double status_mb(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return std::strtod(line.c_str() + key.size() + 1, nullptr) / 1024.0;
  return 0.0;
}

Array rows_of_noise(std::int64_t rows, std::uint32_t& state) {
  Array array = Array::zeros({rows, width});
  for (float& x : array.mutable_span<float>()) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<float>(state >> 8) / static_cast<float>(1U << 24);
  }
  return array;
}

/// x.npy and y.npy, a block at a time.
void write_data(const std::string& folder, std::int64_t rows) {
  std::ofstream x(folder + "/x.npy", std::ios::binary), y(folder + "/y.npy", std::ios::binary);
  x << detail::npy_preamble("x.npy", {DType::f32, Shape{rows, width}});
  y << detail::npy_preamble("y.npy", {DType::i32, Shape{rows}});
  std::uint32_t state = 1;
  for (std::int64_t done = 0; done < rows; done += block) {
    const std::int64_t count = std::min(block, rows - done);
    const Array part = rows_of_noise(count, state);
    x.write(reinterpret_cast<const char*>(part.bytes().data()), static_cast<std::streamsize>(part.bytes().size()));
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int32_t label = part.at(k, 0) > 0.5 ? 1 : 0;
      y.write(reinterpret_cast<const char*>(&label), sizeof label);
    }
  }
  if (!x.flush() || !y.flush()) user_error(folder, ": the data cannot be written");
}

Sequential model_of() {
  Sequential model(Input({width}), Dense(128, "relu"), Dense(2, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy");
  return model;
}

DataSource source_of(const std::string& folder) {
  return file_batches(NpyRows(folder + "/x.npy"), NpyRows(folder + "/y.npy"),
                      {.batch_size = batch_size, .block = block});
}

int memory(const std::string& folder, double gigabytes) {
  const auto rows = static_cast<std::int64_t>(gigabytes * 1e9 / (width * sizeof(float)));
  write_data(folder, rows);
  Sequential model = model_of();
  std::uint32_t state = 7;
  const Array x = rows_of_noise(batch_size, state);
  model.train_on_batch(x, Array::zeros({batch_size}, DType::i32));  // compiled, with all its states
  const double before = status_mb("VmRSS:");
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
  const History history = model.fit(source_of(folder), {.verbose = 0});
  const double grown = status_mb("VmHWM:") - before;
  std::printf("%.1f GB, loss %.4f: resident %.0f MB with the model, %.0f MB more at the peak of an epoch\n", gigabytes,
              history["loss"][0], before, grown);
  return grown < 300.0 ? 0 : 1;
}

int time_of(const std::string& folder) {
  constexpr std::int64_t rows = 40960;
  write_data(folder, rows);
  Sequential from_files = model_of(), from_arrays = model_of();
  const Array x = NpyRows(folder + "/x.npy").rows(0, rows), y = NpyRows(folder + "/y.npy").rows(0, rows);
  const DataSource source = source_of(folder);
  const auto seconds = [](auto action) {
    const auto begin = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  std::vector<double> files, arrays;
  for (int turn = 0; turn < 21; ++turn) {  // the first compiles, and fills the page cache
    files.push_back(seconds([&] { from_files.fit(source, {.verbose = 0}); }));
    arrays.push_back(seconds([&] { from_arrays.fit(x, y, {.batch_size = batch_size, .verbose = 0}); }));
  }
  const auto best = [](std::vector<double> v) { return *std::min_element(v.begin() + 1, v.end()); };
  const double quotient = best(files) / best(arrays);
  std::printf("epoch of %lld batches: %.1f ms from files, %.1f ms from arrays, %.3f times\n",
              static_cast<long long>(rows / batch_size), best(files) * 1e3, best(arrays) * 1e3, quotient);
  return quotient <= 1.05 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 4 && std::string(argv[1]) == "memory") return memory(argv[2], std::strtod(argv[3], nullptr));
    if (argc == 3 && std::string(argv[1]) == "time") return time_of(argv[2]);
  } catch (const UserError& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
  std::cerr << "usage: large_data memory FOLDER GIGABYTES | large_data time FOLDER\n";
  return 2;
}

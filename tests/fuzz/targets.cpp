#include "fuzz/targets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <variant>

#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>
#include <sinter/sinter.h>

#include "frontend/checkpoint.h"
#include "frontend/safetensors_begin.h"
#include "fuzz/seeds.h"

namespace sinter::fuzz {

namespace {

constexpr std::int64_t limit = std::int64_t{1} << 26;  // a file of this size is not to be made of a few bytes

[[noreturn]] void finding(const std::string& what) {
  std::fprintf(stderr, "finding: %s\n", what.c_str());
  std::abort();
}

/// A file of these bytes, in memory.
class File {
 public:
  explicit File(std::string_view bytes) : descriptor_(memfd_create("fuzz", 0)) {
    if (descriptor_ < 0 || ftruncate(descriptor_, static_cast<off_t>(bytes.size())) != 0 ||
        pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      finding("no file in memory");
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// Runs an action that may refuse its input.
template <class Action>
bool accepts(Action action) {
  try {
    action();
    return true;
  } catch (const UserError& e) {
    const std::string message = e.what();
    if (message.empty()) finding("an error without a message");
    if (std::ranges::count(message, '\n') > 0) finding("an error of several lines: " + message);
    return false;
  } catch (const std::exception& e) {
    finding(std::string("no UserError: ") + e.what());
  }
}

/// Touches every element.
double sum_of(const Array& array) {
  double sum = 0;
  for (std::int64_t k = 0; k < array.size(); ++k) sum += array.flat(k);
  return sum;
}

void idx(std::string_view bytes) {
  const File file(bytes);
  accepts([&] { (void)sum_of(read_idx(file.path(), {.max_bytes = limit})); });
  accepts([&] { (void)sum_of(map_idx(file.path())); });
}

void csv(std::string_view bytes) {
  const File file(bytes);
  accepts([&] {
    const CsvTable table = read_csv(file.path(), {.max_bytes = limit});
    for (const std::string& column : table.columns()) {
      accepts([&] { (void)sum_of(table.column(column)); });
      accepts([&] { (void)sum_of(table.classes(column)); });
      if (table.rows() > 0) (void)table.text(table.rows() - 1, column);
    }
    accepts([&] { (void)table.numbers(); });
  });
}

void npy(std::string_view bytes) {
  const File file(bytes);
  accepts([&] { (void)sum_of(read_npy(file.path(), {.max_bytes = limit})); });
  accepts([&] { (void)sum_of(map_npy(file.path())); });
  accepts([&] {
    const NpyRows rows(file.path());
    (void)sum_of(rows.rows(0, std::min<std::int64_t>(rows.length(), 4)));
  });
}

void npz(std::string_view bytes) {
  const File file(bytes);
  accepts([&] {
    for (const auto& [name, array] : read_npz(file.path(), {.max_bytes = limit})) (void)sum_of(array);
  });
}

void safetensors(std::string_view bytes) {
  const File file(bytes);
  accepts([&] {
    for (const auto& [name, array] : read_safetensors(file.path()).tensors) (void)sum_of(array);
  });
}

/// Damage that the checksum would tell is not interesting: it is put right first.
void checkpoint(std::string_view bytes) {
  const File file(bytes);
  accepts([&] {
    TensorFile contents = read_safetensors(file.path());
    detail::sign_checkpoint(contents);
    std::string text = detail::safetensors_begin("checkpoint", contents, 8);
    for (const auto& [name, array] : contents.tensors)
      text.append(reinterpret_cast<const char*>(array.bytes().data()), array.bytes().size());
    const File whole(text);
    Sequential model = checkpointed_model();
    accepts([&] { model.load_checkpoint(whole.path()); });
    accepts([&] {
      model.fit(Array::zeros({4, 2}), Array::zeros({4, 1}),
                {.batch_size = 2, .epochs = 1, .verbose = 0, .resume_from = whole.path()});
    });
  });
}

void graph_text(std::string_view bytes) {
  accepts([&] {
    const auto parsed = ir::parse(bytes);
    const std::string text = std::visit([](const auto& x) { return ir::print(x); }, parsed);
    const std::string again = std::visit([](const auto& x) { return ir::print(x); }, ir::parse(text));
    if (again != text) finding("printed, parsed and printed it is another: " + text);
  });
}

void keras(std::string_view bytes) {
  const File file(bytes);
  Sequential model = keras_model();
  accepts([&] { model.load_weights(file.path(), {.ignore_others = true}); });
}

constexpr Target all[] = {{"idx", idx, idx_seeds},
                          {"csv", csv, csv_seeds},
                          {"npy", npy, npy_seeds},
                          {"npz", npz, npz_seeds},
                          {"safetensors", safetensors, safetensors_seeds},
                          {"checkpoint", checkpoint, checkpoint_seeds},
                          {"graph_text", graph_text, graph_text_seeds},
                          {"keras", keras, keras_seeds}};

}  // namespace

std::span<const Target> targets() { return all; }

}  // namespace sinter::fuzz

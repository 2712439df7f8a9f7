// Trains what tools/examples/train_exported.c trains, by the JIT in this process, and compares every bit of weights and
// optimizer slots with the state that the other program wrote.
//   export_compare STATE.safetensors
// Prints both SHA-256; exit code 0 when they are equal.

#include <sinter/runtime/digest.h>
#include <sinter/sinter.h>

#include <cstdio>
#include <exception>

namespace {

using namespace sinter;

using Tensors = std::vector<std::pair<std::string, Array>>;

std::string digest(const Tensors& tensors) {
  std::vector<std::span<const std::byte>> parts;
  for (const auto& [name, array] : tensors) parts.push_back(array.bytes());
  return runtime::sha256(parts);
}

Tensors trained_here() {
  const std::string folder = "/usr/share/datasets/fashion-mnist/train-";
  const Array x = read_idx(folder + "images-idx3-ubyte.gz") / 255.0, y = read_idx(folder + "labels-idx1-ubyte.gz");
  Sequential model(Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2), Dense(10, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  model.fit(x, y, {.shuffle = false, .verbose = 0});
  Tensors tensors = model.optimizer_state();
  for (const Variable& weight : model.weights()) tensors.emplace_back(weight.path(), weight.value());
  return tensors;
}

int compare(const char* file) {
  const TensorFile state = read_safetensors(file);
  const Tensors here = trained_here();
  Tensors there;
  for (const auto& [name, array] : here) {
    if (state.find(name) == nullptr) {  // an optimizer's state that no step reads is not exported
      std::printf("%s is not in the state\n", name.c_str());
      return 1;
    }
    there.emplace_back(name, state.tensor(name));
  }
  std::printf("%s  JIT, %zu tensors\n%s  exported\n", digest(here).c_str(), here.size(), digest(there).c_str());
  return digest(here) == digest(there) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: export_compare STATE.safetensors\n");
    return 2;
  }
  try {
    return compare(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "export_compare: %s\n", error.what());
    return 2;
  }
}

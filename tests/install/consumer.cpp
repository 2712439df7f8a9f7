#include <sinter/sinter.h>

int main() {
  sinter::Sequential model(sinter::Input({1}), sinter::Dense(1));
  model.compile("sgd", "mse");
  return model.count_params() == 2 ? 0 : 1;
}

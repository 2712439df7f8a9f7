// A function of one's own inside a model: training through a measured characteristic that no formula describes. A
// lamp's brightness was measured at nine voltages; a small network learns which voltage gives the brightness that is
// wanted.

#include <sinter/sinter.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

using namespace sinter;

extern "C" void lamp_curve(const void* const* inputs, void* const* outputs,
                           const sinter_shape* shapes);  // lamp_curve.c

int main() {
  const Array measured = Array::from<float>({0.00F, 0.01F, 0.04F, 0.13F, 0.31F, 0.55F, 0.76F, 0.90F, 0.97F});
  const Extern curve(
      {.name = "lamp_curve",
       .function = lamp_curve,
       .results = [](const std::vector<TensorType>& x) { return std::vector{x[0], x[0]}; },  // value, slope
       .vjp = [](const Tensors&, const Tensors& y, const Tensors& dy) { return Tensors{dy[0] * y[1], {}}; },
       .linkable = true});

  Input wanted({1});
  const Symbol voltage = wanted | Dense(16, "tanh") | Dense(1);
  const Symbol brightness = voltage | [&](Tensor v) { return curve.call_many({v, measured})[0]; };
  Model lamp(wanted, brightness), control(wanted, voltage);

  std::vector<float> levels;
  for (int k = 0; k < 512; ++k) levels.push_back(static_cast<float>((k * 37) % 512) / 512.0F * 0.95F + 0.01F);
  const Array x = Array::view(levels, {512, 1});
  lamp.compile(Adam({.learning_rate = 0.02}), "mse");
  const History history = lamp.fit(x, x, {.epochs = 400, .verbose = 0});
  std::cout << "loss " << history["loss"].front() << " -> " << history["loss"].back() << '\n';

  double worst = 0.0;
  for (const float level : {0.05F, 0.2F, 0.5F, 0.8F, 0.95F}) {
    const Array one = Array::from<float>({level}, {1, 1});
    const double got = lamp.predict(one).item();
    std::cout << "wanted " << level << ": voltage " << control.predict(one).item() << " gives " << got << '\n';
    worst = std::max(worst, std::abs(got - static_cast<double>(level)));
  }
  std::cout << "worst error " << worst << '\n';
  return worst < 0.02 ? 0 : 1;
}

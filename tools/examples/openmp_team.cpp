// Steps on threads of your own: a Team over OpenMP. The bits are those of one thread.

#include <omp.h>

#include <sinter/runtime/team.h>
#include <sinter/sinter.h>

#include <algorithm>
#include <cstdio>

using namespace sinter;

class OpenMpTeam final : public runtime::Team {
 public:
  int size() const override { return omp_get_max_threads(); }
  void run(int threads, runtime::TeamTask task, void* context) override {
#pragma omp parallel num_threads(threads)
    task(context, omp_get_thread_num(), omp_get_num_threads(), &barrier, nullptr);
  }

 private:
  static void barrier(void*) {
#pragma omp barrier
  }
};

namespace {

Array trained_kernel(const Array& x, const Array& y, const ExecutionOptions& execution) {
  Sequential model(Input({100}), Dense(512, "relu"), Dense(1));
  model.compile("adam", "mse", {}, execution);
  const History history = model.fit(x, y, {.batch_size = 64, .epochs = 5, .verbose = 0});
  std::printf("loss %.6f\n", history["loss"].back());
  return model.weight("dense/kernel").value();
}

}  // namespace

int main() {
  std::vector<float> values(512 * 100);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k * 37 % 101) / 101.0F;
  const Array x = Array::from(std::move(values), {512, 100});
  const Array y = Array::full({512, 1}, 0.25);

  OpenMpTeam team;
  std::printf("%d threads of OpenMP: ", team.size());
  const Array shared = trained_kernel(x, y, {.team = &team});
  std::printf("one thread: ");
  const Array alone = trained_kernel(x, y, {});
  const bool same = std::ranges::equal(shared.bytes(), alone.bytes());
  std::printf("weights: %s\n", same ? "the same bits" : "DIFFERENT");
  return same ? 0 : 1;
}

#include <cmath>
#include <sstream>
#include <vector>

#include <sinter/frontend/progress.h>

#include "support/catch.h"

using namespace sinter;

namespace {

using Pairs = std::vector<std::pair<std::string, double>>;

/// A progress line on a stream, with a clock that the test moves.
struct Bench {
  std::ostringstream out;
  double time = 100.0;

  ProgressOptions options(std::int64_t steps, int verbose, bool terminal) {
    return {.steps = steps, .verbose = verbose, .out = &out, .terminal = terminal, .now = [this] { return time; }};
  }
  std::string take() {
    std::string text = out.str();
    out.str("");
    return text;
  }
};

const Pairs values = {{"loss", 0.25911}, {"accuracy", 0.92619}};

}  // namespace

// keras-semantics 1.5: progress line (Keras 2)
TEST_CASE("the finished line is Keras 2's", "[progress]") {
  Bench bench;
  Progress progress(bench.options(1875, 1, false));
  for (int step = 1; step <= 1875; ++step) {
    bench.time += 107e-6;
    progress.update(step, values);
  }
  progress.finish(values);
  CHECK(bench.take() ==
        "1875/1875 [==============================] - 0s 107us/step - loss: 0.2591 - accuracy: 0.9262\n");
}

// keras-semantics 1.5: progress line (ETA, every 0.05 s)
TEST_CASE("a terminal sees the line move", "[progress]") {
  Bench bench;
  Progress progress(bench.options(1875, 1, true));
  bench.time += 1.0;
  progress.update(1, values);
  CHECK(bench.take() == "\r   1/1875 [..............................] - ETA: 31:14 - loss: 0.2591 - accuracy: 0.9262");
  bench.time += 0.01;
  progress.update(2, values);
  CHECK(bench.take().empty());
  bench.time += 0.1;
  progress.update(938, values);
  CHECK(bench.take() == "\r 938/1875 [==============>...............] - ETA: 0s - loss: 0.2591 - accuracy: 0.9262   ");
  progress.update(1875, values);
  progress.finish(values);
  const std::string last = bench.take();
  CHECK(last.starts_with("\r1875/1875 [==============================] - 1s "));
  CHECK(last.ends_with("\n"));
}

// keras-semantics 1.5: progress line (not a terminal)
TEST_CASE("only a terminal gets control characters", "[progress]") {
  Bench bench;
  Progress progress(bench.options(10, 1, false));
  for (int step = 1; step <= 10; ++step) {
    bench.time += 1.0;
    CHECK_FALSE(progress.due(step));
    progress.update(step, values);
  }
  CHECK(bench.take().empty());
  progress.finish(values);
  CHECK(bench.take() == "10/10 [==============================] - 10s 1s/step - loss: 0.2591 - accuracy: 0.9262\n");
}

// keras-semantics 1.5: verbose
TEST_CASE("verbose 2 is one line, verbose 0 none", "[progress]") {
  Bench bench;
  Progress two(bench.options(2, 2, true));
  bench.time += 0.004;
  two.update(1, values);
  bench.time += 0.004;
  two.update(2, values);
  two.finish(values);
  CHECK(bench.take() == "2/2 - 0s - 4ms/step - loss: 0.2591 - accuracy: 0.9262\n");
  Progress none(bench.options(2, 0, true));
  none.update(2, values);
  none.finish(values);
  CHECK(bench.take().empty());
}

TEST_CASE("the pace is that of the steps, without the first and without validation", "[progress]") {
  Bench bench;
  Progress progress(bench.options(3, 1, false));
  bench.time += 5.0;  // compiles
  progress.update(1, values);
  bench.time += 0.002;
  progress.update(2, values);
  bench.time += 0.002;
  progress.update(3, values);
  bench.time += 2.0;  // validates
  progress.finish({});
  CHECK(bench.take() == "3/3 [==============================] - 7s 2ms/step\n");
}

// keras-semantics 1.5: numbers
TEST_CASE("numbers and times as Keras writes them", "[progress]") {
  CHECK(format_value(0.25911) == "0.2591");
  CHECK(format_value(0.001) == "1.0000e-03");
  CHECK(format_value(0.0) == "0.0000e+00");
  CHECK(format_value(-0.5) == "-0.5000");
  CHECK(format_value(12345.678) == "12345.6780");
  CHECK(format_value(std::nan("")) == "nan");
  CHECK(format_step_time(0.0) == "0s/step");
  CHECK(format_step_time(2.4) == "2s/step");
  CHECK(format_step_time(0.0021) == "2ms/step");
  CHECK(format_step_time(107e-6) == "107us/step");
  CHECK(format_eta(3.7) == "3s");
  CHECK(format_eta(65.0) == "1:05");
  CHECK(format_eta(3665.0) == "1:01:05");
}

// keras-semantics 1.5: progress line (Keras 3)
TEST_CASE("the look of Keras 3: names sorted, colours for a terminal alone", "[progress]") {
  Bench bench;
  ProgressOptions plain = bench.options(1875, 1, false);
  plain.look = ProgressLook::keras3;
  Progress log(plain);
  for (int step = 1; step <= 1875; ++step) {
    bench.time += 2e-3;
    log.update(step, values);
  }
  CHECK(bench.take().empty());  // whole lines only
  log.finish(values);
  CHECK(bench.take() == "1875/1875 ━━━━━━━━━━━━━━━━━━━━ 4s 2ms/step - accuracy: 0.9262 - loss: 0.2591\n");

  ProgressOptions coloured = bench.options(4, 1, true);
  coloured.look = ProgressLook::keras3;
  Progress terminal(coloured);
  bench.time += 1.0;
  terminal.update(1, values);
  CHECK(bench.take() ==
        "\r\x1b[1m1/4\x1b[0m \x1b[32m━━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━━\x1b[0m \x1b[1m3s\x1b[0m 1s/step - accuracy: "
        "0.9262 - "
        "loss: 0.2591");
  bench.time += 1.0;
  terminal.update(2, {});
  CHECK(bench.take().ends_with("\x1b[1m2s\x1b[0m 1s/step" + std::string(34, ' ')));  // covers the longer line
  terminal.finish({});
  CHECK(bench.take() ==
        "\r\x1b[1m4/4\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m2s\x1b[0m 1s/step\n");

  ProgressOptions lines = bench.options(2, 2, true);
  lines.look = ProgressLook::keras3;
  Progress two(lines);
  bench.time += 0.004;
  two.update(1, values);
  bench.time += 0.004;
  two.update(2, values);
  two.finish(values);
  CHECK(bench.take() == "2/2 - 0s - 4ms/step - accuracy: 0.9262 - loss: 0.2591\n");
}

// `sinter-bench`: how fast compiled training steps are. Exit codes: 0 done, 2 wrong usage, 3 a bug of ours.

#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include <sinter/ir/error.h>
#include <sinter/runtime/team.h>

#include "commands.h"

namespace {

using namespace sinter::bench;

enum ExitCode : int { done = 0, wrong_usage = 2, our_bug = 3 };

struct Arguments {
  std::string config, profile;
  std::vector<std::string> gemm, conv;
  bool fit = false, list = false, exported = false, memory_curve = false;
  double seconds = 0.0;
  int digest = 0;
  int spin = -1;
  CompileChoices compile;
};

void add_options(CLI::App& app, Arguments& a) {
  CLI::Option_group* what = app.add_option_group("what");
  CLI::Option* config = what->add_option("config", a.config, "a training step, as in W1-b32-adam; see --list");
  what->add_option("--gemm", a.gemm,
                   "one product alone: M,K,N,VARIANT or all; nn y = x w, tn dw = x' dy, nt dx = dy w', "
                   "nn_bias_relu")
      ->type_name("SHAPE")
      ->allow_extra_args(false);
  what->add_option("--conv", a.conv,
                   "one convolution alone: IMAGES,SIDE,CHANNELS,FILTERS,KERNEL,STRIDE,ROLE or all; forward, "
                   "input_gradient, filter_gradient")
      ->type_name("SHAPE")
      ->allow_extra_args(false);
  what->add_option("--profile", a.profile,
                   "each kernel of a training step alone: time, FLOPs, bytes; of a config or of a graph in a .sir file")
      ->type_name("CONFIG|FILE");
  what->add_flag("--fit", a.fit, "epochs of Model::fit against as many bare steps");
  what->add_flag("--list", a.list, "the configs, and what is missing for some");
  what->require_option(1);
  app.add_option("--threads", a.compile.threads, "size of the team")->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--spin", a.spin, "rounds that a thread of the team waits before it sleeps")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seconds", a.seconds, "of timed runs: 1.5 for a step, 1 for a product or convolution")
      ->check(CLI::PositiveNumber);
  app.add_option("--digest", a.digest, "with a config: that many steps, then the SHA-256 of all weights and slots")
      ->needs(config)
      ->type_name("STEPS")
      ->check(CLI::PositiveNumber);
  app.add_flag("--exported", a.exported, "with a config: the exported step against the JIT's, in turns")->needs(config);
  app.add_flag("--cached", a.compile.cached, "with a config: also the time of a step that is found on disk")
      ->needs(config);
  app.add_flag("--memory-curve", a.memory_curve,
               "with a config: the step at every point of its curve of memory against time")
      ->needs(config);
  app.add_option_function<std::uint64_t>(
         "--memory-budget", [&a](std::uint64_t bytes) { a.compile.memory_budget = static_cast<std::int64_t>(bytes); },
         "with a config: the most bytes of the arena, as in 64MB or 500KiB")
      ->type_name("BYTES")
      ->needs(config)
      ->transform(CLI::AsSizeValue(true));
  app.add_option("--target", a.compile.level, "code for less than this machine has")
      ->check(CLI::IsMember({"avx2", "baseline"}));
  app.add_option("--disable", a.compile.disabled, "a graph pass to leave out, as in fuse; may be repeated")
      ->type_name("PASS")
      ->allow_extra_args(false);
}

void list_configs() {
  for (const Config& config : configs()) {
    const std::string missing = first_missing_layer(config.model());
    std::cout << config.name << (missing.empty() ? "" : "  (needs layer " + missing + ")") << '\n';
  }
}

void run(const Arguments& a) {
  if (a.spin >= 0) sinter::runtime::set_team_spin(a.spin);
  if (a.list) return list_configs();
  if (a.fit) return bench_fit(a.compile);
  const auto seconds = [&](double usual) { return a.seconds > 0 ? a.seconds : usual; };
  for (const std::string& shape : a.gemm) bench_gemm({shape, seconds(1.0), a.compile});
  for (const std::string& shape : a.conv) bench_conv({shape, seconds(1.0), a.compile});
  if (!a.profile.empty()) profile({a.profile, seconds(1.5), a.compile});
  if (a.config.empty()) return;
  const StepArguments step = {a.config, seconds(1.5), a.compile};
  if (a.memory_curve) return bench_memory_curve(step);
  if (a.exported) return bench_exported(step);
  if (a.digest > 0) return digest(step, a.digest);
  bench_step(step);
}

int run_guarded(const Arguments& arguments) {
  try {
    run(arguments);
    return done;
  } catch (const sinter::UserError& e) {
    std::cerr << "sinter-bench: " << e.what() << '\n';
    return wrong_usage;
  } catch (const std::exception& e) {
    std::cerr << "sinter-bench: " << e.what() << '\n';
    return our_bug;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures compiled training steps. Results are lines of JSON; --profile prints a table.",
               "sinter-bench");
  Arguments arguments;
  add_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? done : wrong_usage;
  }
  return run_guarded(arguments);
}

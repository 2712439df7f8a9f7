// The `sinter` program: looks into the compiler and checks it. See commands.h for exit codes.

#include <functional>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include <sinter/ir/error.h>

#include "commands.h"
#include "examples.h"

namespace {

using namespace sinter::tool;

std::string source_help() {
  std::string text = "a .sir file, - for standard input, or an example";
  const char* before = ": ";
  for (const Example& e : examples()) {
    text += before;
    text += e.name;
    before = ", ";
  }
  return text;
}

void add_externs(CLI::App* command, std::string& library) {
  command->add_option("--externs", library, "a shared library with the functions that externs of a .sir file name");
}

void add_memory_budget(CLI::App* command, std::optional<std::int64_t>& budget) {
  command
      ->add_option_function<std::uint64_t>(
          "--memory-budget", [&budget](std::uint64_t bytes) { budget = static_cast<std::int64_t>(bytes); },
          "the most bytes between kernels, as in 64MB or 500KiB; what does not fit is computed again")
      ->type_name("BYTES")
      ->transform(CLI::AsSizeValue(true));
}

/// What the chosen command does.
using Action = std::function<int()>;

void add_dump(CLI::App& app, Action& action) {
  auto a = std::make_shared<DumpArguments>();
  CLI::App* command = app.add_subcommand("dump", "Prints one stage of what a graph becomes");
  command->add_option("source", a->source, source_help())->required();
  command
      ->add_option("--stage", a->stage,
                   "graph, grad, fused, memory (the curve of arena against time), program, llvm or asm")
      ->capture_default_str();
  command->add_option("--only-kernel", a->only_kernel, "only this kernel, counted from 0");
  add_memory_budget(command, a->memory_budget);
  command->callback([a, &action] { action = [a] { return dump(*a); }; });
}

void add_opt(CLI::App& app, Action& action) {
  auto a = std::make_shared<OptArguments>();
  CLI::App* command = app.add_subcommand("opt", "Runs named passes over a graph and prints the result");
  command->add_option("source", a->source, source_help())->required();
  add_externs(command, a->externs);
  command
      ->add_option("--passes", a->passes,
                   "names with commas between; default: the default pipeline; lower may come last")
      ->required();
  command->add_flag("--verify-each", a->verify_each, "compare interpreter results before and after each pass");
  command->add_flag("--bisect", a->bisect, "name the first pass that changes a result, and print the graph before it");
  command->add_flag("--times", a->times, "print the time of each pass on standard error");
  command->add_option("--seed", a->seed, "of the random inputs")->capture_default_str();
  command->callback([a, &action] { action = [a] { return opt(*a); }; });
}

void add_run(CLI::App& app, Action& action) {
  auto a = std::make_shared<RunArguments>();
  CLI::App* command =
      app.add_subcommand("run", "Runs a graph or program on random inputs and prints outputs and new states");
  command->add_option("source", a->source, source_help())->required();
  add_externs(command, a->externs);
  CLI::Option_group* engines = command->add_option_group("engine");
  engines->add_flag_callback("--interpret", [a] { a->engine = Engine::interpreter; }, "the reference interpreter");
  engines->add_flag_callback("--jit", [a] { a->engine = Engine::jit; }, "compiled code (default)");
  engines->add_flag_callback(
      "--compare", [a] { a->engine = Engine::compare; }, "both; every bit must agree, NaNs as a class");
  engines->require_option(0, 1);
  command->add_option("--seed", a->seed, "of the random inputs")->capture_default_str();
  command->add_option("--threads", a->threads, "size of the team")->capture_default_str();
  command->callback([a, &action] { action = [a] { return run(*a); }; });
}

void add_export(CLI::App& app, Action& action) {
  auto a = std::make_shared<ExportArguments>();
  CLI::App* command = app.add_subcommand(
      "export", "Writes the steps of a model, or a graph, as an object file and a C header that need no Sinter");
  command->add_option("source", a->source, source_help())->required();
  add_externs(command, a->externs);
  command->add_option("-o,--output", a->output, "m.o; m.a for a static library, m.so for a shared one")->required();
  command->add_option("--header", a->header, "the header; default: beside the object, with the suffix .h");
  command->add_option("--prefix", a->prefix, "of all symbols; default: the name of the object");
  command
      ->add_option("--target", a->targets,
                   "host, x86-64-v2, x86-64-v3, x86-64-v4 or aarch64; several levels of x86-64 go into one file")
      ->delimiter(',');
  command->add_option("--threads", a->threads, "the most threads that may run a step together")->capture_default_str();
  command->add_option("--batch", a->batch_size, "samples of a step (not for graphs)")->capture_default_str();
  command->add_option("--state", a->state, "a safetensors file: contents of weights and other states, by name");
  command->add_flag("--train", a->train, "the training step; without any of these flags: all that the model can");
  command->add_flag("--evaluate", a->evaluate, "the evaluation step");
  command->add_flag("--predict", a->predict, "prediction");
  add_memory_budget(command, a->memory_budget);
  command->callback([a, &action] { action = [a] { return export_object(*a); }; });
}

void add_put_weights(CLI::App& app, Action& action) {
  auto files = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* command =
      app.add_subcommand("put-weights", "Puts a file of weights into the stored state of an exported step");
  command->add_option("state", files->first, "the state, as the program wrote it")->required();
  command->add_option("weights", files->second, "a safetensors file, as Model::save_weights writes it")->required();
  command->callback([files, &action] { action = [files] { return put_weights(files->first, files->second); }; });
}

void add_others(CLI::App& app, Action& action) {
  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* check = app.add_subcommand("check", "Runs golden tests; SINTER_BLESS=1 rewrites what they expect");
  check->add_option("files", *files, "golden files")->required();
  check->callback([files, &action] { action = [files] { return check_files(*files); }; });

  auto source = std::make_shared<std::string>();
  CLI::App* picture = app.add_subcommand("dot", "Prints a graph in the language of Graphviz");
  picture->add_option("source", *source, source_help())->required();
  picture->callback([source, &action] { action = [source] { return dot(*source); }; });

  auto rules = std::make_shared<bool>(false);
  CLI::App* list = app.add_subcommand("passes", "Lists the passes");
  list->add_flag("--rules", *rules, "with the rules of simplify, and why each is exact");
  list->callback([rules, &action] { action = [rules] { return list_passes(*rules); }; });
}

int run_action(const Action& action) {
  try {
    return action();
  } catch (const sinter::UserError& e) {
    std::cerr << "sinter: " << e.what() << "\n";
    return wrong_input;
  } catch (const std::exception& e) {
    std::cerr << "sinter: " << e.what() << "\n";
    return our_bug;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Looks into the Sinter compiler and checks it.\n"
      "Exit codes: 0 done, 1 results differ or a check failed, 2 wrong usage or input, 3 a bug of ours.",
      "sinter");
  app.require_subcommand(1);
  Action action;
  add_dump(app, action);
  add_opt(app, action);
  add_run(app, action);
  add_export(app, action);
  add_put_weights(app, action);
  add_others(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? done : wrong_input;
  }
  return run_action(action);
}

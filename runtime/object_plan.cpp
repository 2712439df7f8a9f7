#include "object_plan.h"

#include <algorithm>
#include <set>

#include <sinter/ir/error.h>
#include <sinter/ir/extern.h>
#include <sinter/ir/hash.h>

#include "codegen.h"

namespace sinter::runtime {

namespace {

// Words of C99 and C++20 that an input could be named.
constexpr std::string_view keywords[] = {
    "alignas",  "alignof",  "and",     "asm",      "auto",     "bool",     "break",     "case",      "catch",
    "char",     "class",    "concept", "const",    "continue", "decltype", "default",   "delete",    "do",
    "double",   "else",     "enum",    "explicit", "export",   "extern",   "false",     "float",     "for",
    "friend",   "goto",     "if",      "inline",   "int",      "long",     "mutable",   "namespace", "new",
    "noexcept", "not",      "nullptr", "operator", "or",       "private",  "protected", "public",    "register",
    "requires", "restrict", "return",  "short",    "signed",   "sizeof",   "static",    "struct",    "switch",
    "template", "this",     "throw",   "true",     "try",      "typedef",  "typeid",    "typename",  "union",
    "unsigned", "using",    "virtual", "void",     "volatile", "while",    "xor"};

/// "x/image" -> "x_image"; unlike every name in `taken`, to which it is added.
std::string field_name(const std::string& name, std::set<std::string>& taken) {
  std::string field;
  for (const char c : name) field += ir::is_c_name(std::string{'_', c}) ? c : '_';
  if (!ir::is_c_name(field) || std::ranges::find(keywords, field) != std::end(keywords)) field = "_" + field;
  if (field.front() == '_') field = "v" + field;  // names with a leading underscore belong to the language
  std::string unique = field;
  for (int k = 2; !taken.insert(unique).second; ++k) unique = str(field, "_", k);
  return unique;
}

std::uint64_t below_of(const ObjectStep& step, const ir::Buffer& buffer) {
  const auto known = step.index_of.find(buffer.name);
  return known != step.index_of.end() && known->second > 0 ? static_cast<std::uint64_t>(known->second) : 2;
}

std::vector<ObjectArgument> arguments_of(const ObjectStep& step) {
  const ir::Program& program = step.programs.front();
  std::set<std::string> taken = {"state", "work"};
  std::vector<ObjectArgument> arguments;
  for (const ir::BufferKind kind : {ir::BufferKind::input, ir::BufferKind::output}) {
    for (const ir::BufferId id : program.of_kind(kind)) {
      const ir::Buffer& buffer = program.buffers[id];
      if (step.fixed.contains(buffer.name)) continue;
      const bool output = kind == ir::BufferKind::output;
      arguments.push_back({field_name(buffer.name, taken), buffer.name, buffer.type, output, below_of(step, buffer)});
    }
  }
  return arguments;
}

bool writes_states(const ir::Program& program) {
  bool writes = false;
  for_each_kernel(program.items, [&](const ir::Kernel& kernel) {
    for (const ir::BufferId id : kernel.outputs)
      writes |= program.buffers[program.root_of(id)].kind == ir::BufferKind::state;
  });
  return writes;
}

std::string types_text(std::span<const ir::TensorType> types) {
  std::string text;
  for (const ir::TensorType& type : types) text += str(text.empty() ? "" : ", ", type);
  return "(" + text + ")";
}

/// Everything a program names has a place.
void check_step(const ObjectPlan& plan, const PlannedStep& planned) {
  const ObjectStep& step = *planned.step;
  for (const ir::Program& program : step.programs) {
    for (const ir::Buffer& buffer : program.buffers) {
      const auto is_it = [&](const auto& known) { return known.name == buffer.name && known.type == buffer.type; };
      if (buffer.kind == ir::BufferKind::state && std::ranges::none_of(plan.image->states, is_it))
        user_error("export: ", step.name, ": the state blob has no '", buffer.name, "' of type ", buffer.type);
      if (buffer.kind != ir::BufferKind::input && buffer.kind != ir::BufferKind::output) continue;
      check(step.fixed.contains(buffer.name) || std::ranges::any_of(planned.arguments, is_it), step.name,
            ": the programs of the targets have different inputs or outputs: ", buffer.name);
    }
  }
}

void plan_work(ObjectPlan& plan) {
  const std::size_t targets = plan.options->targets.size();
  std::int64_t derived_end = object_alignment, arena = 0, workspace = 0;
  for (std::size_t k = 0; k < targets; ++k) {
    std::int64_t end = object_alignment;
    for (PlannedStep& planned : plan.steps) {
      const ir::Program& program = planned.step->programs[k];
      planned.derived_begin.push_back(end);
      for (const ir::BufferId id : program.of_kind(ir::BufferKind::derived))
        end += aligned(program.buffers[id].type.bytes());
      arena = std::max(arena, aligned(program.arena_bytes));
      workspace =
          std::max(workspace, step_workspace_bytes(program) * plan.options->threads + step_shared_bytes(program));
    }
    derived_end = std::max(derived_end, end);
  }
  plan.arena_begin = derived_end;
  plan.workspace_begin = plan.arena_begin + arena;
  plan.work_bytes = aligned(plan.workspace_begin + workspace);
}

// Names that code may call in the C library without being told to.
constexpr std::string_view library_names[] = {"memcpy", "memmove", "memset",    "fma",       "fmaf",
                                              "floor",  "floorf",  "roundeven", "roundevenf"};

/// Why an object file cannot call this function; empty when it can.
std::string unlinkable(const ObjectPlan& plan, const ir::ExternFunction& function) {
  if (!function.linkable)
    return "it is not linkable; exported steps call it by its name, so make it a C function (extern \"C\") of that "
           "very "
           "name and register it with `linkable`";
  if (std::ranges::find(keywords, function.name) != std::end(keywords)) return "its name is a word of C or C++";
  if (std::ranges::find(library_names, function.name) != std::end(library_names))
    return "its name is that of a function in the C library which compiled code calls; name it otherwise";
  if (function.name.starts_with(plan.options->prefix + "_"))
    return str("its name begins with the prefix of the export, '", plan.options->prefix, "_'; choose another `prefix`");
  return {};
}

void plan_externs(ObjectPlan& plan) {
  std::vector<ir::ExternCall> calls;
  for (const PlannedStep& planned : plan.steps)
    for (const ir::ExternCall& call : ir::extern_calls(planned.step->programs.front())) calls.push_back(call);
  for (const auto& [name, function] : ir::bound_externs(calls)) {
    ObjectExtern made{name, {}};
    for (const ir::ExternCall& call : calls) {
      if (call.name != name) continue;
      if (const std::string why = unlinkable(plan, *function); !why.empty())
        user_error("export: ", ir::where(call.path, "extern"), " '", name, "': ", why);
      const std::string text =
          str(call.path, call.path.empty() ? "" : ": ", types_text(call.operands), " -> ", types_text(call.results));
      if (std::ranges::find(made.calls, text) == made.calls.end()) made.calls.push_back(text);
    }
    plan.externs.push_back(std::move(made));
  }
}

void plan_selftest(ObjectPlan& plan) {
  plan.selftest_work = aligned(plan.state_bytes());
  plan.selftest_data = plan.selftest_work + plan.work_bytes;
  std::int64_t most = 0;
  for (const PlannedStep& planned : plan.steps) {
    std::int64_t bytes = 0;
    for (const ObjectArgument& argument : planned.arguments) bytes += aligned(argument.type.bytes());
    most = std::max(most, bytes);
  }
  plan.selftest_bytes = plan.selftest_data + most;
}

std::uint64_t identity_of(const ObjectPlan& plan) {
  std::string text = plan.image->bytes.substr(0, static_cast<std::size_t>(plan.image->header_bytes));
  text += str(plan.options->prefix, ' ', object_file_version, ' ', plan.work_bytes, ' ', plan.options->threads);
  for (const PlannedStep& planned : plan.steps) text += ' ' + planned.step->name;
  return ir::fnv(text);
}

void check_options(const std::vector<ObjectStep>& steps, const ObjectOptions& options) {
  if (!ir::is_c_name(options.prefix))
    user_error("export: expected a prefix that C takes as a name, got '", options.prefix, "'; set `prefix`");
  if (options.threads < 1 || options.threads > 1024)
    user_error("export: threads must be between 1 and 1024, got ", options.threads);
  if (options.targets.empty()) user_error("export: name a target, for instance object_target(\"host\")");
  for (const ir::Target& target : options.targets)
    if (target.triple != options.targets.front().triple)
      user_error("export: one object file is for one kind of processor, got targets for ",
                 options.targets.front().triple, " and ", target.triple, "; export them apart");
  if (steps.empty()) user_error("export: there is no step to export");
  std::set<std::string> taken = {"init", "initial_state", "check_state", "prepare", "selftest", "states", "tensor"};
  for (const ObjectStep& step : steps) {
    check(step.programs.size() == options.targets.size(), "export: one program for each target is needed");
    if (!ir::is_c_name(step.name)) user_error("export: expected a C name for a step, got '", step.name, "'");
    if (!taken.insert(step.name).second)
      user_error("export: the name '", step.name, "' is taken; name the step otherwise");
  }
}

}  // namespace

bool ObjectPlan::writes_state() const {
  return std::ranges::any_of(steps, [](const PlannedStep& planned) { return planned.writes_state; });
}

namespace {

/// visit(name, type) for every tensor that the tables list.
template <class Visit>
void for_each_tensor(const ObjectPlan& plan, Visit visit) {
  for (const ObjectState& state : plan.image->states) visit(state.name, state.type);
  for (const PlannedStep& planned : plan.steps)
    for (const ObjectArgument& argument : planned.arguments) visit(argument.name, argument.type);
}

}  // namespace

std::size_t ObjectPlan::name_bytes() const {
  std::size_t most = 0;
  for_each_tensor(*this, [&](const std::string& name, const ir::TensorType&) { most = std::max(most, name.size()); });
  return most + 1;
}

std::size_t ObjectPlan::most_axes() const {
  int most = 1;
  for_each_tensor(*this,
                  [&](const std::string&, const ir::TensorType& type) { most = std::max(most, type.shape.rank()); });
  return static_cast<std::size_t>(most);
}

ObjectPlan plan_object(const std::vector<ObjectStep>& steps, const StateImage& image, const ObjectOptions& options) {
  check_options(steps, options);
  ObjectPlan plan;
  plan.image = &image;
  plan.options = &options;
  for (const ObjectStep& step : steps) {
    PlannedStep planned;
    planned.step = &step;
    planned.arguments = arguments_of(step);
    planned.writes_state = writes_states(step.programs.front());
    check_step(plan, planned);
    plan.steps.push_back(std::move(planned));
  }
  plan_externs(plan);
  plan_work(plan);
  plan_selftest(plan);
  plan.identity = identity_of(plan);
  return plan;
}

}  // namespace sinter::runtime

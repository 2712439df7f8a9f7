// The header of an object file, as text.

#include <algorithm>
#include <cctype>

#include <sinter/ir/error.h>

#include "object_cpu.h"
#include "object_plan.h"

namespace sinter::runtime {

namespace {

std::string_view c_type(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32: return "float";
    case ir::DType::f64: return "double";
    case ir::DType::bf16:
    case ir::DType::f16: return "uint16_t";
    case ir::DType::i32: return "int32_t";
    case ir::DType::i64: return "int64_t";
    case ir::DType::u32: return "uint32_t";
    case ir::DType::u8:
    case ir::DType::i1: return "uint8_t";
  }
  internal_error("unknown dtype");
}

class HeaderWriter {
 public:
  explicit HeaderWriter(const ObjectPlan& plan) : plan_(plan), lower_(plan.options->prefix) {
    for (const char c : lower_) upper_ += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }

  std::string write() {
    begin();
    sizes();
    errors();
    tensor_type();
    state();
    externs();
    for (const PlannedStep& planned : plan_.steps) step(planned);
    selftest();
    end();
    return text_;
  }

 private:
  /// One line; "@" stands for the prefix and "$" for the prefix in capitals.
  template <class... Parts>
  void line(const Parts&... parts) {
    for (const char c : str(parts...)) {
      if (c == '@')
        text_ += lower_;
      else if (c == '$')
        text_ += upper_;
      else
        text_ += c;
    }
    text_ += '\n';
  }

  void begin() {
    line("/* Made by Sinter together with an object file; neither needs Sinter. Do not edit.");
    line("   Nothing here allocates, prints or keeps anything: all memory is the caller's. */");
    line("#ifndef $_SINTER_STEP_H");
    line("#define $_SINTER_STEP_H");
    line("#include <stdint.h>");
    line("#ifdef __cplusplus");
    line("extern \"C\" {");
    line("#endif");
    line("");
  }

  void sizes() {
    line("#define $_VERSION ", object_file_version, " /* of what this header promises */");
    line("#define $_TARGET \"", plan_.options->targets.front().triple, "\"");
    for (std::size_t k = 0; k < plan_.options->targets.size(); ++k)
      line("#define $_FEATURES_", k, " \"", checked_features(plan_.options->targets[k]), "\"");
    line("#define $_THREADS ", plan_.options->threads, " /* the most that may run a step together */");
    line("");
    line("/* Memory to provide, in bytes. Each has to begin at a multiple of $_ALIGNMENT. */");
    line("#define $_ALIGNMENT ", object_alignment);
    line("#define $_STATE_BYTES ", plan_.state_bytes(), "u");
    line("#define $_WORK_BYTES ", plan_.work_bytes, "u");
    line("#define $_SELFTEST_BYTES ", plan_.selftest_bytes, "u");
    line("#if defined(__GNUC__) || defined(__clang__)");
    line("#define $_ALIGNED __attribute__((aligned(", object_alignment,
         "))) /* static unsigned char work[$_WORK_BYTES] $_ALIGNED; */");
    line("#endif");
    line("");
  }

  void errors() {
    line("/* What functions return. */");
    line("enum {");
    line("  $_OK = 0,");
    line("  $_ERROR_CPU = ", object_error_cpu,
         ",          /* the processor, or its system, lacks a feature that the code needs */");
    line("  $_ERROR_ARGUMENT = ", object_error_argument,
         ",     /* an address is null or not aligned, or thread, threads, barrier do not fit */");
    line("  $_ERROR_NOT_PREPARED = ", object_error_not_prepared, ", /* @_prepare() has not seen this work memory */");
    line("  $_ERROR_STATE = ", object_error_state, ",        /* the state belongs to another export */");
    line("  $_ERROR_SELFTEST = ", object_error_selftest, "      /* the numbers are not those of the exporting run */");
    line("};");
    line("");
  }

  void tensor_type() {
    line("typedef struct @_tensor {");
    line("  char name[", plan_.name_bytes(), "];");
    line("  char dtype[8]; /* f32 f64 bf16 f16 i32 i64 u32 u8 i1 */");
    line("  int32_t rank;");
    line("  int64_t shape[", plan_.most_axes(), "];");
    line("  uint64_t offset; /* of a state: in the state; of an input or output: of its address in the arguments */");
    line("  uint64_t bytes;  /* dense, row-major, little-endian */");
    line("} @_tensor;");
    line("");
  }

  void state() {
    line("/* The state holds no addresses: copy it, move it, store it. Its bytes are a safetensors file. */");
    if (const std::size_t n = plan_.image->states.size(); n > 0) {
      line("#define $_STATES ", n);
      line("extern const @_tensor @_states[$_STATES];");
    }
    if (!plan_.writes_state()) {
      line("/* The state as it was exported. No function here changes a state, so this one may be used in place. */");
      line("extern const unsigned char @_initial_state[$_STATE_BYTES];");
    }
    line("int @_init(void* state);              /* makes it what it was when exported */");
    line(
        "int @_check_state(const void* state); /* whether it has the form that the steps expect: after reading a file "
        "*/");
    line("");
    line(
        "/* Once for each piece of work memory, before its first use: looks at the processor. One step at a time may "
        "use");
    line("   it. */");
    line("int @_prepare(void* work);");
    line("");
  }

  /// What ir/extern_abi.h says, for programs that do not have it.
  void externs() {
    if (plan_.externs.empty()) return;
    line("/* Functions of the exporting program's own. The program that links this object defines them: they get the");
    line(
        "   addresses of their operands, of their results, and the shapes of all of them, operands first. They read "
        "the");
    line(
        "   operands, write every element of the results and do nothing else, the same for the same operands; several");
    line(
        "   threads may call them at once, arithmetic flushes denormals meanwhile. @_selftest() compares their bits "
        "too. */");
    line("#ifndef SINTER_SHAPE");
    line("#define SINTER_SHAPE");
    line("typedef struct sinter_shape {");
    line("  int64_t elements; /* the product of its extents */");
    line("  int64_t rank;");
    line("  const int64_t* extents; /* `rank` of them, the outermost first */");
    line("} sinter_shape;");
    line("#endif");
    for (const ObjectExtern& e : plan_.externs) {
      for (const std::string& call : e.calls) text_ += "/* " + comment(call) + " */\n";
      line("void ", e.name, "(const void* const* inputs, void* const* outputs, const sinter_shape* shapes);");
    }
    line("");
  }

  /// What neither ends nor begins a comment.
  static std::string comment(std::string text) {
    std::ranges::replace(text, '*', '.');
    return text;
  }

  void table(const PlannedStep& planned, bool outputs) {
    std::size_t n = 0;
    for (const ObjectArgument& argument : planned.arguments)
      if (argument.output == outputs) ++n;
    if (n == 0) return;
    const std::string name = planned.step->name + (outputs ? "_outputs" : "_inputs");
    std::string macro;
    for (const char c : name) macro += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    line("#define $_", macro, " ", n);
    line("extern const @_tensor @_", name, "[$_", macro, "];");
  }

  void step(const PlannedStep& planned) {
    const std::string& name = planned.step->name;
    line("typedef struct @_", name, "_args {");
    line("  ", planned.writes_state ? "" : "const ", "void* state;");
    line("  void* work;");
    for (const ObjectArgument& argument : planned.arguments)
      line("  ", argument.output ? "" : "const ", c_type(argument.type.dtype), "* ", argument.field, "; /* ",
           argument.type, " */");
    line("} @_", name, "_args;");
    table(planned, false);
    table(planned, true);
    line("int @_", name, "(const @_", name, "_args* args);");
    if (plan_.options->threads > 1) {
      line(
          "/* The same by a team: `threads` threads call it with equal arguments, each with its own number from 0 on, "
          "and");
      line("   barrier(barrier_arg) returns when all of them have called it. Results do not depend on `threads`. */");
      line("int @_", name, "_team(const @_", name,
           "_args* args, int32_t thread, int32_t threads, void (*barrier)(void*),");
      line("    void* barrier_arg);");
    }
    line("");
  }

  void selftest() {
    line(
        "/* Every step once on a made-up sample, from the initial state; compares every bit of outputs and state with "
        "the");
    line("   exporting run. The memory holds nothing of use afterwards. */");
    line("int @_selftest(void* memory);");
    line("");
  }

  void end() {
    line("#ifdef __cplusplus");
    line("}");
    line("#endif");
    line("#endif");
  }

  const ObjectPlan& plan_;
  std::string lower_, upper_, text_;
};

}  // namespace

std::string object_header(const ObjectPlan& plan) { return HeaderWriter(plan).write(); }

}  // namespace sinter::runtime

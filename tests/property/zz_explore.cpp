#include <cstdio>
#include <sinter/ir/text.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>
#include "support/catch.h"
#include "support/compare.h"
#include "support/random_graph.h"
#include "support/random_values.h"
namespace sinter::test {
TEST_CASE("explore", "[.explore]") {
  const ir::Graph g = ir::parse_graph("// sinter 1\ngraph @random {\n  %0 = input \"x0\" : f64[1,8]\n  %1 = argmax %0 {axis = 1} : i32[1]\n  return %1 \"y0\"\n}\n");
  passes::Options o; o.target = runtime::host_target();
  const auto program = passes::compile(g, o);
  for (int s = 0; s < 30; ++s) {
    Random r(s);
    ir::Environment env; env["x0"] = ir::NumArray::from(random_data({ir::DType::f64, {1, 8}}, {}, r));
    auto a = ir::interpret(g, env); auto b = run_compiled(program, env, {o.target, false, 1});
    if (difference(a, b, env) != "") { for (auto& v : env["x0"].values) std::printf("%g ", v.as_double()); std::printf(" %s\n", difference(a, b, env).c_str()); }
  }
  runtime::CompileOptions c; c.target = o.target;
  std::printf("%s\n", runtime::Executable::llvm_ir(program, c).c_str());
}
}

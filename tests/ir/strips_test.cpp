// Strips: which kernels can be cut, which groups mean in strips what they mean one after the other, and their text.

#include <sinter/ir/error.h>
#include <sinter/ir/interpreter.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/strips.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>

#include "support/catch.h"

using namespace sinter;
using namespace sinter::ir;
using Catch::Matchers::Contains;

namespace {

std::string pointwise(const std::string& from, const std::string& to, const std::string& op, int strips = 4) {
  return "kernel \"" + op + "\" (" + from + ") -> (" + to +
         ") {form = pointwise, lanes = 4, parallel = true, strips = " + std::to_string(strips) +
         "} { %0 = input \"p\" : f32[8,16] %1 = " + op + " return %1 \"r\" }\n";
}

/// Sums over the rows of f32[4096,2], cut along its terms.
std::string sums(const std::string& from, const std::string& to) {
  return "kernel \"sum\" (" + from + ") -> (" + to +
         ") {form = column, lanes = 4, parallel = true, strips = 4, strip_terms = true} { %0 = input \"p\" : "
         "f32[4096,2] %1 = reduce_sum %0 {axes = [0]} return %1 \"r\" }\n";
}
std::string large(const std::string& from, const std::string& to) {
  return "kernel \"neg\" (" + from + ") -> (" + to +
         ") {form = pointwise, lanes = 4, parallel = true, strips = 4} { %0 = input \"p\" : f32[4096,2] %1 = neg %0 "
         "return %1 \"r\" }\n";
}

std::string program(const std::string& items, const std::string& buffers = "") {
  return "program @p { arena 1024 bytes, lower bound 512 bytes\n%b0 = input \"x\" : f32[8,16]\n"
         "%b1 = output \"y\" : f32[8,16]\n%b2 = arena offset 0 : f32[8,16]\n" +
         buffers + items + "}";
}

std::string sum_program(const std::string& items) {
  return "program @p { arena 65536 bytes, lower bound 32768 bytes\n%b0 = input \"x\" : f32[4096,2]\n"
         "%b1 = output \"s\" : f32[2]\n%b2 = arena offset 0 : f32[4096,2]\n%b3 = output \"t\" : f32[2]\n" +
         items + "}";
}

/// What the reader says about a group that must not be.
std::string refused(const std::string& text) {
  try {
    parse_program(text);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

KernelShape shape_of(const Graph& body) { return std::get<KernelShape>(kernel_shape(body)); }

}  // namespace

TEST_CASE("strips are read, printed and checked") {
  const std::string text =
      program("strips 4 {\n" + pointwise("%b0", "%b2", "neg %0") + pointwise("%b2", "%b1", "exp %0") + "}");
  const Program p = parse_program(text);
  REQUIRE(std::holds_alternative<Strips>(p.items.at(0)));
  CHECK(std::get<Strips>(p.items[0]).kernels.size() == 2);
  CHECK(violations(p).empty());
  CHECK(parse_program(print(p)) == p);
  Program other = p;
  std::get<Strips>(other.items[0]).count = 2;
  CHECK_FALSE(other == p);
  CHECK_THAT(violations(other).at(0), Contains("is scheduled for 4 strips, not for 2"));
}

TEST_CASE("strips mean their kernels one after the other") {
  const std::string kernels = pointwise("%b0", "%b2", "neg %0") + pointwise("%b2", "%b1", "exp %0");
  std::string plain = pointwise("%b0", "%b2", "neg %0", 1) + pointwise("%b2", "%b1", "exp %0", 1);
  Environment environment;
  NumArray x{{DType::f32, {8, 16}}, {}};
  for (int k = 0; k < 128; ++k) x.values.push_back(Num::from_double(DType::f32, 0.25 * (k % 7)));
  environment["x"] = x;
  const InterpreterResult a = interpret(parse_program(program("strips 4 {\n" + kernels + "}")), environment);
  const InterpreterResult b = interpret(parse_program(program(plain)), environment);
  REQUIRE(a.outputs.size() == 1);
  for (std::size_t k = 0; k < x.values.size(); ++k)
    CHECK(a.outputs[0].values[k].as_double() == b.outputs[0].values[k].as_double());
}

TEST_CASE("a kernel must not read strips that others have not written yet") {
  const std::string moved = "reverse %0 {axes = [0]}";
  const std::string first = pointwise("%b0", "%b2", "neg %0");
  CHECK_THAT(refused(program("strips 4 {\n" + first + pointwise("%b2", "%b1", moved) + "}")),
             Contains("reads other strips of %b2, which is written strip by strip"));
  // Columns lie inside a strip, and what nobody in the group writes may be read as it pleases.
  CHECK(refused(program("strips 4 {\n" + first + pointwise("%b2", "%b1", "reverse %0 {axes = [1]}") + "}")) == "");
  CHECK(refused(program("strips 4 {\n" + pointwise("%b0", "%b2", moved) + pointwise("%b2", "%b1", "neg %0") + "}")) ==
        "");
  // Nor may one write what an earlier one reads beyond its strip.
  const std::string late = program(pointwise("%b0", "%b2", "neg %0", 1) + "strips 4 {\n" +
                                   pointwise("%b2", "%b1", moved) + pointwise("%b0", "%b2", "exp %0") + "}");
  CHECK_THAT(refused(late), Contains("writes %b2, of which other strips are read"));
}

TEST_CASE("sums over strips are made behind the last one") {
  CHECK(refused(sum_program("strips 4 {\n" + large("%b0", "%b2") + sums("%b2", "%b1") + sums("%b0", "%b3") + "}")) ==
        "");
  const std::string reads =
      "kernel \"late\" (%b1, %b2) -> (%b2) {form = pointwise, lanes = 4, parallel = true, strips = 4} "
      "{ %0 = input \"s\" : f32[2] %1 = input \"p\" : f32[4096,2] %2 = broadcast %0 {shape = "
      "<4096,2>, dims = [1]} %3 = add %1, %2 return %3 \"r\" }\n";
  CHECK_THAT(refused(sum_program("strips 4 {\n" + large("%b0", "%b2") + sums("%b2", "%b1") + reads + "}")),
             Contains("reads %b1, which is made behind the last strip"));
  CHECK_THAT(refused(sum_program("strips 4 {\n" + sums("%b0", "%b1") + sums("%b0", "%b1") + "}")),
             Contains("writes %b1, which is made behind the last strip"));
}

TEST_CASE("a buffer of kind strip lives among the strips that write it") {
  const std::string buffers = "%b3 = strip offset 0 : f32[8,16]\n";
  const std::string write = pointwise("%b0", "%b3", "neg %0");
  const std::string read = pointwise("%b3", "%b1", "exp %0");
  CHECK(refused(program("strips 4 {\n" + write + read + "}", buffers)) == "");
  CHECK_THAT(refused(program("strips 4 {\n" + read + write + "}", buffers)),
             Contains("reads %b3, of which nothing was written among these strips"));
  CHECK_THAT(
      refused(program("strips 4 {\n" + write + pointwise("%b0", "%b1", "exp %0") + "}" + "strips 4 {\n" + read + "}",
                      buffers)),
      Contains("reads %b3, of which nothing was written among these strips"));
  CHECK_THAT(refused(program(pointwise("%b0", "%b3", "neg %0", 1), buffers)), Contains("%b3 exists among strips only"));
}

TEST_CASE("buffers of kind strip that one group writes lie side by side") {
  const auto with_second_at = [](const std::string& offset) {
    const std::string buffers = "%b3 = strip offset 0 : f32[8,16]\n%b4 = strip offset " + offset + " : f32[8,16]\n";
    return violations(
        parse_program(program("strips 4 {\n" + pointwise("%b0", "%b3", "neg %0") + pointwise("%b3", "%b4", "exp %0") +
                                  pointwise("%b4", "%b1", "neg %0") + "}",
                              buffers)));
  };
  CHECK(with_second_at("128").empty());
  CHECK(with_second_at("64") == std::vector<std::string>{"%b3 and %b4 share bytes of a thread's strips"});
}

TEST_CASE("what strips must not be") {
  CHECK_THAT(refused(program("strips 1 {\n" + pointwise("%b0", "%b1", "neg %0", 1) + "}")),
             Contains("there are at least 2 strips, got 1"));
  CHECK_THAT(refused(program("for 2 { strips 4 {\n" + pointwise("%b0", "%b1", "neg %0") + "} }")),
             Contains("strips stand in no loop"));
  CHECK_THAT(refused(program(pointwise("%b0", "%b1", "neg %0", 4))), Contains("expected 1 strips here, got 4"));
  CHECK_THAT(refused(program("strips 3 {\n" + pointwise("%b0", "%b1", "neg %0", 3) + "}")),
             Contains("cannot be cut into 3 strips"));
  std::string ahead = program("strips 4 {\n" + pointwise("%b0", "%b1", "neg %0") + "}");
  ahead.replace(ahead.find("strips = 4}"), 11, "strips = 4} ahead (%b0 next)");
  CHECK_THAT(refused(ahead), Contains("only contractions among strips fetch ahead"));
}

TEST_CASE("how kernels are cut") {
  const auto reads = [](const char* text, StripCut cut, std::int64_t count, KernelForm form) {
    const Graph body = parse_graph(text);
    Schedule schedule;
    schedule.form = form;
    schedule.pack_vectors = true;
    return strip_reads(body, shape_of(body), schedule, cut, count);
  };
  SECTION("a product along its rows reads all of the other side") {
    const char* product = R"(graph @g {
  %0 = input "a" : f32[64,32]
  %1 = input "b" : f32[32,48]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1], contract_b = [0]} : f32[64,48]
  return %2 "y"
})";
    CHECK(reads(product, StripCut::results, 8, KernelForm::contract) == StripReads{true, false});
    CHECK_FALSE(reads(product, StripCut::results, 7, KernelForm::contract).has_value());
    CHECK_FALSE(reads(product, StripCut::terms, 8, KernelForm::contract).has_value());  // one chunk
  }
  SECTION("a weight gradient along its terms, where chunks end") {
    const char* gradient = R"(graph @g {
  %0 = input "x" : f32[8,24,24,32]
  %1 = input "dy" : f32[8,24,24,16]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [0,1,2], contract_b = [0,1,2]} : f32[32,16]
  return %2 "dw"
})";
    CHECK(reads(gradient, StripCut::terms, 8, KernelForm::contract) == StripReads{true, true});
    CHECK_FALSE(reads(gradient, StripCut::terms, 16, KernelForm::contract).has_value());
  }
  SECTION("a convolution along its images, padding or not") {
    const char* convolution = R"(graph @g {
  %0 = input "x" : f32[8,12,12,1,4]
  %1 = input "w" : f32[3,3,4,1,16]
  %2 = conv %0, %1 {role = "forward", stride = [2,2], dilation = [1,1], low = [1,1], extents = [6,6]} : f32[8,6,6,1,16]
  return %2 "y"
})";
    CHECK(reads(convolution, StripCut::results, 4, KernelForm::contract) == StripReads{true, false});
    CHECK_FALSE(reads(convolution, StripCut::results, 16, KernelForm::contract).has_value());
  }
  SECTION("rows shifted by one reach into another strip") {
    const char* shifted = R"(graph @g {
  %0 = input "x" : f32[8,16]
  %1 = pad %0 {low = [1,0], high = [-1,0], interior = [0,0], value = 0.0} : f32[8,16]
  %2 = neg %1 : f32[8,16]
  return %2 "y"
})";
    CHECK(reads(shifted, StripCut::results, 4, KernelForm::pointwise) == StripReads{false});
  }
  SECTION("a transposed input is read across") {
    const char* transposed = R"(graph @g {
  %0 = input "x" : f32[8,8]
  %1 = transpose %0 {permutation = [1,0]} : f32[8,8]
  %2 = neg %1 : f32[8,8]
  return %2 "y"
})";
    CHECK(reads(transposed, StripCut::results, 4, KernelForm::pointwise) == StripReads{false});
  }
}

// Any schedule gives the same bits: lanes, unrolling, register tiles, swapped sides, sharing between threads and the
// instruction set are free choices. Each kernel form is compiled under many of them and compared with the interpreter.

#include <algorithm>
#include <cstddef>

#include <sinter/ir/error.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/text.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>

#include "support/catch.h"
#include "support/compare.h"
#include "support/draws.h"
#include "support/random_values.h"

using namespace sinter;

namespace {

struct Case {
  const char* name;
  ir::KernelForm form;
  const char* text;
};

const Case cases[] = {
    {"pointwise over odd sizes, with a bias and padding", ir::KernelForm::pointwise,
     R"(graph @f {
  %0 = input "x" : f32[7,37]
  %1 = input "b" : f32[37]
  %2 = broadcast %1 {shape = <7,37>, dims = [1]} : f32[7,37]
  %3 = add %0, %2 : f32[7,37]
  %4 = tanh %3 : f32[7,37]
  %5 = pad %4 {low = [1,2], high = [0,3], interior = [0,1], value = 1.5} : f32[8,78]
  %6 = neg %5 : f32[8,78]
  return %6 "y"
})"},
    {"pointwise: pieces that exist in parts of a row, one of them backwards, one cropped", ir::KernelForm::pointwise,
     R"(graph @f {
  %0 = input "a" : f32[5,64]
  %1 = input "b" : f32[5,32]
  %2 = input "c" : f32[5,96]
  %3 = pad %0 {low = [0,64], high = [0,0], interior = [0,0], value = 0.0} : f32[5,128]
  %4 = pad %1 {low = [0,64], high = [0,32], interior = [0,0], value = -0.0} : f32[5,128]
  %5 = reverse %4 {axes = [1]} : f32[5,128]
  %6 = concat %1, %2 {axis = 1} : f32[5,128]
  %7 = pad %2 {low = [0,64], high = [0,-32], interior = [0,0], value = 1e-45} : f32[5,128]
  %8 = add %3, %5 : f32[5,128]
  %9 = mul %8, %7 : f32[5,128]
  %10 = max %9, %6 : f32[5,128]
  return %8 "sum", %10 "y", %7 "moved"
})"},
    {"row: softmax over 77 columns", ir::KernelForm::row,
     R"(graph @f {
  %0 = input "x" : f32[5,77]
  %1 = reduce_max %0 {axes = [1]} : f32[5]
  %2 = broadcast %1 {shape = <5,77>, dims = [0]} : f32[5,77]
  %3 = sub %0, %2 : f32[5,77]
  %4 = exp %3 : f32[5,77]
  %5 = reduce_sum %4 {axes = [1]} : f32[5]
  %6 = broadcast %5 {shape = <5,77>, dims = [0]} : f32[5,77]
  %7 = div %4, %6 : f32[5,77]
  return %7 "y", %5 "z"
})"},
    {"row: one long sum in chunks", ir::KernelForm::row,
     R"(graph @f {
  %0 = input "x" : f32[2,70001]
  %1 = reduce_sum %0 {axes = [1]} : f32[2]
  return %1 "y"
})"},
    {"row: a single long row, outputs of each depth, a scalar in place", ir::KernelForm::row,
     R"(graph @f {
  %0 = input "x" : f32[131149]
  %1 = state "s" : f32[]
  %2 = fused %0, %1 {name = "row", note = ""} : (f32[131149], f32[131149], f32[131149], f32[], f32[]) {
    %0 = input "x" : f32[131149]
    %1 = input "s" : f32[]
    %2 = reduce_sum %0 {axes = [0]} : f32[]
    %3 = reduce_max %0 {axes = [0]} : f32[]
    %4 = exp %0 : f32[131149]
    %5 = broadcast %3 {shape = <131149>, dims = []} : f32[131149]
    %6 = sub %0, %5 : f32[131149]
    %7 = exp %6 : f32[131149]
    %8 = reduce_sum %7 {axes = [0]} : f32[]
    %9 = broadcast %8 {shape = <131149>, dims = []} : f32[131149]
    %10 = div %7, %9 : f32[131149]
    %11 = broadcast %1 {shape = <131149>, dims = []} : f32[131149]
    %12 = mul %10, %11 : f32[131149]
    %13 = add %1, %2 : f32[]
    return %4 "e", %6 "d", %12 "y", %8 "z", %13 "s"
  }
  update %1 = %2.4
  return %2.0 "e", %2.1 "d", %2.2 "y", %2.3 "z"
})"},
    {"row: argmax of a single long row", ir::KernelForm::row,
     R"(graph @f {
  %0 = input "x" : f64[1,66000]
  %1 = argmax %0 {axis = 1} : i32[1]
  return %1 "y"
})"},
    {"row: argmax", ir::KernelForm::row,
     R"(graph @f {
  %0 = input "x" : f32[9,130]
  %1 = argmax %0 {axis = 1} : i32[9]
  return %1 "y"
})"},
    {"column: sums over 2100 rows and an update", ir::KernelForm::column,
     R"(graph @f {
  %0 = input "dy" : f32[2100,19]
  %1 = state "b" : f32[19]
  %2 = reduce_sum %0 {axes = [0]} : f32[19]
  %3 = sub %1, %2 : f32[19]
  update %1 = %3
  return %2 "g"
})"},
    {"column: two sums in one visit over chunks that threads share, updates in place", ir::KernelForm::column,
     R"(graph @f {
  %0 = input "x" : f32[2,61,43,37]
  %1 = input "dy" : f32[2,61,43,37]
  %2 = state "scale" : f32[37]
  %3 = state "offset" : f32[37]
  %4 = fused %0, %1, %2, %3 {name = "sums", note = ""} : (f32[37], f32[37], f32[37], f32[37]) {
    %0 = input "x" : f32[2,61,43,37]
    %1 = input "dy" : f32[2,61,43,37]
    %2 = input "scale" : f32[37]
    %3 = input "offset" : f32[37]
    %4 = reduce_sum %1 {axes = [0,1,2]} : f32[37]
    %5 = mul %0, %1 : f32[2,61,43,37]
    %6 = reduce_sum %5 {axes = [0,1,2]} : f32[37]
    %7 = mul %4, %6 : f32[37]
    %8 = sub %2, %6 : f32[37]
    %9 = sub %3, %4 : f32[37]
    return %6 "g", %7 "p", %8 "scale", %9 "offset"
  }
  update %2 = %4.2
  update %3 = %4.3
  return %4.0 "g", %4.1 "p"
})"},
    {"column: the largest of each column, shared chunks", ir::KernelForm::column,
     R"(graph @f {
  %0 = input "x" : f64[4500,21]
  %1 = reduce_max %0 {axes = [0]} : f64[21]
  return %1 "y"
})"},
    {"column: a sum that needs another, many chunks", ir::KernelForm::column,
     R"(graph @f {
  %0 = input "x" : f32[4200,18]
  %1 = fused %0 {name = "spread", note = ""} : (f32[18], f32[18]) {
    %0 = input "x" : f32[4200,18]
    %1 = reduce_sum %0 {axes = [0]} : f32[18]
    %2 = broadcast %1 {shape = <4200,18>, dims = [1]} : f32[4200,18]
    %3 = sub %0, %2 : f32[4200,18]
    %4 = abs %3 : f32[4200,18]
    %5 = reduce_sum %4 {axes = [0]} : f32[18]
    return %1 "sum", %5 "spread"
  }
  return %1.0 "sum", %1.1 "spread"
})"},
    {"column: half-precision sums, shared chunks", ir::KernelForm::column,
     R"(graph @f {
  %0 = input "x" : bf16[4100,17]
  %1 = reduce_sum %0 {axes = [0]} : bf16[17]
  return %1 "y"
})"},
    {"column: several outer axes", ir::KernelForm::column,
     R"(graph @f {
  %0 = input "x" : f64[3,5,7,6]
  %1 = reduce_prod %0 {axes = [0,2]} : f64[5,6]
  return %1 "y"
})"},
    {"contract: bias, relu, odd sizes", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[23,45]
  %1 = state "w" : f32[45,37]
  %2 = state "b" : f32[37]
  %3 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1], contract_b = [0]} : f32[23,37]
  %4 = broadcast %2 {shape = <23,37>, dims = [1]} : f32[23,37]
  %5 = add %3, %4 : f32[23,37]
  %6 = constant 0 : f32[]
  %7 = broadcast %6 {shape = <23,37>, dims = []} : f32[23,37]
  %8 = max %5, %7 : f32[23,37]
  return %8 "y"
})"},
    {"contract: weight gradient with an update in place", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[19,33]
  %1 = input "dy" : f32[19,10]
  %2 = state "w" : f32[33,10]
  %3 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [0], contract_b = [0]} : f32[33,10]
  %4 = sub %2, %3 : f32[33,10]
  update %2 = %4
})"},
    {"contract: transposed second operand, more than one chunk", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "dy" : f32[6,1500]
  %1 = state "w" : f32[21,1500]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1], contract_b = [1]} : f32[6,21]
  return %2 "dx"
})"},
    {"contract: transposed second operand, blocks of terms and one of each tail", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "dy" : f32[5,37]
  %1 = state "w" : f32[43,37]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1], contract_b = [1]} : f32[5,43]
  return %2 "dx"
})"},
    {"contract: transposed second operand of f64 in batches, whole blocks of terms", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : f64[2,3,32]
  %1 = input "b" : f64[2,19,32]
  %2 = dot %0, %1 {batch_a = [0], batch_b = [0], contract_a = [2], contract_b = [2]} : f64[2,3,19]
  return %2 "y"
})"},
    {"contract: many columns and rows, one chunk", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : f32[1000,20]
  %1 = input "b" : f32[1000,1100]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [0], contract_b = [0]} : f32[20,1100]
  return %2 "y"
})"},
    {"contract: blocks of rows and chunks", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : f32[530,2100]
  %1 = input "b" : f32[3,2100]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1], contract_b = [1]} : f32[530,3]
  return %2 "y"
})"},
    {"contract: batches and two contracted axes", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : f32[3,4,5,6]
  %1 = input "b" : f32[3,5,6,9]
  %2 = dot %0, %1 {batch_a = [0], batch_b = [0], contract_a = [2,3], contract_b = [1,2]} : f32[3,4,9]
  return %2 "y"
})"},
    {"contract: several free axes on both sides", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : i32[3,4,5]
  %1 = input "b" : i32[5,2,6]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [2], contract_b = [0]} : i32[3,4,2,6]
  return %2 "y"
})"},
    {"contract: rows and terms of two axes each, that lie apart", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : f32[3,2,13,7]
  %1 = input "b" : f32[2,7,19]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1,3], contract_b = [0,1]} : f32[3,13,19]
  return %2 "y"
})"},
    {"contract: columns of two axes, neighbours in one operand and apart in the result", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : f32[3,5,11]
  %1 = input "b" : f32[11,2,17]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [2], contract_b = [0]} : f32[3,5,2,17]
  %3 = transpose %2 {permutation = [0,2,1,3]} : f32[3,2,5,17]
  return %3 "y"
})"},
    {"contract: columns of two axes that are one, terms of two that are neighbours", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "a" : f32[6,3,9]
  %1 = input "b" : f32[2,17,3,9]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1,2], contract_b = [2,3]} : f32[6,2,17]
  return %2 "y"
})"},
    {"contract: convolution with padding, bias and relu", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[2,7,9,1,5]
  %1 = state "w" : f32[3,3,5,1,19]
  %2 = state "b" : f32[19]
  %3 = conv %0, %1 {role = "forward", stride = [1,1], dilation = [1,1], low = [1,1], extents = [7,9]} : f32[2,7,9,1,19]
  %4 = broadcast %2 {shape = <2,7,9,1,19>, dims = [4]} : f32[2,7,9,1,19]
  %5 = add %3, %4 : f32[2,7,9,1,19]
  %6 = constant 0 : f32[]
  %7 = broadcast %6 {shape = <2,7,9,1,19>, dims = []} : f32[2,7,9,1,19]
  %8 = max %5, %7 : f32[2,7,9,1,19]
  return %8 "y"
})"},
    {"contract: convolution with strides and groups", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[2,9,11,2,3]
  %1 = input "w" : f32[3,2,3,2,5]
  %2 = conv %0, %1 {role = "forward", stride = [2,3], dilation = [1,1], low = [1,0], extents = [5,4]} : f32[2,5,4,2,5]
  return %2 "y"
})"},
    {"contract: input gradient of a convolution with strides", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "y" : f32[2,5,6,1,7]
  %1 = input "w" : f32[3,3,18,1,7]
  %2 = conv %0, %1 {role = "input_gradient", stride = [2,2], dilation = [1,1], low = [1,1], extents = [9,12]} : f32[2,9,12,1,18]
  return %2 "x"
})"},
    {"contract: filter gradient of a convolution, several chunks, with an update in place", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[5,18,17,1,4]
  %1 = input "y" : f32[5,18,17,1,18]
  %2 = state "w" : f32[3,3,4,1,18]
  %3 = conv %0, %1 {role = "filter_gradient", stride = [1,1], dilation = [1,1], low = [1,1], extents = [3,3]} : f32[3,3,4,1,18]
  %4 = sub %2, %3 : f32[3,3,4,1,18]
  update %2 = %4
})"},
    {"contract: filter gradient of a convolution of one channel", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[3,12,25,1,1]
  %1 = input "y" : f32[3,12,25,1,18]
  %2 = conv %0, %1 {role = "filter_gradient", stride = [1,1], dilation = [1,1], low = [1,1], extents = [3,3]} : f32[3,3,1,1,18]
  return %2 "w"
})"},
    {"contract: depthwise convolution", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[2,6,7,19,1]
  %1 = input "w" : f32[3,3,1,19,1]
  %2 = conv %0, %1 {role = "forward", stride = [2,1], dilation = [1,1], low = [1,1], extents = [3,7]} : f32[2,3,7,19,1]
  return %2 "y"
})"},
    {"contract: filter gradient of a depthwise convolution, shared chunks, an update in place",
     ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[3,41,43,19,1]
  %1 = input "dy" : f32[3,41,43,19,1]
  %2 = state "w" : f32[3,3,1,19,1]
  %3 = conv %0, %1 {role = "filter_gradient", stride = [1,1], dilation = [1,1], low = [1,1], extents = [3,3]} : f32[3,3,1,19,1]
  %4 = sub %2, %3 : f32[3,3,1,19,1]
  update %2 = %4
})"},
    {"contract: filter gradient of a first layer with stride 2, shared chunks", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[2,81,90,1,3]
  %1 = input "dy" : f32[2,40,60,1,35]
  %2 = conv %0, %1 {role = "filter_gradient", stride = [2,1], dilation = [1,1], low = [0,0], extents = [3,3]} : f32[3,3,3,1,35]
  return %2 "w"
})"},
    {"contract: convolution of many channels, chunks of kernel rows, some of them outside", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[2,4,9,1,130]
  %1 = input "w" : f32[3,3,130,1,35]
  %2 = conv %0, %1 {role = "forward", stride = [1,1], dilation = [2,1], low = [2,1], extents = [4,9]} : f32[2,4,9,1,35]
  return %2 "y"
})"},
    {"contract: convolution of more channels, chunks cut the axis that the tile slides along", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[1,3,5,1,400]
  %1 = input "w" : f32[2,3,400,1,18]
  %2 = conv %0, %1 {role = "forward", stride = [1,1], dilation = [1,1], low = [1,1], extents = [3,5]} : f32[1,3,5,1,18]
  return %2 "y"
})"},
    {"contract: convolution whose channels are cut", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[1,6,1,1100]
  %1 = input "w" : f32[3,1100,1,18]
  %2 = conv %0, %1 {role = "forward", stride = [2], dilation = [1], low = [1], extents = [3]} : f32[1,3,1,18]
  return %2 "y"
})"},
    {"contract: input gradient of a convolution of many filters with strides", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "y" : f32[2,3,4,1,150]
  %1 = input "w" : f32[3,3,18,1,150]
  %2 = conv %0, %1 {role = "input_gradient", stride = [2,2], dilation = [1,1], low = [1,1], extents = [5,8]} : f32[2,5,8,1,18]
  return %2 "x"
})"},
    {"contract: filter gradient over long sequences", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[2,2500,1,3]
  %1 = input "y" : f32[2,2500,1,18]
  %2 = conv %0, %1 {role = "filter_gradient", stride = [1], dilation = [1], low = [2], extents = [5]} : f32[5,3,1,18]
  return %2 "w"
})"},
    {"contract: filter gradient over long sequences of one channel", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[1,2500,1,1]
  %1 = input "y" : f32[1,2500,1,18]
  %2 = conv %0, %1 {role = "filter_gradient", stride = [1], dilation = [1], low = [2], extents = [5]} : f32[5,1,1,18]
  return %2 "w"
})"},
    {"contract: depthwise convolution with a kernel of several chunks", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[1,5,40,19,1]
  %1 = input "w" : f32[35,35,1,19,1]
  %2 = conv %0, %1 {role = "forward", stride = [1,1], dilation = [1,1], low = [17,17], extents = [5,40]} : f32[1,5,40,19,1]
  return %2 "y"
})"},
    {"contract: a small weight gradient over many rows, pieces of one chain as chunks", ir::KernelForm::contract,
     R"(graph @f {
  %0 = input "x" : f32[4100,13]
  %1 = input "dy" : f32[4100,33]
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [0], contract_b = [0]} : f32[13,33]
  return %2 "dw"
})"},
    {"column: pooling with padding", ir::KernelForm::column,
     R"(graph @f {
  %0 = input "x" : f32[2,5,6,19]
  %1 = max_pool %0 {window = [1,3,2,1], stride = [1,2,2,1], low = [0,1,0,0], shape = <2,3,3,19>} : (f32[2,3,3,19], i32[2,3,3,19])
  %2 = exp %1.0 : f32[2,3,3,19]
  return %2 "y", %1.1 "number"
})"},
    {"scatter: rows added at repeated places", ir::KernelForm::scatter,
     R"(graph @f {
  %0 = input "x" : f32[11,21]
  %1 = input "i" : i32[17]
  %2 = input "u" : f32[17,21]
  %3 = scatter_add %0, %1, %2 {axis = 0} : f32[11,21]
  return %3 "y"
})"},
};

ir::Environment environment_of(const ir::Graph& graph) {
  test::Random random(17);
  ir::Environment environment;
  const auto add = [&](ir::NodeId id) {
    const ir::TensorType& type = graph.type({id, 0});
    const bool indices = name_of(graph.node(id)) == "i";
    const test::Domain domain =
        indices ? test::Domain{test::Domain::Kind::index, 11} : test::Domain{test::Domain::Kind::tame, 0};
    environment[name_of(graph.node(id))] = ir::NumArray::from(test::random_data(type, domain, random));
  };
  for (const ir::NodeId id : graph.inputs()) add(id);
  for (const ir::NodeId id : graph.states()) add(id);
  return environment;
}

/// The program with every kernel's schedule replaced.
ir::Program rescheduled(ir::Program program, const ir::Schedule& schedule) {
  for (ir::Item& item : program.items) {
    if (auto* kernel = std::get_if<ir::Kernel>(&item)) {
      const ir::KernelForm form = kernel->schedule.form;
      kernel->schedule = schedule;
      kernel->schedule.form = form;
      if (form == ir::KernelForm::scatter) kernel->schedule.parallel = false;
    }
  }
  return program;
}

std::vector<ir::Schedule> schedules_of(ir::KernelForm form) {
  std::vector<ir::Schedule> found;
  const auto add = [&](std::int64_t lanes, std::int64_t unroll, std::int64_t rows, std::int64_t vectors, bool swap,
                       bool parallel) {
    ir::Schedule s;
    s.lanes = lanes, s.unroll = unroll, s.tile_rows = rows, s.tile_vectors = vectors, s.swap = swap,
    s.parallel = parallel;
    found.push_back(s);
  };
  if (form == ir::KernelForm::contract) {
    add(1, 1, 3, 1, false, false), add(4, 1, 1, 1, false, true), add(8, 1, 5, 2, true, false);
    add(16, 1, 14, 2, false, true), add(16, 1, 6, 4, false, false), add(16, 1, 100, 1, true, true);
    for (std::size_t k = 0, n = found.size(); k < n; ++k) {
      found.push_back(found[k]);
      found.back().pack_vectors = true;
      found.back().trail = true;
      found.push_back(found.back());
      found.back().pack_rows = true;
      found.back().part = 100;
      found.back().block_rows = 20;
      found.push_back(found.back());
      found.back().pack_vectors = false;
      found.back().pack_rows = k % 2 == 0;
      found.back().part = 8;
    }
  } else {
    add(1, 1, 1, 1, false, false), add(2, 3, 1, 1, false, true), add(4, 1, 1, 1, false, false);
    add(8, 2, 1, 1, false, true), add(16, 1, 1, 1, false, false), add(16, 5, 1, 1, false, true);
    add(32, 1, 1, 1, false, false), add(64, 2, 1, 1, false, true);
  }
  return found;
}

}  // namespace

TEST_CASE("every schedule of every form gives the interpreter's bits") {
  passes::Options options;
  options.target = runtime::host_target();
  std::size_t turn = 0;  // under sanitizers each case tries another part of the schedules than the case before it
  for (const Case& c : cases) {
    const ir::Graph graph = ir::parse_graph(c.text, c.name);
    const ir::Environment environment = environment_of(graph);
    const bool fused = std::string_view(c.text).find("fused") != std::string_view::npos;
    const ir::Program program = fused ? passes::lower(graph, options) : passes::compile(graph, options);
    bool has_form = false;
    ir::for_each_kernel(program.items, [&](const ir::Kernel& k) { has_form = has_form || k.schedule.form == c.form; });
    INFO(c.name);
    CHECK(has_form);
    const ir::InterpreterResult expected = ir::interpret(graph, environment);
    ++turn;
    for (const ir::Schedule& schedule : schedules_of(c.form)) {
      if (turn++ % test::draw_stride != 0) continue;
      for (const int threads : {1, 3}) {
        if (threads > 1 && !schedule.parallel) continue;
        INFO(c.name << ": lanes " << schedule.lanes << ", unroll " << schedule.unroll << ", tile " << schedule.tile_rows
                    << " x " << schedule.tile_vectors << ", swap " << schedule.swap << ", pack "
                    << schedule.pack_vectors << schedule.pack_rows << ", threads " << threads);
        // Schedules made by hand may share kernels between which no barrier stands; one kernel per program is safe.
        const ir::Program changed = rescheduled(program, schedule);
        int kernels = 0;
        ir::for_each_kernel(changed.items, [&](const ir::Kernel&) { ++kernels; });
        CHECK((kernels == 1 || !fused));
        if (threads > 1 && kernels > 1) continue;
        CHECK(test::difference(expected, test::run_compiled(changed, environment, {options.target, false, threads}),
                               environment) == "");
      }
    }
  }
}

TEST_CASE("contractions give the interpreter's bits on poorer instruction sets") {
  ir::Schedule other;  // sides swapped and packed, rows that leave a rest
  other.lanes = 8, other.tile_rows = 3, other.tile_vectors = 2, other.swap = true, other.pack_vectors = true;
  std::size_t turn = 0;  // under sanitizers each case tries another part of the schedules than the case before it
  for (const Case& c : cases) {
    if (c.form != ir::KernelForm::contract) continue;
    const ir::Graph graph = ir::parse_graph(c.text, c.name);
    const ir::Environment environment = environment_of(graph);
    const ir::InterpreterResult expected = ir::interpret(graph, environment);
    ++turn;
    for (const char* level : {"avx2", "baseline"}) {
      passes::Options options;
      options.target = runtime::restrict_target(runtime::host_target(), level);
      const ir::Program chosen = passes::compile(graph, options);
      for (const ir::Program& program : {chosen, rescheduled(chosen, other)}) {
        if (turn++ % test::draw_stride != 0) continue;
        INFO(c.name << " on " << level);
        CHECK(test::difference(expected, test::run_compiled(program, environment, {options.target, false, 1}),
                               environment) == "");
      }
    }
  }
}

TEST_CASE("stores end where their buffer ends") {
  for (const char* dtype : {"f16", "bf16", "u8", "i1", "f32"}) {
    for (const int size : {1, 2, 15, 16, 17, 31, 33, 35, 49}) {
      const std::string type = str(dtype, "[", size, "]");
      const std::string op = std::string_view(dtype) == "i1" ? "not" : "neg";
      const std::string text =
          str("graph @f {\n %0 = input \"x\" : ", type, "\n %1 = ", op, " %0 : ", type, "\n return %1 \"y\"\n}");
      for (const char* level : {"", "avx2", "baseline"}) {
        passes::Options options;
        options.target = runtime::host_target();
        if (*level != '\0') options.target = runtime::restrict_target(options.target, level);
        const ir::Program program = passes::compile(ir::parse_graph(text, "f"), options);
        runtime::Session session(runtime::Executable::compile(program, {options.target, false, ""}));
        constexpr std::byte guard{0xA5};
        std::vector<std::byte> x(256, std::byte{1}), y(256, guard);
        const void* inputs[] = {x.data()};
        void* outputs[] = {y.data()};
        session.run({inputs, {}, outputs});
        const auto end = y.begin() + session.executable().signature().outputs[0].type.bytes();
        INFO(type << " on " << (*level != '\0' ? level : "host"));
        CHECK(std::all_of(end, y.end(), [](std::byte b) { return b == guard; }));
        CHECK(std::none_of(y.begin(), end, [](std::byte b) { return b == guard; }));
      }
    }
  }
}

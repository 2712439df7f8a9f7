#include "programs.h"

#include <sinter/ir/error.h>

namespace sinter::test {

namespace {

using ir::BufferId;
using ir::BufferKind;
using ir::DType;
using ir::Expr;
using ir::Graph;
using ir::TensorType;

BufferId add_buffer(ir::Program& program, BufferKind kind, const std::string& name, const TensorType& type) {
  ir::Buffer buffer;
  buffer.kind = kind;
  buffer.name = name;
  buffer.type = type;
  if (kind == BufferKind::arena) {
    buffer.offset = program.arena_bytes;
    program.arena_bytes += (type.bytes() + 63) / 64 * 64;
    program.arena_lower_bound = program.arena_bytes;
  }
  program.buffers.push_back(buffer);
  return static_cast<BufferId>(program.buffers.size() - 1);
}

ir::Kernel pointwise(const std::string& name, Graph body, std::vector<BufferId> inputs, std::vector<BufferId> outputs,
                     int lanes, bool parallel) {
  ir::Kernel kernel;
  kernel.name = name;
  kernel.body = std::make_shared<const Graph>(std::move(body));
  kernel.inputs = std::move(inputs);
  kernel.outputs = std::move(outputs);
  kernel.schedule.form = ir::KernelForm::pointwise;
  kernel.schedule.lanes = lanes;
  kernel.schedule.parallel = parallel;
  return kernel;
}

ir::TensorData random_tensor(const TensorType& type, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(type.elements()));
  for (float& v : values) v = static_cast<float>(random.uniform(-2, 2));
  return ir::TensorData::copy(type, values.data());
}

/// a * b + c, or with two operands a + b; with one, a * a.
Graph body_of(const TensorType& type, std::size_t operands, const std::string& path) {
  Graph graph("body");
  std::vector<Expr> x;
  for (std::size_t k = 0; k < operands; ++k) x.push_back(input(graph, str(path, "_x", k), type));
  graph.set_path(path);
  const Expr result = operands == 3 ? x[0] * x[1] + x[2] : operands == 2 ? x[0] + x[1] : x[0] * x[0];
  graph.add_output(path + "_result", result.value());
  return graph;
}

}  // namespace

ir::Program update_program(std::int64_t rows, std::int64_t columns, int lanes) {
  const TensorType type{DType::f32, {rows, columns}};
  ir::Program program;
  program.name = "update";
  const BufferId x = add_buffer(program, BufferKind::input, "x", type);
  const BufferId w = add_buffer(program, BufferKind::state, "w", type);
  const BufferId y = add_buffer(program, BufferKind::output, "y", type);
  const BufferId c = add_buffer(program, BufferKind::constant, "c", type);
  const BufferId t = add_buffer(program, BufferKind::arena, "t", type);
  program.buffers[c].data = random_tensor(type, 99);
  program.items = {pointwise("affine", body_of(type, 3, "a"), {x, c, w}, {t}, lanes, true), ir::Barrier{},
                   pointwise("square", body_of(type, 1, "b"), {t}, {y}, lanes, false),
                   pointwise("update", body_of(type, 2, "c"), {w, t}, {w}, lanes, true)};
  return program;
}

ir::Program repeated_program(int copies, int turns) {
  const TensorType type{DType::f32, {40}};
  ir::Program program;
  program.name = "repeated";
  ir::Loop loop;
  loop.count = turns;
  for (int k = 0; k < copies; ++k) {
    const BufferId x = add_buffer(program, BufferKind::input, str("x", k), type);
    const BufferId w = add_buffer(program, BufferKind::state, str("w", k), type);
    loop.items.emplace_back(pointwise(str("add/", k), body_of(type, 2, str("layer_", k)), {w, x}, {w}, 8, false));
  }
  program.items = {std::make_shared<const ir::Loop>(std::move(loop))};
  return program;
}

Tensors::Tensors(const ir::Program& program, std::uint64_t seed) {
  for (const ir::Buffer& buffer : program.buffers) {
    if (buffer.kind != BufferKind::input && buffer.kind != BufferKind::state && buffer.kind != BufferKind::output)
      continue;
    Random random(seed++);
    std::vector<float> values(static_cast<std::size_t>(buffer.type.elements()));
    for (float& v : values) v = static_cast<float>(random.uniform(-2, 2));
    if (buffer.kind == BufferKind::input) {
      input_names_.push_back(buffer.name);
      inputs_.push_back(std::move(values));
    } else if (buffer.kind == BufferKind::state) {
      state_names_.push_back(buffer.name);
      states_.push_back(std::move(values));
    } else {
      outputs_.push_back(std::move(values));
    }
  }
  for (auto& values : inputs_) input_addresses_.push_back(values.data());
  for (auto& values : states_) state_addresses_.push_back(values.data());
  for (auto& values : outputs_) output_addresses_.push_back(values.data());
}

std::vector<float> Tensors::interpreted(const ir::Program& program) const {
  ir::Environment environment;
  std::size_t input_number = 0;
  std::size_t state_number = 0;
  for (const ir::Buffer& buffer : program.buffers) {
    const std::vector<float>* values = nullptr;
    if (buffer.kind == BufferKind::input) values = &inputs_[input_number++];
    if (buffer.kind == BufferKind::state) values = &states_[state_number++];
    if (values != nullptr) {
      environment[buffer.name] = ir::NumArray::from(ir::TensorData::copy(buffer.type, values->data()));
    }
  }
  const ir::InterpreterResult result = ir::interpret(program, environment);
  std::vector<float> all;
  const auto append = [&all](const ir::NumArray& array) {
    const ir::TensorData data = array.to_data();
    const std::size_t start = all.size();
    all.resize(start + static_cast<std::size_t>(array.type.elements()));
    std::memcpy(all.data() + start, data.bytes->data(), data.bytes->size());
  };
  for (const ir::NumArray& output : result.outputs) append(output);
  for (const std::string& name : state_names_) append(result.states.at(name));
  return all;
}

std::vector<float> Tensors::results() const {
  std::vector<float> all;
  for (const auto& values : outputs_) all.insert(all.end(), values.begin(), values.end());
  for (const auto& values : states_) all.insert(all.end(), values.begin(), values.end());
  return all;
}

}  // namespace sinter::test

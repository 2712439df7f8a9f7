// The oracle: every node is evaluated whole, element by element, from its op's space and bodies. Nothing is fused,
// vectorised or reused, and the order of every sum is written out as sum_order.h states it.

#include <sinter/ir/interpreter.h>

#include <algorithm>
#include <optional>

#include <sinter/ir/error.h>
#include <sinter/ir/evaluate.h>
#include <sinter/ir/extern.h>
#include <sinter/ir/fp_environment.h>
#include <sinter/ir/region.h>
#include <sinter/ir/sum_order.h>

namespace sinter::ir {

namespace {

using Values = std::vector<Num>;

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

/// Counts through `extents` in row-major order.
class Counter {
 public:
  explicit Counter(Ints extents) : extents_(std::move(extents)), index_(extents_.size(), 0) {}
  const Ints& index() const { return index_; }
  void next() {
    for (std::size_t k = extents_.size(); k-- > 0;) {
      if (++index_[k] < extents_[k]) return;
      index_[k] = 0;
    }
  }

 private:
  Ints extents_, index_;
};

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a % b < 0) != (b < 0)) ? 1 : 0);
}

/// a + scale * b, wrapping: positions from data may be anything, and compiled code wraps too.
std::int64_t add_scaled(std::int64_t a, std::int64_t scale, std::int64_t b) {
  const auto u = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  return static_cast<std::int64_t>(u(a) + u(scale) * u(b));
}

/// Evaluates one node.
class NodeRun {
 public:
  NodeRun(const Node& node, std::span<const NumArray> operands, const InterpreterOptions& options)
      : node_(node), operands_(operands), op_(info(node.kind)), wide_(options.wide), body_(body_of<Num>(node)) {
    for (const NumArray& o : operands) types_.push_back(o.type);
    space_ = op_.space(node.attributes, types_);
  }

  std::vector<NumArray> run() {
    if (op_.form == Form::scatter) return {scatter()};
    std::vector<NumArray> results;
    for (const TensorType& type : node_.results) results.push_back({type, {}});
    Counter point(space_.parallel);
    const std::int64_t n = space_.parallel_elements();
    for (NumArray& r : results) r.values.reserve(at(n));
    for (std::int64_t k = 0; k < n; ++k, point.next()) {
      const Values values = op_.accumulators > 0 ? reduce(point.index()) : Values{element(point.index())};
      for (std::size_t r = 0; r < results.size(); ++r) results[r].values.push_back(values[r]);
    }
    return results;
  }

 private:
  Num number(std::int64_t v) const { return Num::from_integer(DType::i64, v, wide_); }

  Values numbers(std::span<const std::int64_t> index) const {
    Values v;
    for (const std::int64_t k : index) v.push_back(number(k));
    return v;
  }

  /// The flat position that `map` reads in operand `operand`, or nothing when it lies outside.
  std::optional<std::int64_t> position(const IndexMap& map, std::size_t operand, const Ints& axes) const {
    const Shape& shape = operands_[operand].type.shape;
    std::int64_t flat = 0;
    for (std::size_t k = 0; k < map.coordinates.size(); ++k) {
      const Coordinate& c = map.coordinates[k];
      std::int64_t v = c.offset;
      for (const AxisTerm& t : c.terms) v += t.scale * axes[at(t.axis)];
      if (c.indirect) {
        const auto other = static_cast<std::size_t>(c.indirect->operand);
        const std::optional<std::int64_t> where = position(*c.indirect->map, other, axes);
        if (!where) return std::nullopt;
        v = add_scaled(v, c.indirect->scale, operands_[other].values[at(*where)].as_integer());
      }
      if (c.division == Division::exact && v % c.divisor != 0) return std::nullopt;
      v = floor_div(v, c.divisor);
      if (c.modulus != 0) v -= floor_div(v, c.modulus) * c.modulus;
      if (v < 0 || v >= shape[static_cast<int>(k)]) return std::nullopt;
      flat = flat * shape[static_cast<int>(k)] + v;
    }
    return flat;
  }

  std::optional<Num> read(std::size_t k, const Ints& axes) const {
    const auto operand = static_cast<std::size_t>(space_.operand_of(k));
    const std::optional<std::int64_t> where = position(space_.reads[k], operand, axes);
    if (!where) return std::nullopt;
    return operands_[operand].values[at(*where)];
  }

  Num fill(std::size_t operand) const {
    const DType dtype = operands_.empty() ? node_.results[0].dtype : operands_[operand].type.dtype;
    return Num::from_double(dtype, op_.fill(node_.attributes, dtype), wide_);
  }

  /// Pointwise, map and generated elements.
  Num element(const Ints& axes) const {
    if (body_.scalar) {
      Values x;
      for (std::size_t k = 0; k < space_.reads.size(); ++k) {
        const std::optional<Num> v = read(k, axes);
        x.push_back(v ? *v : fill(static_cast<std::size_t>(space_.operand_of(k))));
      }
      return body_.scalar(x, numbers(axes));
    }
    for (std::size_t k = space_.reads.size(); k-- > 0;)
      if (const std::optional<Num> v = read(k, axes)) return *v;
    return fill(0);
  }

  /// Adds the term at `axes` unless a read is absent.
  void accumulate(Values& carry, const Ints& axes) const {
    Values x;
    for (std::size_t k = 0; k < space_.reads.size(); ++k) {
      const std::optional<Num> v = read(k, axes);
      if (!v) return;
      x.push_back(*v);
    }
    const Values reduced = numbers(std::span(axes).subspan(space_.parallel.size()));
    carry = body_.accumulate(carry, x, reduced);
  }

  Values identity() const {
    return body_.identity(
        Num::from_integer(operands_[static_cast<std::size_t>(space_.operand_of(0))].type.dtype, 0, wide_));
  }

  Ints reduced_index(std::int64_t flat) const {
    Ints index(space_.reduced.size());
    for (std::size_t k = index.size(); k-- > 0;) {
      index[k] = flat % space_.reduced[k];
      flat /= space_.reduced[k];
    }
    return index;
  }

  Ints joined(const Ints& point, std::int64_t term) const {
    Ints axes = point;
    const Ints reduced = reduced_index(term);
    axes.insert(axes.end(), reduced.begin(), reduced.end());
    return axes;
  }

  /// One chunk in chain order.
  Values chain(const Ints& point, std::int64_t begin, std::int64_t end) const {
    Values carry = identity();
    for (std::int64_t t = begin; t < end; ++t) accumulate(carry, joined(point, t));
    return carry;
  }

  /// One chunk in lanes order.
  Values lanes(const Ints& point, std::int64_t begin, std::int64_t end) const {
    std::vector<Values> lane(at(lane_count), identity());
    for (std::int64_t t = begin; t < end; ++t) accumulate(lane[at((t - begin) % lane_count)], joined(point, t));
    for (std::int64_t width = lane_count / 2; width > 0; width /= 2)
      for (std::int64_t i = 0; i < width; ++i) lane[at(i)] = body_.combine(lane[at(i)], lane[at(i + width)]);
    return lane[0];
  }

  Values reduce(const Ints& point) const {
    const std::int64_t total = space_.reduced_elements();
    const bool in_lanes = op_.order(node_.attributes, types_) == Order::lanes;
    const ChainChunks chunks(space_.reduced);
    std::optional<Values> sum;
    for (std::int64_t begin = 0; begin < total;) {
      const std::int64_t end = in_lanes ? std::min(total, begin + lanes_chunk) : chunks.end(begin);
      const Values chunk = in_lanes ? lanes(point, begin, end) : chain(point, begin, end);
      sum = sum ? body_.combine(*sum, chunk) : chunk;
      begin = end;
    }
    return body_.finish(sum ? *sum : identity(), node_.results[0].dtype);
  }

  NumArray scatter() const {
    NumArray result{node_.results[0], operands_[0].values};
    Counter point(space_.parallel);
    for (std::int64_t k = space_.parallel_elements(); k > 0; --k, point.next()) {
      const std::optional<std::int64_t> where = position(*space_.write, 0, point.index());
      if (!where) continue;
      Values x = {result.values[at(*where)]};
      for (std::size_t r = 1; r < space_.reads.size(); ++r) x.push_back(*read(r, point.index()));
      result.values[at(*where)] = body_.scalar(x, numbers(point.index()));
    }
    return result;
  }

  const Node& node_;
  std::span<const NumArray> operands_;
  const OpInfo& op_;
  bool wide_;
  NodeBody<Num> body_;
  std::vector<TensorType> types_;
  Space space_;
};

/// Runs a graph whose inputs are given in order and whose states are given by name.
using Table = std::vector<std::vector<NumArray>>;

Table run_graph(const Graph& graph, const std::function<const NumArray&(const Node&, std::size_t)>& source,
                const InterpreterOptions& options);

std::vector<NumArray> run_body(const Graph& body, std::span<const NumArray> operands,
                               const InterpreterOptions& options) {
  const Table table =
      run_graph(body, [&](const Node&, std::size_t k) -> const NumArray& { return operands[k]; }, options);
  std::vector<NumArray> results;
  for (const Output& o : body.outputs()) results.push_back(table[o.value.node][o.value.result]);
  return results;
}

/// Slice `turn` of a sequence.
NumArray slice_of(const NumArray& sequence, const TensorType& type, std::int64_t turn) {
  const auto begin = sequence.values.begin() + turn * type.elements();
  return {type, Values(begin, begin + type.elements())};
}

std::vector<NumArray> run_loop(const Node& node, const Repetition& loop, std::span<const NumArray> operands,
                               const InterpreterOptions& options) {
  const std::vector<NodeId> inputs = node.body->inputs();
  std::vector<NumArray> current(operands.begin(), operands.end());
  std::vector<NumArray> results;
  for (const TensorType& type : node.results) results.push_back({type, Values(at(type.elements()))});
  for (std::int64_t k = 0; k < loop.length; ++k) {
    const std::int64_t turn = loop.reverse ? loop.length - 1 - k : k;
    for (std::size_t s = loop.carries; s < loop.carries + loop.sequences; ++s)
      current[s] = slice_of(operands[s], node.body->node(inputs[s]).results[0], turn);
    std::vector<NumArray> made = run_body(*node.body, current, options);
    for (std::size_t r = 0; r < made.size(); ++r) {
      if (r < loop.carries)
        current[r] = made[r];
      else
        std::ranges::copy(made[r].values, results[r].values.begin() + turn * made[r].type.elements());
    }
  }
  for (std::size_t r = 0; r < loop.carries; ++r) results[r].values = std::move(current[r].values);
  return results;
}

/// Functions see tensors as they lie in memory: in a wide run their operands are rounded.
std::vector<NumArray> run_extern(const Node& node, std::span<const NumArray> operands,
                                 const InterpreterOptions& options) {
  std::vector<TensorData> data;
  for (const NumArray& operand : operands) data.push_back(operand.to_data());
  std::vector<NumArray> results;
  for (const TensorData& result : call_extern(node, data)) results.push_back(NumArray::from(result, options.wide));
  return results;
}

std::vector<NumArray> run_node(const Node& node, std::span<const NumArray> operands,
                               const InterpreterOptions& options) {
  if (const auto loop = repetition_of(node)) return run_loop(node, *loop, operands, options);
  if (node.body) return run_body(*node.body, operands, options);
  if (info(node.kind).form == Form::external) return run_extern(node, operands, options);
  if (node.kind == kind_of<Constant>())
    return {NumArray::from(unpack<Constant::Attrs>(node.attributes).value, options.wide)};
  return NodeRun(node, operands, options).run();
}

Table run_graph(const Graph& graph, const std::function<const NumArray&(const Node&, std::size_t)>& source,
                const InterpreterOptions& options) {
  Table table(graph.size());
  std::size_t sources = 0;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& n = graph.node(id);
    if (n.kind == kind_of<Input>() || n.kind == kind_of<State>()) {
      table[id] = {source(n, sources++)};
      continue;
    }
    std::vector<NumArray> operands;
    for (const Value& v : n.operands) operands.push_back(table[v.node][v.result]);
    table[id] = run_node(n, operands, options);
  }
  return table;
}

const NumArray& lookup(const Environment& environment, const std::string& name, const TensorType& type) {
  const auto found = environment.find(name);
  if (found == environment.end()) user_error("'", name, "' is not bound; expected a value of type ", type);
  if (found->second.type != type) user_error("'", name, "': expected ", type, ", got ", found->second.type);
  return found->second;
}

Table run_bound(const Graph& graph, const Environment& environment, const InterpreterOptions& options) {
  return run_graph(
      graph,
      [&](const Node& n, std::size_t) -> const NumArray& { return lookup(environment, name_of(n), n.results[0]); },
      options);
}

/// Runs the items of a program over whole-buffer contents.
class ProgramRun {
 public:
  ProgramRun(const Program& program, const Environment& environment, const InterpreterOptions& options)
      : program_(program), options_(options) {
    for (const Buffer& b : program.buffers) {
      if (b.kind == BufferKind::input || b.kind == BufferKind::state)
        memory_.push_back(lookup(environment, b.name, b.type));
      else if (b.kind == BufferKind::constant)
        memory_.push_back(NumArray::from(b.data, options.wide));
      else
        memory_.push_back({b.type, {}});
    }
  }

  InterpreterResult run() {
    run_items(program_.items);
    InterpreterResult result;
    for (const BufferId b : program_.of_kind(BufferKind::output)) result.outputs.push_back(memory_[b]);
    for (const BufferId b : program_.of_kind(BufferKind::state)) result.states[program_.buffers[b].name] = memory_[b];
    return result;
  }

 private:
  void run_items(const std::vector<Item>& items) {
    for (const Item& item : items) {
      if (const auto* kernel = std::get_if<Kernel>(&item)) run_kernel(*kernel);
      if (const auto* strips = std::get_if<Strips>(&item))
        for (const Kernel& k : strips->kernels) run_kernel(k);
      const auto* loop = std::get_if<std::shared_ptr<const Loop>>(&item);
      if (loop == nullptr) continue;
      turns_.push_back(0);
      for (; turns_.back() < (*loop)->count; ++turns_.back()) run_items((*loop)->items);
      turns_.pop_back();
    }
  }

  /// Where a buffer begins: the buffer that holds its elements, and the first of them.
  std::pair<BufferId, std::int64_t> place(BufferId id) const {
    const Buffer& b = program_.buffers[id];
    if (b.kind != BufferKind::slice) return {id, 0};
    const auto [root, begin] = place(b.of);
    const std::int64_t bytes = b.offset + b.stride * turns_[at(b.depth)];
    return {root, begin + bytes / size_of(b.type.dtype)};
  }

  NumArray read(const Kernel& kernel, BufferId id, const TensorType& type) const {
    const auto [root, begin] = place(id);
    const NumArray& buffer = memory_[root];
    if (buffer.values.size() != at(buffer.type.elements()))
      internal_error("kernel '", kernel.name, "' reads buffer ", id, " before it is written");
    const auto first = buffer.values.begin() + begin;
    return {type, Values(first, first + type.elements())};
  }

  void write(BufferId id, Values values) {
    const auto [root, begin] = place(id);
    NumArray& buffer = memory_[root];
    if (root == id) {
      buffer.values = std::move(values);
      return;
    }
    buffer.values.resize(at(buffer.type.elements()));
    std::ranges::move(values, buffer.values.begin() + begin);
  }

  void run_kernel(const Kernel& kernel) {
    const std::vector<NodeId> inputs = kernel.body->inputs();
    std::vector<NumArray> operands;
    for (std::size_t k = 0; k < kernel.inputs.size(); ++k)
      operands.push_back(read(kernel, kernel.inputs[k], kernel.body->node(inputs[k]).results[0]));
    std::vector<NumArray> results = run_body(*kernel.body, operands, options_);
    for (std::size_t k = 0; k < kernel.outputs.size(); ++k) write(kernel.outputs[k], std::move(results[k].values));
  }

  const Program& program_;
  InterpreterOptions options_;
  std::vector<NumArray> memory_;
  std::vector<std::int64_t> turns_;  // of the loops around, the outermost first
};

}  // namespace

NumArray NumArray::from(const TensorData& data, bool wide) {
  NumArray a{data.type, {}};
  const std::int64_t step = size_of(data.type.dtype);
  for (std::int64_t k = 0; k < data.type.elements(); ++k)
    a.values.push_back(Num::load(data.type.dtype, data.bytes->data() + k * step, wide));
  return a;
}

TensorData NumArray::to_data() const {
  std::vector<std::byte> bytes(at(type.bytes()));
  const std::int64_t step = size_of(type.dtype);
  for (std::size_t k = 0; k < values.size(); ++k) values[k].store(bytes.data() + static_cast<std::int64_t>(k) * step);
  return TensorData::copy(type, bytes.data());
}

InterpreterResult interpret(const Graph& graph, const Environment& environment, const InterpreterOptions& options) {
  const FlushDenormals flush;
  const Table table = run_bound(graph, environment, options);
  InterpreterResult result;
  for (const Output& o : graph.outputs()) result.outputs.push_back(table[o.value.node][o.value.result]);
  for (const Update& u : graph.updates())
    result.states[name_of(graph.node(u.state))] = table[u.value.node][u.value.result];
  return result;
}

InterpreterResult interpret(const Program& program, const Environment& environment, const InterpreterOptions& options) {
  const FlushDenormals flush;
  return ProgramRun(program, environment, options).run();
}

std::vector<std::vector<NumArray>> interpret_all(const Graph& graph, const Environment& environment,
                                                 const InterpreterOptions& options) {
  const FlushDenormals flush;
  return run_bound(graph, environment, options);
}

std::vector<NumArray> interpret_node(const Node& node, std::span<const NumArray> operands,
                                     const InterpreterOptions& options) {
  const FlushDenormals flush;
  return run_node(node, operands, options);
}

}  // namespace sinter::ir

#include "rules.h"

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/extern.h>
#include <sinter/ir/memory.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/region.h>
#include <sinter/ir/strips.h>
#include <sinter/ir/verify.h>

namespace sinter::ir {

namespace {

bool is_known(OpKind kind) { return static_cast<std::size_t>(kind) < all_ops().size(); }

}  // namespace

std::string op_name(OpKind kind) {
  return is_known(kind) ? std::string(info(kind).name) : str("op ", static_cast<unsigned>(kind));
}

Attributes canonical_attributes(OpKind kind, const Attributes& attributes) {
  Attributes canonical;
  AllOps::for_each([&]<class Op>() {
    if (kind == kind_of<Op>()) canonical = pack(unpack<typename Op::Attrs>(attributes));
  });
  return canonical;
}

void check_operand_count(const OpInfo& op, std::size_t count) {
  if (op.arity >= 0 && count != static_cast<std::size_t>(op.arity))
    user_error("expected ", op.arity, " operands, got ", count);
  if (op.arity < 0 && op.form != Form::region && count == 0) user_error("expected at least one operand");
}

std::vector<TensorType> inferred_results(const Graph& graph, const Node& node) {
  const OpInfo& op = info(node.kind);
  if (op.form == Form::external) return extern_results(node, operand_types(graph, node));
  if (op.form != Form::region) return op.infer(node.attributes, operand_types(graph, node));
  if (!node.body) user_error("expected a body");
  return region_results(node.kind, node.attributes, *node.body, operand_types(graph, node));
}

bool GraphRules::in_range(Value value) const {
  return value.node < graph_.size() && value.result < graph_.node(value).results.size();
}

void GraphRules::node(NodeId id) {
  const Node& n = graph_.node(id);
  if (!is_known(n.kind)) return report_("is not in the op list");
  const OpInfo& op = info(n.kind);
  if (!operands(id)) return;
  if ((op.form == Form::region) != (n.body != nullptr))
    report_(n.body ? "has a body, but is no region op" : "expected a body");
  contents(n);
  results(n);
  if (n.body) body(n);
  if (n.kind != kind_of<Input>() && n.kind != kind_of<State>()) return;
  const AttributeValue* name = n.attributes.find("name");
  const auto* text = name == nullptr ? nullptr : std::get_if<std::string>(name);
  if (text != nullptr && !port_names_.insert(*text).second) report_(str("the name \"", *text, "\" is used twice"));
}

/// False when nothing else about the node can be checked.
bool GraphRules::operands(NodeId id) {
  const Node& n = graph_.node(id);
  try {
    check_operand_count(info(n.kind), n.operands.size());
  } catch (const UserError& e) {
    report_(e.what());
    return false;
  }
  for (const Value& v : n.operands) {
    if (v.node >= id) {
      report_(str("operand %", v.node, " is not an earlier node"));
      return false;
    }
    if (!in_range(v)) {
      report_(str("operand %", v.node, ".", v.result, " does not exist, the node has ", graph_.node(v).results.size(),
                  " results"));
      return false;
    }
  }
  return true;
}

/// Tensor attributes hold the bytes of their type.
void GraphRules::contents(const Node& n) {
  for (const Attribute& a : n.attributes.items()) {
    const auto* data = std::get_if<TensorData>(&a.value);
    if (data == nullptr) continue;
    const std::size_t size = data->bytes ? data->bytes->size() : 0;
    if (data->bytes && static_cast<std::int64_t>(size) == data->type.bytes()) continue;
    report_(str("attribute '", a.name, "': expected ", data->type.bytes(), " bytes for ", data->type, ", got ", size));
  }
}

namespace {

std::string list_text(std::span<const TensorType> types) {
  if (types.size() == 1) return to_string(types[0]);
  std::string out = "(";
  for (std::size_t k = 0; k < types.size(); ++k) out += (k == 0 ? "" : ", ") + to_string(types[k]);
  return out + ")";
}

}  // namespace

void GraphRules::results(const Node& n) {
  try {
    if (info(n.kind).form == Form::region) {  // body() compares the results
      canonical_attributes(n.kind, n.attributes);
      return;
    }
    const std::vector<TensorType> inferred = inferred_results(graph_, n);
    if (inferred != n.results) report_(str("expected results ", list_text(inferred), ", got ", list_text(n.results)));
  } catch (const Error& e) {
    report_(e.what());
  }
}

void GraphRules::body(const Node& n) {
  const Graph& body = *n.body;
  const std::vector<std::string> inner = violations(body);
  for (const std::string& v : inner) report_("body: " + v);
  if (!inner.empty()) return;  // what follows trusts the body
  if (info(n.kind).repetition != nullptr)
    check_loop_body(body, report_);
  else
    check_plain_body(body, report_);
  try {
    const std::vector<TensorType> inferred = inferred_results(graph_, n);
    if (inferred != n.results) report_(str("expected results ", list_text(inferred), ", got ", list_text(n.results)));
  } catch (const UserError& e) {
    report_(e.what());
  }
}

void check_loop_body(const Graph& body, const Report& report) {
  for (NodeId id = 0; id < body.size(); ++id)
    if (body.node(id).kind == kind_of<State>()) report(str("the body holds a state, %", id));
  if (!body.updates().empty()) report("the body holds an update");
}

void check_plain_body(const Graph& body, const Report& report) {
  check_loop_body(body, report);
  for (NodeId id = 0; id < body.size(); ++id)
    if (info(body.node(id).kind).form == Form::region)
      report(str("the body holds a region, %", id, " ", op_name(body.node(id).kind)));
}

void GraphRules::update(const Update& update) {
  if (update.state >= graph_.size() || graph_.node(update.state).kind != kind_of<State>())
    return report_(str("%", update.state, " is not a state"));
  if (!updated_.insert(update.state).second) report_(str("state %", update.state, " is updated twice"));
  if (!in_range(update.value))
    return report_(str("value %", update.value.node, ".", update.value.result, " does not exist"));
  const Node& state = graph_.node(update.state);
  if (!state.results.empty() && state.results[0] != graph_.type(update.value))
    report_(str("state %", update.state, " is ", state.results[0], ", its new value ", graph_.type(update.value)));
}

void GraphRules::output(const Output& output) {
  if (!in_range(output.value)) report_(str("value %", output.value.node, ".", output.value.result, " does not exist"));
  if (output.name.empty()) return report_("an output needs a name");
  if (!output_names_.insert(output.name).second) report_(str("the name \"", output.name, "\" is used twice"));
}

void ProgramRules::buffer(BufferId id) {
  const Buffer& b = program_.buffers[id];
  const bool read_by_caller = b.kind == BufferKind::input || b.kind == BufferKind::state;
  if (read_by_caller && !input_names_.insert(b.name).second) report_(str("the name \"", b.name, "\" is used twice"));
  if (b.kind == BufferKind::output && !output_names_.insert(b.name).second)
    report_(str("the name \"", b.name, "\" is used twice"));
  if (b.kind == BufferKind::output && b.name.empty()) report_("an output needs a name");
  if (b.kind == BufferKind::slice) slice(id);
  if (b.kind == BufferKind::strip && (b.offset < 0 || b.offset % static_cast<std::int64_t>(memory_alignment) != 0))
    report_(str("expected an offset that is a multiple of ", memory_alignment, ", got ", b.offset));
  if (b.kind != BufferKind::constant) return;
  if (!b.data.bytes) return report_("a constant needs data");
  if (b.data.type != b.type) report_(str("expected data of type ", b.type, ", got ", b.data.type));
  if (static_cast<std::int64_t>(b.data.bytes->size()) != b.data.type.bytes())
    report_(str("expected ", b.data.type.bytes(), " bytes of data, got ", b.data.bytes->size()));
}

void ProgramRules::slice(BufferId id) {
  const Buffer& b = program_.buffers[id];
  if (b.of >= id) return report_(str("is a slice of %b", b.of, ", which is no earlier buffer"));
  if (b.depth < 0) report_(str("the depth of a loop is at least 0, got ", b.depth));
  if (program_.buffers[b.of].type.dtype != b.type.dtype)
    report_(str("is ", b.type, ", but a slice of %b", b.of, ", which is ", program_.buffers[b.of].type));
}

/// A slice stays inside its buffer in every turn of the loops around the kernel.
void ProgramRules::moves_inside(BufferId id, const std::string& role) {
  const Buffer& b = program_.buffers[id];
  if (b.kind != BufferKind::slice || b.of >= id) return;
  if (b.depth < 0 || static_cast<std::size_t>(b.depth) >= turns_.size())
    return report_(
        str(role, ": %b", id, " moves with loop ", b.depth, ", but ", turns_.size(), " are around the kernel"));
  const std::int64_t bytes = program_.buffers[b.of].type.bytes();
  const std::int64_t turns = turns_[static_cast<std::size_t>(b.depth)] - 1;
  // In doubles: the numbers come from a file and may be anything.
  const double last = static_cast<double>(b.offset) + static_cast<double>(b.stride) * static_cast<double>(turns);
  const double low = std::min(static_cast<double>(b.offset), last),
               high = std::max(static_cast<double>(b.offset), last);
  if (low < 0.0 || high + static_cast<double>(b.type.bytes()) > static_cast<double>(bytes))
    report_(str(role, ": %b", id, " leaves %b", b.of, " of ", bytes, " bytes"));
  moves_inside(b.of, role);
}

void ProgramRules::operand(BufferId id, const TensorType& wanted, const std::string& role) {
  if (id >= program_.buffers.size()) return report_(str(role, ": buffer %b", id, " does not exist"));
  const TensorType& got = program_.buffers[id].type;
  if (program_.buffers[id].kind == BufferKind::strip && strips_around_ == 1)
    report_(str(role, ": %b", id, " exists among strips only"));
  if (got.dtype != wanted.dtype || got.elements() != wanted.elements())
    report_(str(role, ": expected the elements of ", wanted, ", got %b", id, " of type ", got));
  moves_inside(id, role);
}

void ProgramRules::ahead(const Ahead& a, const Schedule& s) {
  if (a.buffer >= program_.buffers.size()) return report_(str("ahead: buffer %b", a.buffer, " does not exist"));
  const Buffer& b = program_.buffers[a.buffer];
  if (b.kind == BufferKind::slice || b.kind == BufferKind::strip)
    report_(str("ahead: %b", a.buffer, " is a ", to_string(b.kind), ", of which nothing can be fetched"));
  if (s.strips < 2 || s.form != KernelForm::contract) report_("ahead: only contractions among strips fetch ahead");
  if (s.strips >= 1 && a.bytes != b.type.bytes() / s.strips)
    report_(str("ahead: a strip of %b", a.buffer, " has ", b.type.bytes() / s.strips, " bytes, not ", a.bytes));
}

void ProgramRules::kernel(const Kernel& k) {
  const Schedule& s = k.schedule;
  for (const std::int64_t value : {s.lanes, s.unroll, s.tile_rows, s.tile_vectors, s.strips})
    if (value < 1) report_(str("the numbers of a schedule are at least 1, got ", value));
  if (s.strips != strips_around_) report_(str("expected ", strips_around_, " strips here, got ", s.strips));
  for (const Ahead& a : k.ahead) ahead(a, s);
  if (!k.body) return report_("expected a body");
  const std::vector<std::string> inner = violations(*k.body);
  for (const std::string& v : inner) report_("body: " + v);
  if (!inner.empty()) return;
  check_plain_body(*k.body, report_);
  const std::vector<NodeId> inputs = k.body->inputs();
  const std::vector<Output>& outputs = k.body->outputs();
  if (inputs.size() != k.inputs.size())
    return report_(str("the body takes ", inputs.size(), " inputs, got ", k.inputs.size(), " buffers"));
  if (outputs.size() != k.outputs.size())
    return report_(str("the body has ", outputs.size(), " outputs, got ", k.outputs.size(), " buffers"));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    operand(k.inputs[i], k.body->node(inputs[i]).results[0], str("input ", i));
  std::set<BufferId> written;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const BufferId id = k.outputs[i];
    operand(id, k.body->type(outputs[i].value), str("output ", i));
    if (!written.insert(id).second) report_(str("writes %b", id, " twice"));
    if (id >= program_.buffers.size()) continue;
    const BufferKind kind = program_.buffers[program_.root_of(id)].kind;
    if (kind == BufferKind::input || kind == BufferKind::constant)
      report_(str("writes %b", id, ", which is read only (", to_string(kind), ")"));
  }
}

void ProgramRules::strips(const Strips& strips) {
  if (strips.count < 2) report_(str("there are at least 2 strips, got ", strips.count));
  if (!turns_.empty()) report_("strips stand in no loop");
  for (const Kernel& k : strips.kernels)
    if (!k.body || !violations(*k.body).empty()) return;  // reported where it stands
  if (const std::string why = why_not_in_strips(strips, program_); !why.empty()) report_(why);
}

void ProgramRules::loop(const Loop& loop) {
  if (loop.count < 1) report_(str("a loop runs at least once, got ", loop.count));
}

}  // namespace sinter::ir

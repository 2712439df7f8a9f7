#include "text/graph_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_map>

#include <sinter/ir/near_matches.h>
#include <sinter/ir/ops.h>

#include "rules.h"
#include "text/contents.h"
#include "text/literals.h"

namespace sinter::ir::text {

namespace {

std::vector<std::string_view> op_names() {
  std::vector<std::string_view> names;
  for (const OpInfo& op : all_ops()) names.push_back(op.name);
  return names;
}

std::string list_text(std::span<const TensorType> types) {
  std::string out;
  for (const TensorType& t : types) out += (out.empty() ? "" : ", ") + to_string(t);
  return types.size() == 1 ? out : "(" + out + ")";
}

/// Reads the statements between the braces of one graph. What a statement says is checked as soon as it is read, so
/// that the message can point at it.
class GraphReader {
 public:
  GraphReader(Reader& reader, std::string name, int depth)
      : reader_(reader), depth_(depth), graph_(std::move(name)), rules_(graph_, [this](const std::string& what) {
          reader_.fail(statement_, context_.empty() ? what : context_ + ": " + what);
        }) {}

  Graph read();

 private:
  // Statements.
  void node();
  void update();
  void outputs();
  // Parts of a node.
  OpKind op();
  void port(Node& node);
  void constant(Node& node);
  void operation(Node& node);
  void operands(Node& node);
  Attributes attributes(const OpInfo& op);
  AttributeValue attribute_value();
  AttributeValue number();
  std::vector<TensorType> result_types();
  void check_results(const Node& node, const Token& at, const std::vector<TensorType>& written);
  // Values.
  struct ValueText {
    std::uint64_t node = 0;
    std::uint32_t result = 0;
  };
  ValueText value_text(const Token& token) const;
  Value value();

  Reader& reader_;
  int depth_;
  Graph graph_;
  std::unordered_map<std::uint64_t, NodeId> ids_;  // as written -> dense
  Token statement_;                                // where a broken rule is reported
  std::string context_;                            // the op that is being read
  GraphRules rules_;
};

Graph GraphReader::read() {
  if (depth_ > deepest_nesting) reader_.fail_expected(str("at most ", deepest_nesting, " nested bodies"));
  reader_.expect("{");
  while (reader_.peek().kind == TokenKind::value) node();
  while (reader_.peek_is("update")) update();
  if (reader_.peek_is("return")) outputs();
  if (!reader_.accept("}")) {
    const bool closing = !graph_.outputs().empty();
    reader_.fail_expected(closing ? "'}'" : "a node, 'update', 'return' or '}'");
  }
  return std::move(graph_);
}

void GraphReader::node() {
  const Token id_token = reader_.take();
  const ValueText id = value_text(id_token);
  if (id_token.text.find('.') != std::string_view::npos)
    reader_.fail(id_token, "expected a node, got one of its results");
  if (ids_.contains(id.node)) reader_.fail(id_token, str("%", id.node, " is defined twice"));
  reader_.expect("=");
  statement_ = reader_.peek();
  Node node;
  node.kind = op();
  context_ = op_name(node.kind);
  if (node.kind == kind_of<Input>() || node.kind == kind_of<State>()) {
    port(node);
  } else if (node.kind == kind_of<Constant>()) {
    constant(node);
  } else {
    operation(node);
  }
  const NodeId dense = graph_.add_unchecked(std::move(node));
  ids_.emplace(id.node, dense);
  rules_.node(dense);
  context_.clear();
}

OpKind GraphReader::op() {
  const Token token = reader_.expect(TokenKind::word, "an op");
  if (const std::optional<OpKind> known = find_op(token.text)) return *known;
  reader_.fail(token, "unknown op " + describe(token) + did_you_mean(token.text, op_names()));
}

/// `input "x" : f32[2]`, and the same for states.
void GraphReader::port(Node& node) {
  std::string name = reader_.string("the name in quotes");
  reader_.expect(":");
  TensorType type = reader_.type();
  node.attributes = pack(Input::Attrs{std::move(name), type.dtype, type.shape});
  node.results = {std::move(type)};
  if (reader_.accept("at")) node.path = reader_.string("a layer path in quotes");
}

/// `constant CONTENTS : f32[2]`
void GraphReader::constant(Node& node) {
  const Contents contents = read_contents(reader_);
  reader_.expect(":");
  const TensorType type = reader_.type();
  node.attributes = pack(Constant::Attrs{to_tensor(reader_, contents, type)});
  node.results = {type};
  if (reader_.accept("at")) node.path = reader_.string("a layer path in quotes");
}

/// `OP %0, %1.1 {name = value} : TYPES at "path" { body }`
void GraphReader::operation(Node& node) {
  const OpInfo& op = info(node.kind);
  operands(node);
  node.attributes = attributes(op);
  std::optional<std::vector<TensorType>> written;
  Token types_token;
  if (reader_.accept(":")) {
    types_token = reader_.peek();
    written = result_types();
  }
  if (reader_.accept("at")) node.path = reader_.string("a layer path in quotes");
  if (op.form == Form::region) node.body = read_body(reader_, depth_ + 1);
  try {
    check_operand_count(op, node.operands.size());
    node.attributes = canonical_attributes(node.kind, node.attributes);
    if (op.form == Form::external && written) node.results = *written;
    node.results = inferred_results(graph_, node);
  } catch (const Error& e) {
    reader_.fail(statement_, str(op.name, ": ", e.what()));
  }
  if (written) check_results(node, types_token, *written);
}

void GraphReader::check_results(const Node& node, const Token& at, const std::vector<TensorType>& written) {
  if (written == node.results) return;
  reader_.fail(at, str(context_, ": expected the type ", list_text(node.results), ", got ", list_text(written)));
}

void GraphReader::operands(Node& node) {
  if (reader_.peek().kind != TokenKind::value) return;
  do node.operands.push_back(value());
  while (reader_.accept(","));
}

Attributes GraphReader::attributes(const OpInfo& op) {
  std::vector<Attribute> items;
  if (!reader_.peek_is("{") || (op.form == Form::region && op.attribute_names.empty())) return {};
  reader_.list("{", "}", [&] {
    const Token name = reader_.expect(TokenKind::word, "an attribute");
    if (std::ranges::find(op.attribute_names, name.text) == op.attribute_names.end()) {
      reader_.fail(name, str("unknown attribute ", describe(name), " of ", op.name,
                             did_you_mean(name.text, op.attribute_names)));
    }
    for (const Attribute& other : items)
      if (other.name == name.text) reader_.fail(name, str("attribute ", describe(name), " is given twice"));
    reader_.expect("=");
    items.push_back({std::string(name.text), attribute_value()});
  });
  return Attributes(std::move(items));
}

AttributeValue GraphReader::attribute_value() {
  const Token& next = reader_.peek();
  if (next.kind == TokenKind::string) return reader_.string("a string");
  if (next.kind == TokenKind::number || reader_.peek_is("inf") || reader_.peek_is("nan")) return number();
  if (reader_.peek_is("[")) return reader_.ints();
  if (reader_.peek_is("<")) return reader_.shape("<", ">");
  if (reader_.accept("true")) return true;
  if (reader_.accept("false")) return false;
  if (next.kind != TokenKind::word) reader_.fail_expected("a value");
  const DType dtype = reader_.dtype();
  if (!reader_.peek_is("[")) return dtype;
  const TensorType type{dtype, reader_.shape("[", "]")};
  return to_tensor(reader_, read_contents(reader_), type);
}

AttributeValue GraphReader::number() {
  const Token token = reader_.take();
  if (!is_float_spelling(token.text)) {
    if (const std::optional<std::int64_t> whole = read_integer(token.text)) return *whole;
    reader_.fail(token, "expected an integer of 64 bits, got " + describe(token));
  }
  double value = 0.0;
  std::byte memory[sizeof value] = {};
  if (const auto error = read_element(DType::f64, token.text, memory))
    reader_.fail(token, "expected " + error->expected + ", got " + describe(token));
  std::memcpy(&value, memory, sizeof value);
  return value;
}

std::vector<TensorType> GraphReader::result_types() {
  if (!reader_.peek_is("(")) return {reader_.type()};
  std::vector<TensorType> types;
  reader_.list("(", ")", [&] { types.push_back(reader_.type()); });
  return types;
}

GraphReader::ValueText GraphReader::value_text(const Token& token) const {
  ValueText value;
  const char* const begin = token.text.data();
  const char* const end = begin + token.text.size();
  auto [stop, error] = std::from_chars(begin, end, value.node);
  if (error == std::errc() && stop != end && *stop == '.') {
    const auto result = std::from_chars(stop + 1, end, value.result);
    stop = result.ptr;
    error = result.ec;
  }
  if (error != std::errc() || stop != end)
    reader_.fail(token, "expected a value like %7 or %7.1, got " + describe(token));
  return value;
}

Value GraphReader::value() {
  const Token token = reader_.expect(TokenKind::value, "a value like %7");
  const ValueText text = value_text(token);
  const auto found = ids_.find(text.node);
  if (found == ids_.end()) reader_.fail(token, str("%", text.node, " is used before it is defined"));
  const std::size_t results = graph_.node(found->second).results.size();
  if (text.result >= results)
    reader_.fail(token, str("%", text.node, " has ", results, " results, got ", describe(token)));
  return {found->second, text.result};
}

/// `update %1 = %9`
void GraphReader::update() {
  reader_.take();
  statement_ = reader_.peek();
  const Value state = value();
  reader_.expect("=");
  const Update update{state.node, value()};
  rules_.update(update);
  graph_.set_update(update.state, update.value);
}

/// `return %4 "y", %7.1 "second"`
void GraphReader::outputs() {
  reader_.take();
  do {
    statement_ = reader_.peek();
    const Value result = value();
    const Output output{reader_.string("the output's name in quotes"), result};
    rules_.output(output);
    graph_.add_output(output.name, output.value);
  } while (reader_.accept(","));
}

}  // namespace

Graph read_graph(Reader& reader) {
  reader.expect("graph");
  std::optional<std::string> name = reader.name();
  if (!name) reader.fail_expected("the graph's name, like @main");
  return GraphReader(reader, *std::move(name), 0).read();
}

std::shared_ptr<const Graph> read_body(Reader& reader, int depth) {
  std::string name = reader.name().value_or("main");
  return std::make_shared<const Graph>(GraphReader(reader, std::move(name), depth).read());
}

}  // namespace sinter::ir::text

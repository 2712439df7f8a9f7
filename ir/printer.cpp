// From graphs and programs to text. Whatever is well formed reads back as it was; what is not is printed as well as it
// can be, because dumps are most wanted when something is wrong.

#include <algorithm>
#include <optional>

#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>

#include "rules.h"
#include "text/contents.h"
#include "text/literals.h"
#include "text/schedule_fields.h"

namespace sinter::ir {

namespace {

template <class... Visit>
struct Overloaded : Visit... {
  using Visit::operator()...;
};

std::string name_text(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return "@" + (!name.empty() && std::ranges::all_of(name, plain) ? name : text::quote(name));
}

std::string value_text(const Graph& graph, Value v) {
  std::string out = "%" + std::to_string(v.node);
  const bool one = v.node < graph.size() && graph.node(v).results.size() == 1;
  return one && v.result == 0 ? out : out + "." + std::to_string(v.result);
}

template <class Items, class Text>
std::string joined(const Items& items, Text text) {
  std::string out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ", ";
    first = false;
    out += text(item);
  }
  return out;
}

std::string attribute_text(const AttributeValue& value) {
  return std::visit(Overloaded{
                        [](bool v) { return std::string(v ? "true" : "false"); },
                        [](std::int64_t v) { return std::to_string(v); },
                        [](double v) { return text::double_text(v); },
                        [](const std::string& v) { return text::quote(v); },
                        [](DType v) { return std::string(to_string(v)); },
                        [](const Ints& v) { return to_string(std::span<const std::int64_t>(v)); },
                        [](const Shape& v) {
                          const std::string list = to_string(v);
                          return "<" + list.substr(1, list.size() - 2) + ">";
                        },
                        [](const TensorData& v) { return to_string(v.type) + " " + text::contents_text(v); },
                    },
                    value);
}

class Printer {
 public:
  std::string take() { return std::move(out_); }

  void header() { line(str("// sinter ", text_version)); }
  void graph(const Graph& g) {
    open("graph " + name_text(g.name()));
    statements(g);
    close();
  }
  void program(const Program& p);

 private:
  void line(const std::string& text) {
    out_.append(2 * static_cast<std::size_t>(depth_), ' ').append(text).append("\n");
  }
  void open(const std::string& text) {
    line(text + " {");
    ++depth_;
  }
  void close() {
    --depth_;
    line("}");
  }

  void statements(const Graph& g);
  void node(const Graph& g, NodeId id);
  void body(const std::string& before, const Graph& body) {
    open(body.name() == "main" ? before : before + " " + name_text(body.name()));
    statements(body);
    close();
  }
  void buffer(const Buffer& b, BufferId id);
  void items(const std::vector<Item>& items);
  void kernel(const Kernel& k);

  std::string out_;
  int depth_ = 0;
};

/// `"x"` or the contents, for nodes that the short spelling says everything about.
std::optional<std::string> short_form(const Node& n) {
  if (n.results.size() != 1 || !n.operands.empty() || n.body) return std::nullopt;
  const TensorType& type = n.results[0];
  if (n.kind == kind_of<Constant>()) {
    const AttributeValue* value = n.attributes.find("value");
    const auto* data = value == nullptr ? nullptr : std::get_if<TensorData>(value);
    if (data == nullptr || data->type != type || n.attributes.items().size() != 1) return std::nullopt;
    return text::contents_text(*data);
  }
  if (n.kind != kind_of<Input>() && n.kind != kind_of<State>()) return std::nullopt;
  const AttributeValue* value = n.attributes.find("name");
  const auto* name = value == nullptr ? nullptr : std::get_if<std::string>(value);
  if (name == nullptr || n.attributes != pack(Input::Attrs{*name, type.dtype, type.shape})) return std::nullopt;
  return text::quote(*name);
}

std::string long_form(const Graph& g, const Node& n) {
  std::string out = joined(n.operands, [&](Value v) { return value_text(g, v); });
  if (n.attributes.empty()) return out;
  return out + (out.empty() ? "{" : " {") +
         joined(n.attributes.items(), [](const Attribute& a) { return a.name + " = " + attribute_text(a.value); }) +
         "}";
}

std::string types_text(const std::vector<TensorType>& types) {
  if (types.size() == 1) return to_string(types[0]);
  return "(" + joined(types, [](const TensorType& t) { return to_string(t); }) + ")";
}

void Printer::node(const Graph& g, NodeId id) {
  const Node& n = g.node(id);
  const std::optional<std::string> brief = short_form(n);
  const std::string rest = brief ? *brief : long_form(g, n);
  std::string text = str("%", id, " = ", op_name(n.kind), rest.empty() ? "" : " ", rest, " : ", types_text(n.results));
  if (!n.path.empty()) text += " at " + text::quote(n.path);
  if (n.body) {
    body(text, *n.body);
  } else {
    line(text);
  }
}

void Printer::statements(const Graph& g) {
  for (NodeId id = 0; id < g.size(); ++id) node(g, id);
  for (const Update& u : g.updates()) line(str("update %", u.state, " = ", value_text(g, u.value)));
  if (g.outputs().empty()) return;
  line("return " +
       joined(g.outputs(), [&](const Output& o) { return value_text(g, o.value) + " " + text::quote(o.name); }));
}

void Printer::buffer(const Buffer& b, BufferId id) {
  const bool named =
      !b.name.empty() || b.kind == BufferKind::input || b.kind == BufferKind::state || b.kind == BufferKind::output;
  std::string text = str("%b", id, " = ", to_string(b.kind));
  if (named) text += " " + text::quote(b.name);
  if (b.kind == BufferKind::slice) text += str(" %b", b.of);
  if (b.kind == BufferKind::arena || b.kind == BufferKind::strip || b.offset != 0) text += str(" offset ", b.offset);
  if (b.kind == BufferKind::slice) text += str(" stride ", b.stride, " depth ", b.depth);
  if (b.kind == BufferKind::constant) text += " " + text::contents_text(b.data);
  line(text + " : " + to_string(b.type));
}

std::string schedule_text(const Schedule& s) {
  std::string out = str("{form = ", to_string(s.form));
  const Schedule standard;
  text::for_each_choice([&](std::string_view name, auto member) {
    if (s.*member != standard.*member) out += str(", ", name, " = ", attribute_text(s.*member));
  });
  return out + "}";
}

void Printer::kernel(const Kernel& k) {
  const auto ids = [](const std::vector<BufferId>& list) {
    return "(" + joined(list, [](BufferId id) { return str("%b", id); }) + ")";
  };
  std::string text =
      str("kernel ", text::quote(k.name), " ", ids(k.inputs), " -> ", ids(k.outputs), " ", schedule_text(k.schedule));
  if (!k.ahead.empty())
    text +=
        " ahead (" + joined(k.ahead, [](const Ahead& a) { return str("%b", a.buffer, a.next ? " next" : ""); }) + ")";
  if (!k.note.empty()) text += " note " + text::quote(k.note);
  if (k.body) {
    body(text, *k.body);
  } else {
    line(text);
  }
}

void Printer::items(const std::vector<Item>& items) {
  for (const Item& item : items) {
    std::visit(Overloaded{
                   [&](const Kernel& k) { kernel(k); },
                   [&](const Barrier&) { line("barrier"); },
                   [&](const Strips& s) {
                     open(str("strips ", s.count));
                     for (const Kernel& k : s.kernels) kernel(k);
                     close();
                   },
                   [&](const std::shared_ptr<const Loop>& l) {
                     open(str("for ", l->count));
                     this->items(l->items);
                     close();
                   },
               },
               item);
  }
}

void Printer::program(const Program& p) {
  open("program " + name_text(p.name));
  line(str("arena ", p.arena_bytes, " bytes, lower bound ", p.arena_lower_bound, " bytes"));
  for (BufferId id = 0; id < p.buffers.size(); ++id) buffer(p.buffers[id], id);
  items(p.items);
  close();
}

}  // namespace

std::string print(const Graph& graph) {
  Printer printer;
  printer.header();
  printer.graph(graph);
  return printer.take();
}

std::string print(const Program& program) {
  Printer printer;
  printer.header();
  printer.program(program);
  return printer.take();
}

}  // namespace sinter::ir

#include "text/program_reader.h"

#include <algorithm>
#include <type_traits>
#include <unordered_map>

#include <sinter/ir/near_matches.h>

#include "rules.h"
#include "text/contents.h"
#include "text/graph_reader.h"
#include "text/literals.h"
#include "text/schedule_fields.h"

namespace sinter::ir::text {

namespace {

/// Kernels and buffers are checked as they are read; the memory plan is not (plan_checker.h), so that a broken plan can
/// be read and looked at.
class ProgramReader {
 public:
  explicit ProgramReader(Reader& reader)
      : reader_(reader), rules_(program_, [this](const std::string& what) { reader_.fail(statement_, what); }) {}

  Program read();

 private:
  void arena();
  void buffer();
  BufferKind buffer_kind();
  void items(std::vector<Item>& into, int depth);
  Item item(int depth);
  Kernel kernel();
  Ahead ahead(std::int64_t strips);
  Schedule schedule();
  void choice(Schedule& schedule);
  KernelForm form();
  Loop loop(int depth);
  Strips strips();
  void movement(Buffer& slice);
  BufferId buffer_id();
  std::vector<BufferId> buffer_ids();

  Reader& reader_;
  Program program_;
  std::unordered_map<std::string_view, BufferId> ids_;
  Token statement_;
  ProgramRules rules_;
};

template <class Enum, std::size_t N>
std::vector<std::string_view> names_of(const Enum (&known)[N]) {
  std::vector<std::string_view> names;
  for (const Enum e : known) names.push_back(to_string(e));
  return names;
}

Program ProgramReader::read() {
  reader_.expect("program");
  std::optional<std::string> name = reader_.name();
  if (!name) reader_.fail_expected("the program's name, like @main");
  program_.name = *std::move(name);
  reader_.expect("{");
  if (reader_.accept("arena")) arena();
  while (reader_.peek().kind == TokenKind::value) buffer();
  items(program_.items, 0);
  return std::move(program_);
}

/// `arena 128 bytes, lower bound 64 bytes`
void ProgramReader::arena() {
  program_.arena_bytes = reader_.integer(0);
  for (const std::string_view word : {"bytes", ",", "lower", "bound"}) reader_.expect(word);
  program_.arena_lower_bound = reader_.integer(0);
  reader_.expect("bytes");
}

/// `%b0 = KIND ["name"] [OF] [offset N] [stride N depth N] [CONTENTS] : TYPE`
void ProgramReader::buffer() {
  const Token id = reader_.take();
  if (ids_.contains(id.text)) reader_.fail(id, describe(id) + " is defined twice");
  reader_.expect("=");
  statement_ = reader_.peek();
  Buffer b;
  b.kind = buffer_kind();
  if (reader_.peek().kind == TokenKind::string) b.name = reader_.string("a name");
  if (b.kind == BufferKind::slice) b.of = buffer_id();
  if (reader_.accept("offset")) b.offset = reader_.integer();
  if (b.kind == BufferKind::slice) movement(b);
  std::optional<Contents> contents;
  if (b.kind == BufferKind::constant) contents = read_contents(reader_);
  reader_.expect(":");
  b.type = reader_.type();
  if (contents) b.data = to_tensor(reader_, *contents, b.type);
  const auto dense = static_cast<BufferId>(program_.buffers.size());
  program_.buffers.push_back(std::move(b));
  ids_.emplace(id.text, dense);
  rules_.buffer(dense);
}

BufferKind ProgramReader::buffer_kind() {
  const Token token = reader_.expect(TokenKind::word, "a kind of buffer");
  if (const auto kind = find_spelled(buffer_kinds, token.text)) return *kind;
  reader_.fail(token, "unknown kind of buffer " + describe(token) + did_you_mean(token.text, names_of(buffer_kinds)));
}

/// Items up to and including the closing brace.
void ProgramReader::items(std::vector<Item>& into, int depth) {
  if (depth > deepest_nesting) reader_.fail_expected(str("at most ", deepest_nesting, " nested loops"));
  while (!reader_.accept("}")) into.push_back(item(depth));
}

Item ProgramReader::item(int depth) {
  if (reader_.accept("barrier")) return Barrier{};
  if (reader_.peek_is("kernel")) return kernel();
  if (reader_.accept("strips")) return strips();
  if (reader_.accept("for")) return std::make_shared<const Loop>(loop(depth));
  reader_.fail_expected("'kernel', 'barrier', 'strips', 'for' or '}'");
}

/// `for 4 { ... }`
Loop ProgramReader::loop(int depth) {
  Loop l;
  l.count = reader_.integer(1);
  reader_.expect("{");
  rules_.enter_loop(l.count);
  items(l.items, depth + 1);
  rules_.leave_loop();
  return l;
}

/// `strips 8 { kernel ... }`
Strips ProgramReader::strips() {
  Strips s;
  s.count = reader_.integer(1);
  reader_.expect("{");
  statement_ = reader_.peek();
  rules_.enter_strips(s.count);
  while (!reader_.accept("}")) s.kernels.push_back(kernel());
  rules_.leave_strips();
  rules_.strips(s);
  return s;
}

/// `kernel "name" (%b0) -> (%b1) {form = row, lanes = 16} note "..." { body }`
Kernel ProgramReader::kernel() {
  statement_ = reader_.take();
  Kernel k;
  k.name = reader_.string("the kernel's name in quotes");
  k.inputs = buffer_ids();
  reader_.expect("->");
  k.outputs = buffer_ids();
  k.schedule = schedule();
  if (reader_.accept("ahead")) reader_.list("(", ")", [&] { k.ahead.push_back(ahead(k.schedule.strips)); });
  if (reader_.accept("note")) k.note = reader_.string("a note in quotes");
  k.body = read_body(reader_, 1);
  rules_.kernel(k);
  return k;
}

/// `%b3 next`
Ahead ProgramReader::ahead(std::int64_t strips) {
  Ahead a;
  a.buffer = buffer_id();
  a.next = reader_.accept("next");
  a.bytes = program_.buffers[a.buffer].type.bytes() / strips;
  return a;
}

/// `stride 128 depth 0`
void ProgramReader::movement(Buffer& slice) {
  reader_.expect("stride");
  slice.stride = reader_.integer();
  reader_.expect("depth");
  slice.depth = static_cast<int>(std::min<std::int64_t>(reader_.integer(0), deepest_nesting + 1));
}

BufferId ProgramReader::buffer_id() {
  const Token token = reader_.expect(TokenKind::value, "a buffer like %b0");
  const auto found = ids_.find(token.text);
  if (found == ids_.end()) reader_.fail(token, "unknown buffer " + describe(token));
  return found->second;
}

std::vector<BufferId> ProgramReader::buffer_ids() {
  std::vector<BufferId> ids;
  reader_.list("(", ")", [&] { ids.push_back(buffer_id()); });
  return ids;
}

Schedule ProgramReader::schedule() {
  Schedule s;
  reader_.list("{", "}", [&] { choice(s); });
  return s;
}

void ProgramReader::choice(Schedule& schedule) {
  const Token name = reader_.expect(TokenKind::word, "a choice of the schedule");
  reader_.expect("=");
  if (name.text == "form") {
    schedule.form = form();
    return;
  }
  bool found = false;
  std::vector<std::string_view> names = {"form"};
  for_each_choice([&](std::string_view field, auto member) {
    names.push_back(field);
    if (field != name.text) return;
    found = true;
    if constexpr (std::is_same_v<decltype(member), bool Schedule::*>) {
      schedule.*member = reader_.accept("true");
      if (!(schedule.*member)) reader_.expect("false");
    } else {
      schedule.*member = reader_.integer(1);
    }
  });
  if (!found) reader_.fail(name, "unknown choice " + describe(name) + did_you_mean(name.text, names));
}

KernelForm ProgramReader::form() {
  const Token token = reader_.expect(TokenKind::word, "a form");
  if (const auto known = find_spelled(kernel_forms, token.text)) return *known;
  reader_.fail(token, "unknown form " + describe(token) + did_you_mean(token.text, names_of(kernel_forms)));
}

}  // namespace

Program read_program(Reader& reader) { return ProgramReader(reader).read(); }

}  // namespace sinter::ir::text

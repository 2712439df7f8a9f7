#include "text/reader.h"

#include <sinter/ir/near_matches.h>

#include "text/literals.h"

namespace sinter::ir::text {

void Reader::fail_expected(std::string_view what) const {
  fail(peek(), str("expected ", what, ", got ", describe(peek())));
}

bool Reader::peek_is(std::string_view word) const {
  const Token& t = peek();
  return (t.kind == TokenKind::word || t.kind == TokenKind::punctuation) && t.text == word;
}

bool Reader::accept(std::string_view word) {
  if (!peek_is(word)) return false;
  take();
  return true;
}

void Reader::expect(std::string_view word) {
  if (!accept(word)) fail_expected(str("'", word, "'"));
}

Token Reader::expect(TokenKind kind, std::string_view what) {
  if (peek().kind != kind) fail_expected(what);
  return take();
}

std::string Reader::string(std::string_view what) {
  const Token token = expect(TokenKind::string, what);
  std::optional<std::string> text = unquote(token.text);
  if (!text) fail(token, "expected escapes \\\" \\\\ \\n \\t \\r or \\xNN, got " + describe(token));
  return *std::move(text);
}

std::optional<std::string> Reader::name() {
  if (peek().kind != TokenKind::name) return std::nullopt;
  const Token token = take();
  std::optional<std::string> text = unquote(token.text);
  if (!text) fail(token, "expected escapes \\\" \\\\ \\n \\t \\r or \\xNN, got " + describe(token));
  return text;
}

std::int64_t Reader::integer(std::int64_t low, std::int64_t high) {
  const Token token = expect(TokenKind::number, "an integer");
  const std::optional<std::int64_t> value = read_integer(token.text);
  if (!value) fail(token, "expected an integer, got " + describe(token));
  if (*value < low || *value > high) fail(token, str("expected an integer from ", low, " to ", high, ", got ", *value));
  return *value;
}

Ints Reader::ints() {
  Ints values;
  list("[", "]", [&] { values.push_back(integer()); });
  return values;
}

Shape Reader::shape(std::string_view open, std::string_view close) {
  const Token start = peek();
  Ints extents;
  list(open, close, [&] { extents.push_back(integer(0)); });
  return located(start, [&] { return Shape(std::move(extents)); });
}

DType Reader::dtype() {
  const Token token = expect(TokenKind::word, "a dtype");
  if (const std::optional<DType> known = parse_dtype(token.text)) return *known;
  std::vector<std::string_view> names;
  for (const DType d : all_dtypes) names.push_back(to_string(d));
  fail(token, "expected a dtype, got " + describe(token) + did_you_mean(token.text, names));
}

TensorType Reader::type() {
  const DType element = dtype();
  return {element, shape("[", "]")};
}

}  // namespace sinter::ir::text

#include "text/lexer.h"

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/text.h>

namespace sinter::ir::text {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

constexpr std::string_view single_punctuation = "{}[]()<>,:=";
constexpr std::string_view header = "// sinter ";
constexpr std::size_t longest_shown = 40;

}  // namespace

Lexer::Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) {
  check_version();
  next_ = scan();
}

Token Lexer::take() {
  const Token taken = next_;
  if (taken.kind != TokenKind::end) next_ = scan();
  return taken;
}

void Lexer::fail_at(std::size_t offset, const std::string& message) const {
  const std::string_view before = text_.substr(0, offset);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 = 0
  user_error(file_, ":", line, ":", offset - line_begin + 1, ": ", message);
}

/// A file may leave the header out; one that names another version is refused.
void Lexer::check_version() const {
  if (!text_.starts_with(header)) return;
  const std::string_view line = text_.substr(0, text_.find('\n'));
  std::string_view version = line.substr(header.size());
  while (!version.empty() && (version.back() == ' ' || version.back() == '\r')) version.remove_suffix(1);
  if (version == std::to_string(text_version)) return;
  fail_at(header.size(), str("expected text version ", text_version, ", got '", version.substr(0, longest_shown), "'"));
}

void Lexer::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '/' && at(position_ + 1) == '/') {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++position_;
    } else {
      return;
    }
  }
}

Token Lexer::finish(TokenKind kind, std::size_t begin, std::size_t skip, std::size_t end) {
  position_ = end;
  return {kind, text_.substr(begin + skip, end - begin - skip), begin};
}

Token Lexer::scan() {
  skip_space();
  const std::size_t begin = position_;
  if (begin >= text_.size()) return {TokenKind::end, {}, text_.size()};
  const char c = text_[begin];
  std::size_t end = begin + 1;
  if (c == '"') return scan_string(begin);
  if (is_digit(c) || (c == '-' && is_word(at(end)))) return scan_number(begin);
  if (c == '-' && at(end) == '>') return finish(TokenKind::punctuation, begin, 0, end + 1);
  if (single_punctuation.find(c) != std::string_view::npos) return finish(TokenKind::punctuation, begin, 0, end);
  if (c == '@' && at(end) == '"') {
    const Token quoted = scan_string(end);
    return {TokenKind::name, quoted.text, begin};
  }
  const bool sigil = c == '%' || c == '@';
  if (!sigil && !is_letter(c)) fail_at(begin, str("expected a token, got '", c, "'"));
  while (is_word(at(end)) || (sigil && at(end) == '.' && is_word(at(end + 1)))) ++end;
  if (sigil && end == begin + 1) fail_at(begin, str("expected a name after '", c, "'"));
  const TokenKind kind = c == '%' ? TokenKind::value : c == '@' ? TokenKind::name : TokenKind::word;
  return finish(kind, begin, sigil ? 1 : 0, end);
}

Token Lexer::scan_string(std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
  if (end >= text_.size() || text_[end] != '"') fail_at(begin, "expected a closing '\"' on the same line");
  Token token = finish(TokenKind::string, begin, 1, end);
  ++position_;
  return token;
}

Token Lexer::scan_number(std::size_t begin) {
  std::size_t end = begin + (text_[begin] == '-' ? 1 : 0);
  const bool hex = at(end) == '0' && at(end + 1) == 'x';
  const auto exponent_sign = [&] {
    return (at(end) == '+' || at(end) == '-') && (at(end - 1) == 'e' || at(end - 1) == 'E') && !hex;
  };
  while (is_word(at(end)) || at(end) == '.' || exponent_sign()) ++end;
  return finish(TokenKind::number, begin, 0, end);
}

std::string describe(const Token& token) {
  if (token.kind == TokenKind::end) return "end of file";
  std::string shown(token.text.substr(0, longest_shown));
  if (token.text.size() > longest_shown) shown += "...";
  switch (token.kind) {
    case TokenKind::string: return "\"" + shown + "\"";
    case TokenKind::value: return "'%" + shown + "'";
    case TokenKind::name: return "'@" + shown + "'";
    default: return "'" + shown + "'";
  }
}

}  // namespace sinter::ir::text

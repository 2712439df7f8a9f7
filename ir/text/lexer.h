#pragma once
// Tokens of the text form, made on demand. Private to ir.

#include <cstddef>
#include <string>
#include <string_view>

namespace sinter::ir::text {

enum class TokenKind : unsigned char {
  end,
  word,         // add, f32, true, inf
  number,       // 12, -0.5e-3, -inf, 0x7fc00001
  string,       // "..."; text holds what stands between the quotes, escapes as written
  value,        // %7, %7.1, %b0; text without the %
  name,         // @train, @"any name"; text without the @
  punctuation,  // { } [ ] ( ) < > , : = ->
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  std::size_t offset = 0;  // of its first character in the file
};

/// Reads tokens from left to right with one token of lookahead. Space, line ends and `// comments` only separate.
class Lexer {
 public:
  /// Both views must outlive the lexer.
  Lexer(std::string_view text, std::string_view file);

  const Token& peek() const { return next_; }
  Token take();
  /// Throws UserError "FILE:LINE:COLUMN: message" for the place of `token`. Columns count bytes from 1.
  [[noreturn]] void fail(const Token& token, const std::string& message) const { fail_at(token.offset, message); }

 private:
  [[noreturn]] void fail_at(std::size_t offset, const std::string& message) const;
  void check_version() const;
  void skip_space();
  Token scan();
  Token scan_string(std::size_t begin);
  Token scan_number(std::size_t begin);
  char at(std::size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  Token finish(TokenKind kind, std::size_t begin, std::size_t skip, std::size_t end);

  std::string_view text_;
  std::string_view file_;
  std::size_t position_ = 0;
  Token next_;
};

/// How an error message shows a token: 'add', "a string", end of file.
std::string describe(const Token& token);

}  // namespace sinter::ir::text

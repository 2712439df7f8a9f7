#pragma once
// What every rule of the grammar uses: expect, accept and fail over tokens, and the small rules shared by graphs and
// programs. Private to ir.

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/error.h>
#include <sinter/ir/type.h>

#include "text/lexer.h"

namespace sinter::ir::text {

/// Bodies and loops may be nested this deep; the readers recurse.
inline constexpr int deepest_nesting = 64;

class Reader {
 public:
  Reader(std::string_view text, std::string_view file) : lexer_(text, file) {}

  const Token& peek() const { return lexer_.peek(); }
  Token take() { return lexer_.take(); }
  [[noreturn]] void fail(const Token& at, const std::string& message) const { lexer_.fail(at, message); }
  /// "expected WHAT, got TOKEN" at the next token.
  [[noreturn]] void fail_expected(std::string_view what) const;

  /// Whether the next token is this word or punctuation.
  bool peek_is(std::string_view word) const;
  /// Takes the next token if it is this word or punctuation.
  bool accept(std::string_view word);
  void expect(std::string_view word);
  Token expect(TokenKind kind, std::string_view what);

  /// A string with its escapes replaced.
  std::string string(std::string_view what);
  /// @name, or nothing.
  std::optional<std::string> name();
  std::int64_t integer(std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t high = std::numeric_limits<std::int64_t>::max());
  /// Items between `open` and `close`, separated by commas; `open` is still to come.
  template <std::invocable Item>
  void list(std::string_view open, std::string_view close, Item item) {
    expect(open);
    if (accept(close)) return;
    do item();
    while (accept(","));
    expect(close);
  }
  /// [1, -2]
  Ints ints();
  /// Extents between `open` and `close`.
  Shape shape(std::string_view open, std::string_view close);
  DType dtype();
  TensorType type();
  /// Runs `action`; a UserError it throws gets the place of `at` in front of its message.
  template <class Action>
  auto located(const Token& at, Action action) {
    try {
      return action();
    } catch (const UserError& e) {
      fail(at, e.what());
    }
  }

 private:
  Lexer lexer_;
};

}  // namespace sinter::ir::text

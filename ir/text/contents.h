#pragma once
// The contents of tensors in text: a number, a list, `splat NUMBER` or `base64 "..."`. Private to ir.

#include <string>

#include <sinter/ir/attributes.h>

#include "text/reader.h"

namespace sinter::ir::text {

/// Short contents as (nested) lists; long ones as splat when all elements have the same bits, else as base64.
std::string contents_text(const TensorData& data);

/// Contents as written, before their type is known.
struct Contents {
  enum class Style : unsigned char { scalar, list, splat, base64 };
  Style style = Style::scalar;
  Token start;
  std::vector<Token> elements;
  Ints extents;  // of the nesting; -1 where no list told
};

Contents read_contents(Reader& reader);
/// Fails at the offending token when the contents do not fit the type.
TensorData to_tensor(const Reader& reader, const Contents& contents, const TensorType& type);

}  // namespace sinter::ir::text

#pragma once
// The grammar of a program. Private to ir.

#include <sinter/ir/program.h>

#include "text/reader.h"

namespace sinter::ir::text {

/// `program @name { ... }`
Program read_program(Reader& reader);

}  // namespace sinter::ir::text

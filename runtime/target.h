#pragma once
// Targets made from others, for tests and for code that must run elsewhere.

#include <string_view>

#include <sinter/ir/target.h>

namespace sinter::runtime {

/// Derives vector width, registers and masked memory from the triple and the feature list.
void set_vector_properties(ir::Target& target);

/// A poorer machine of the same kind, whose code runs on the same processor: "avx2" takes AVX-512 and AMX away,
/// "baseline" everything beyond what the architecture guarantees. Throws UserError for another name.
ir::Target restrict_target(ir::Target target, std::string_view level);

}  // namespace sinter::runtime

#pragma once
// The fields of a Schedule, listed once for printing, parsing and comparing. Private to ir.

#include <optional>
#include <string_view>

#include <sinter/ir/program.h>

namespace sinter::ir::text {

/// Calls visit(name, member) for every field after the form.
template <class Visit>
void for_each_choice(Visit visit) {
  visit("lanes", &Schedule::lanes);
  visit("unroll", &Schedule::unroll);
  visit("tile_rows", &Schedule::tile_rows);
  visit("tile_vectors", &Schedule::tile_vectors);
  visit("swap", &Schedule::swap);
  visit("pack_vectors", &Schedule::pack_vectors);
  visit("pack_rows", &Schedule::pack_rows);
  visit("part", &Schedule::part);
  visit("block_rows", &Schedule::block_rows);
  visit("prefetch", &Schedule::prefetch);
  visit("trail", &Schedule::trail);
  visit("parallel", &Schedule::parallel);
  visit("strips", &Schedule::strips);
  visit("strip_terms", &Schedule::strip_terms);
}

inline constexpr KernelForm kernel_forms[] = {KernelForm::pointwise, KernelForm::row,     KernelForm::column,
                                              KernelForm::contract,  KernelForm::scatter, KernelForm::external};
inline constexpr BufferKind buffer_kinds[] = {BufferKind::arena, BufferKind::input,    BufferKind::output,
                                              BufferKind::state, BufferKind::constant, BufferKind::derived,
                                              BufferKind::slice, BufferKind::strip};

/// The one of `known` that is spelled `name`.
template <class Enum, std::size_t N>
std::optional<Enum> find_spelled(const Enum (&known)[N], std::string_view name) {
  for (const Enum e : known)
    if (to_string(e) == name) return e;
  return std::nullopt;
}

}  // namespace sinter::ir::text

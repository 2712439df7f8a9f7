#include <sinter/passes/registry.h>

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>
#include <sinter/passes/differentiate.h>
#include <sinter/passes/fuse.h>
#include <sinter/passes/rewrites.h>

namespace sinter::passes {

namespace {

constexpr Pass passes[] = {
    {"differentiate", "Adds the gradient of output 'loss' for every float state as output 'grad/NAME'.",
     [](const ir::Graph& g) { return differentiate(g); }, true, false},
    {"erase_stop_gradient", "Drops stop_gradient nodes, once nothing is left to differentiate.", erase_stop_gradient},
    {"tidy_loops", "Makes loops over the same operands one loop and drops what nobody reads of it.", tidy_loops},
    {"simplify", "Applies local rewrite rules that keep every bit, until none fits.", simplify},
    {"constant_fold", "Evaluates nodes whose operands are constants, unless the result is bigger than they are.",
     constant_fold},
    {"cse", "Makes equal nodes one node.", cse},
    {"dce", "Drops nodes that no output and no update needs; keeps inputs and states.", dce},
    {"lay_out_factors",
     "Transposes what every turn of a loop multiplies by once before it, where its columns lie apart.",
     lay_out_factors},
    {"fuse", "Joins nodes into kernels, so that values between them need no memory.",
     [](const ir::Graph& g) { return fuse(g); }},
};

// Folding makes new powers of two for simplify, cse makes operands one that rules compare, and rules write nodes anew
// that cse has seen: hence twice. All of it together takes less than a tenth of fuse.
// lay_out_factors sees products in their least form and leaves transposes to the second simplify.
constexpr std::string_view defaults[] = {"erase_stop_gradient",
                                         "tidy_loops",
                                         "simplify",
                                         "constant_fold",
                                         "cse",
                                         "lay_out_factors",
                                         "simplify",
                                         "cse",
                                         "dce",
                                         "tidy_loops",
                                         "fuse"};

}  // namespace

std::span<const Pass> all_passes() { return passes; }
std::span<const std::string_view> default_passes() { return defaults; }

const Pass& find_pass(std::string_view name) {
  for (const Pass& p : passes)
    if (p.name == name) return p;
  std::vector<std::string_view> names;
  for (const Pass& p : passes) names.push_back(p.name);
  user_error("unknown pass '", name, "'", ir::did_you_mean(name, names), " (`sinter passes` lists all)");
}

}  // namespace sinter::passes

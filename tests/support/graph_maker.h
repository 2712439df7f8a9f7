#pragma once
// The state of a random graph under construction.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/ops.h>

#include "support/random_graph.h"
#include "support/random_values.h"

namespace sinter::test {

class GraphMaker {
 public:
  GraphMaker(std::uint64_t seed, const GraphOptions& wanted) : random(seed), options(wanted), graph("random") {}

  /// Every operand is a new input: for graphs of one node.
  bool fresh = false;
  Random random;
  GraphOptions options;
  ir::Graph graph;
  ir::Environment environment;

  /// Makes a value available to later operands.
  ir::Expr keep(const ir::Expr& value);
  const std::vector<ir::Expr>& pool() const { return pool_; }
  bool exhausted() const { return work_ > options.work; }

  ir::Expr new_input(const ir::TensorType& type, const Domain& domain);
  ir::Expr new_state(const ir::TensorType& type, const Domain& domain = {});
  ir::Expr new_constant(const ir::TensorType& type);

  /// An operand of this very type: an existing value, one brought to the type, or a new one.
  ir::Expr operand(const ir::TensorType& type, Domain::Kind kind = Domain::Kind::any);
  /// An operand whose dtype is among `dtypes`; an existing value where there is one that `fits`.
  ir::Expr any_operand(const std::vector<ir::DType>& dtypes, Domain::Kind kind = Domain::Kind::any, int least_rank = 0);
  /// A scalar integer (start position) for an axis of `extent`.
  ir::Expr position(std::int64_t extent);
  /// An integer tensor of positions for an axis of `extent`.
  ir::Expr indices(const ir::Shape& shape, std::int64_t extent);

  ir::Shape random_shape(int least_rank = 0, int most_rank = 4);
  std::int64_t random_extent();
  /// Now and then a length around the boundaries of vectors, lanes and chunks.
  std::int64_t reduced_extent();
  ir::DType pick(const std::vector<ir::DType>& dtypes);
  /// At most options.elements?
  bool fits(const ir::Shape& shape) const { return shape.elements() <= options.elements; }

 private:
  ir::Expr adapted(const ir::TensorType& type);
  Domain domain_of(Domain::Kind kind) const;

  std::vector<ir::Expr> pool_;
  std::int64_t work_ = 0;
  int names_ = 0;
};

/// Appends one node of an op and returns its result.
struct OpGenerator {
  std::string_view op;
  std::function<ir::Expr(GraphMaker&)> make;
};
const std::vector<OpGenerator>& op_generators();

/// Appends a chain of nodes as models and optimizers make them.
struct Pattern {
  std::string_view name;
  void (*make)(GraphMaker&);
  bool smooth;  // fit for checks of gradients
};
const std::vector<Pattern>& patterns();

}  // namespace sinter::test

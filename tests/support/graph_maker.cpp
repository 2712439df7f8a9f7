#include "support/graph_maker.h"

#include <algorithm>

namespace sinter::test {

using ir::DType;
using ir::Expr;
using ir::Shape;
using ir::TensorType;

Expr GraphMaker::keep(const Expr& value) {
  pool_.push_back(value);
  work_ += value.type().elements();
  const ir::Node& node = graph.node(value.value().node);
  if (ir::info(node.kind).accumulators > 0) {
    std::vector<TensorType> types;
    for (const ir::Value& v : node.operands) types.push_back(graph.type(v));
    const ir::Space space = ir::info(node.kind).space(node.attributes, types);
    work_ += value.type().elements() * space.reduced_elements();
  }
  return value;
}

Domain GraphMaker::domain_of(Domain::Kind kind) const {
  if (options.smooth && kind == Domain::Kind::any) return {Domain::Kind::generic, 0};
  return {kind, 0};
}

Expr GraphMaker::new_input(const TensorType& type, const Domain& domain) {
  const std::string name = str("x", names_++);
  environment[name] = ir::NumArray::from(random_data(type, domain, random));
  return keep(ir::input(graph, name, type));
}

Expr GraphMaker::new_state(const TensorType& type, const Domain& domain) {
  const std::string name = str("s", names_++);
  environment[name] = ir::NumArray::from(random_data(type, options.smooth ? domain_of(domain.kind) : domain, random));
  return keep(ir::state(graph, name, type));
}

Expr GraphMaker::new_constant(const TensorType& type) {
  return keep(ir::constant(graph, random_data(type, domain_of(Domain::Kind::any), random)));
}

DType GraphMaker::pick(const std::vector<DType>& dtypes) {
  if (options.smooth && std::find(dtypes.begin(), dtypes.end(), DType::f64) != dtypes.end()) return DType::f64;
  // f32 is what models are made of.
  for (const DType d : dtypes)
    if (d == DType::f32 && random.chance(0.5)) return d;
  return random.pick(dtypes);
}

std::int64_t GraphMaker::random_extent() {
  if (options.empty > 0.0 && random.chance(options.empty)) return 0;
  if (random.chance(0.2)) return 1;
  if (random.chance(0.1)) return random.pick(std::vector<std::int64_t>{15, 16, 17, 31, 33});
  return random.between(2, 9);
}

std::int64_t GraphMaker::reduced_extent() {
  if (options.smooth) return random.between(1, 6);
  const double kind = random.unit();
  if (kind < 0.03) return random.between(1023, 1025);
  if (kind < 0.15) return random.between(63, 65);
  if (kind < 0.3) return random.between(15, 17);
  return random_extent();
}

Shape GraphMaker::random_shape(int least_rank, int most_rank) {
  while (true) {
    ir::Ints dims;
    for (std::int64_t k = random.between(least_rank, most_rank); k > 0; --k)
      dims.push_back(options.smooth ? random.between(1, 4) : random_extent());
    const Shape shape(dims);
    if (fits(shape) && (!options.smooth || shape.elements() <= 24)) return shape;
  }
}

/// An existing value brought to `type` by one op, or an empty Expr.
Expr GraphMaker::adapted(const TensorType& type) {
  std::vector<Expr> found;
  for (const Expr& e : pool_) {
    if (e.dtype() == type.dtype && e.shape() != type.shape && e.type().elements() == type.elements())
      found.push_back(reshape(e, type.shape));
    else if (e.dtype() == type.dtype && e.rank() == 1 && type.rank() > 1 && e.shape()[0] == type.shape[-1])
      found.push_back(broadcast(e, type.shape, {type.rank() - 1}));
    else if (e.dtype() == type.dtype && e.rank() == 0 && type.rank() > 0)
      found.push_back(broadcast(e, type.shape));
    else if (e.shape() == type.shape && e.dtype() != type.dtype && !options.smooth)
      found.push_back(convert(e, type.dtype));
    if (found.size() == 1 && random.chance(0.4)) break;
    if (found.size() == 2) break;
  }
  return found.empty() ? Expr() : keep(found.back());
}

Expr GraphMaker::operand(const TensorType& type, Domain::Kind kind) {
  if (fresh) return new_input(type, domain_of(kind));
  if (options.smooth && kind == Domain::Kind::positive) return keep(ir::softplus(operand(type)) + 0.3);
  std::vector<Expr> found;
  for (const Expr& e : pool_)
    if (e.type() == type) found.push_back(e);
  if (!found.empty() && random.chance(0.8))
    return found[found.size() - 1 -
                 static_cast<std::size_t>(
                     random.below(std::min<std::int64_t>(4, static_cast<std::int64_t>(found.size()))))];
  if (random.chance(0.5))
    if (const Expr e = adapted(type)) return e;
  const double source = random.unit();
  if (source < 0.65 || options.smooth) return new_input(type, domain_of(kind));
  if (source < 0.85) return new_state(type, domain_of(kind));
  return new_constant(type);
}

Expr GraphMaker::any_operand(const std::vector<DType>& dtypes, Domain::Kind kind, int least_rank) {
  if (!fresh && random.chance(0.85)) {
    const auto among = [&](DType d) { return std::find(dtypes.begin(), dtypes.end(), d) != dtypes.end(); };
    const bool only_f64 = options.smooth && among(DType::f64);
    std::vector<Expr> found;
    for (const Expr& e : pool_)
      if (e.rank() >= least_rank && fits(e.shape()) && among(e.dtype()) && (!only_f64 || e.dtype() == DType::f64))
        found.push_back(e);
    if (!found.empty()) {
      // The younger, the likelier: long chains.
      const auto n = static_cast<std::int64_t>(found.size());
      const std::int64_t at = random.chance(0.6) ? n - 1 - random.below(std::min<std::int64_t>(n, 3)) : random.below(n);
      const Expr e = found[static_cast<std::size_t>(at)];
      if (options.smooth && kind == Domain::Kind::positive) return keep(ir::softplus(e) + 0.3);
      return e;
    }
  }
  return operand({pick(dtypes), random_shape(least_rank)}, kind);
}

Expr GraphMaker::position(std::int64_t extent) {
  const DType dtype = random.pick(std::vector{DType::i32, DType::i64, DType::u32, DType::u8});
  return new_input({dtype, {}}, {Domain::Kind::index, std::max<std::int64_t>(extent, 1)});
}

Expr GraphMaker::indices(const Shape& shape, std::int64_t extent) {
  const DType dtype = random.pick(std::vector{DType::i32, DType::i32, DType::i64, DType::u32, DType::u8});
  const Domain::Kind kind = options.smooth ? Domain::Kind::inside : Domain::Kind::index;
  return new_input({dtype, shape}, {kind, std::max<std::int64_t>(extent, 1)});
}

}  // namespace sinter::test

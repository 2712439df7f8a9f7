// What is made before a moment and read after it is either kept, which costs its bytes, or made again after the moment
// from what is kept, which costs the time of its kernel, at a price of so many bytes per second. A kernel that runs
// again needs its own operands after the moment, so these are kept or made again too. The cheapest choice is a minimum
// cut of this network; what lies on the side of the source is
//
//   need(v)   v is needed after the moment       source -> need(v): infinite, if a kernel after the moment reads v
//   again(k)  kernel k runs again                again(k) -> sink: price * seconds of k (infinite: it may not)
//
//   need(v) -> again(k), k makes v: the bytes of v, paid when v is needed and not made again; infinite for a view,
//                                   which is nothing without what it shows
//   again(k) -> need(v), k reads v: infinite
//
// As the price falls the sets only grow, so the right price is found by bisection. Boykov and Kolmogorov's algorithm
// is made for such shallow networks.

#include "recompute_cut.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>

#include "anti_dependence.h"

namespace sinter::passes {

using ir::Graph;
using ir::NodeId;
using ir::Value;

namespace {

using Capacity = std::int64_t;
constexpr Capacity infinite = std::numeric_limits<Capacity>::max() / 4;

/// A flow network on numbered vertices; 0 is the source, 1 the sink.
class Network {
 public:
  static constexpr std::size_t source = 0, sink = 1;

  explicit Network(std::size_t vertices) : graph_(vertices) {}

  using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
  using Edge = Traits::edge_descriptor;

  Edge connect(std::size_t from, std::size_t to, Capacity capacity) {
    const Edge forward = boost::add_edge(from, to, graph_).first;
    const Edge back = boost::add_edge(to, from, graph_).first;
    graph_[forward] = {capacity, 0, back};
    graph_[back] = {0, 0, forward};
    return forward;
  }
  void set_capacity(Edge edge, Capacity capacity) { graph_[edge].capacity = capacity; }

  /// By vertex: whether it is on the source's side of the smallest minimum cut.
  std::vector<char> source_side() {
    std::vector<boost::default_color_type> colour(boost::num_vertices(graph_));
    std::vector<Edge> tree(colour.size());
    std::vector<Capacity> distance(colour.size());
    const auto index = boost::get(boost::vertex_index, graph_);
    boost::boykov_kolmogorov_max_flow(graph_, boost::get(&Pipe::capacity, graph_), boost::get(&Pipe::residual, graph_),
                                      boost::get(&Pipe::back, graph_),
                                      boost::make_iterator_property_map(tree.begin(), index),
                                      boost::make_iterator_property_map(colour.begin(), index),
                                      boost::make_iterator_property_map(distance.begin(), index), index, source, sink);
    std::vector<char> side;
    for (const boost::default_color_type c : colour) side.push_back(c == boost::black_color ? 1 : 0);
    return side;
  }

 private:
  struct Pipe {
    Capacity capacity = 0, residual = 0;
    Edge back;
  };
  boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, Pipe> graph_;
};

class Cut {
 public:
  Cut(const Graph& graph, const Timeline& line, const CutRequest& request)
      : graph_(graph), line_(line), request_(request), again_(graph.size(), 0) {
    find_held();
    build(number_vertices());
  }

  std::vector<char> run() {
    // Bytes per second, between "nothing is worth it" and "whatever it takes"; the steps end within 0.01%.
    constexpr double highest = 1e15, lowest = 1e3;
    constexpr int rounds = 18;
    std::vector<char> best = kernels_at(lowest);
    if (freed_by(best) < request_.bytes) return {};
    double low = std::log(lowest), high = std::log(highest);
    for (int k = 0; k < rounds; ++k) {
      const double middle = (low + high) / 2;
      std::vector<char> kernels = kernels_at(std::exp(middle));
      const bool enough = freed_by(kernels) >= request_.bytes;
      (enough ? low : high) = middle;
      if (enough) best = std::move(kernels);
    }
    return thinned(std::move(best));
  }

 private:
  /// Made before the moment, by a kernel or as a view.
  bool is_early(NodeId id) const { return line_.position[id] < request_.moment && !is_bound(graph_.node(id)); }
  std::size_t need(Value v) const { return again_[v.node] + 1 + v.result; }

  std::size_t number_vertices() {
    std::size_t vertices = 2;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!is_early(id)) continue;
      again_[id] = vertices;
      vertices += 1 + graph_.node(id).results.size();
    }
    return vertices;
  }

  /// Values that are alive at the moment, or until the end, whatever is chosen.
  void find_held() {
    for (const Value v : graph_.node(line_.nodes[request_.moment]).operands) held_.insert(line_.storage_of(v));
    for (const ir::Update& u : graph_.updates()) held_.insert(line_.storage_of(u.value));
  }

  std::int64_t bytes_over(Value v) const { return held_.contains(v) ? 0 : line_.bytes[v.node][v.result]; }

  /// What is made long before the moment is most often read long after it.
  Capacity keeping(Value v) const {
    const double early = 1.0 - static_cast<double>(line_.position[v.node]) / static_cast<double>(request_.moment);
    return std::llround(static_cast<double>(bytes_over(v)) * (1.0 + request_.long_hold * early));
  }

  bool may_run_again(NodeId id) const {
    if (request_.seconds[id] < 0.0) return false;
    return std::ranges::none_of(graph_.node(id).operands, [&](Value v) {
      return line_.overwritten[line_.storage_of(v).node] <= request_.moment;  // the value it read is gone
    });
  }

  /// Early values that a kernel, or a view, after the moment reads.
  std::set<Value> read_later() const {
    std::set<Value> read;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (line_.position[id] <= request_.moment) continue;
      for (const Value v : graph_.node(id).operands)
        if (is_early(v.node)) read.insert(v);
    }
    return read;
  }

  void build(std::size_t vertices) {
    network_ = Network(vertices);
    for (const Value v : read_later()) network_.connect(Network::source, need(v), infinite);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!is_early(id)) continue;
      const bool view = line_.is_view(id);
      if (!view) {
        const Network::Edge edge = network_.connect(again_[id], Network::sink, infinite);
        if (may_run_again(id)) priced_.emplace_back(edge, request_.seconds[id]);
      }
      for (std::uint32_t r = 0; r < graph_.node(id).results.size(); ++r)
        network_.connect(need({id, r}), again_[id], view ? infinite : keeping({id, r}));
      for (const Value v : graph_.node(id).operands)
        if (is_early(v.node)) network_.connect(again_[id], need(v), infinite);
    }
  }

  std::vector<char> kernels_at(double price) {
    for (const auto& [edge, seconds] : priced_) network_.set_capacity(edge, std::llround(price * seconds) + 1);
    const std::vector<char> side = network_.source_side();
    std::vector<char> kernels(graph_.size(), 0);
    for (NodeId id = 0; id < graph_.size(); ++id) kernels[id] = is_early(id) ? side[again_[id]] : 0;
    return kernels;
  }

  /// A price fits many alike or none: what is not needed to free enough is kept after all, the dearest first.
  std::vector<char> thinned(std::vector<char> kernels) const {
    std::vector<NodeId> again;
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (kernels[id] != 0 && !line_.is_view(id)) again.push_back(id);
    std::ranges::sort(again, {}, [&](NodeId id) { return std::pair(-request_.seconds[id], graph_.size() - id); });
    for (const NodeId id : again) {
      kernels[id] = 0;
      if (freed_by(kernels) < request_.bytes) kernels[id] = 1;
    }
    return kernels;
  }

  /// Bytes fewer over the moment: values made again, less those that only what runs again needs.
  std::int64_t freed_by(const std::vector<char>& kernels) const {
    std::int64_t freed = 0;
    std::set<Value> needed;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!is_early(id) || line_.is_view(id)) continue;
      for (std::uint32_t r = 0; r < graph_.node(id).results.size(); ++r)
        if (kernels[id] != 0 && line_.last_read[id][r] > request_.moment) freed += bytes_over({id, r});
      if (kernels[id] == 0) continue;
      for (const Value v : graph_.node(id).operands) needed.insert(line_.storage_of(v));
    }
    for (const Value v : needed)
      if (is_early(v.node) && kernels[v.node] == 0 && line_.last_read[v.node][v.result] <= request_.moment)
        freed -= bytes_over(v);
    return freed;
  }

  const Graph& graph_;
  const Timeline& line_;
  const CutRequest& request_;
  std::vector<std::size_t> again_;  // by node: vertex; the needs of its results follow
  std::set<Value> held_;
  Network network_{0};
  std::vector<std::pair<Network::Edge, double>> priced_;  // again(k) -> sink, and the seconds of k
};

}  // namespace

std::vector<char> cut_recomputation(const Graph& graph, const Timeline& line, const CutRequest& request) {
  return Cut(graph, line, request).run();
}

}  // namespace sinter::passes

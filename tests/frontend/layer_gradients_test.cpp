// The gradients of every layer against differences, in double.

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "frontend/layer_gradient.h"
#include "frontend/layer_run.h"

using namespace sinter;
using namespace sinter_test;

namespace {

/// Numbers between -2 and 2 of which none is 0 and no two of up to 101 are equal: away from kinks and ties.
Array scattered(const Shape& shape) { return numbers(shape, 37, 101, 50) * 0.4 + 0.013; }

struct Case {
  std::shared_ptr<Layer> layer;
  std::vector<Array> inputs;
  bool training = false;
};

/// Collects cases.
class Cases {
 public:
  template <class L>
  void add(L layer, std::vector<Array> inputs, bool training = false) {
    cases_.push_back({std::make_shared<L>(std::move(layer)), std::move(inputs), training});
  }
  template <class L>
  void add(L layer, const Array& input, bool training = false) {
    add(std::move(layer), std::vector<Array>{input}, training);
  }
  std::vector<Case> take() { return std::move(cases_); }

 private:
  std::vector<Case> cases_;
};

std::vector<Case> plain_layers() {
  Cases c;
  const Array x = scattered({2, 3, 4});
  c.add(Dense(3, "tanh"), x);
  c.add(Flatten(), x);
  c.add(Dropout(0.3), x, true);
  c.add(Activation("softplus"), x);
  c.add(Lambda([](const Tensor& t) { return t * sigmoid(t); }), x);
  c.add(Rescaling({.scale = 0.25, .offset = -1.0}), x);
  c.add(Masking(0.0), x);
  c.add(Embedding(5, 3), Array::from<std::int32_t>({4, 0, 2, 2}, {2, 2}));
  c.add(EinsumDense({.equation = "abc,cde->abde", .output_shape = {-1, 2, 3}, .bias_axes = "d"}), x);
  c.add(Reshape({4, 3}), x);
  c.add(Permute({2, 1}), x);
  c.add(RepeatVector(3), scattered({2, 4}));
  c.add(ReLU({.negative_slope = 0.25, .max_value = 1.5, .threshold = 0.1}), x);
  c.add(LeakyReLU(), x);
  c.add(PReLU({.alpha_initializer = "ones"}), x);
  c.add(ELU(0.7), x);
  c.add(Softmax(), x);
  c.add(Softmax(1), x);
  c.add(GaussianNoise(0.5), x, true);
  c.add(GaussianDropout(0.3), x, true);
  c.add(AlphaDropout(0.3), x, true);
  c.add(SpatialDropout1D(0.5), x, true);
  c.add(SpatialDropout2D(0.5), scattered({2, 2, 2, 3}), true);
  c.add(SpatialDropout3D(0.5), scattered({2, 2, 2, 1, 3}), true);
  c.add(ActivityRegularization({.l1 = 0.1, .l2 = 0.2}), x, true);
  c.add(Sequential(Dense(3, "tanh"), Dense(2)), x);
  return c.take();
}

std::vector<Case> merging_layers() {
  Cases c;
  const std::vector<Array> two{scattered({2, 3, 4}), numbers({2, 3, 4}, 11, 23, 7)};
  c.add(Add(), two);
  c.add(Subtract(), two);
  c.add(Multiply(), two);
  c.add(Average(), two);
  c.add(Maximum(), two);
  c.add(Minimum(), two);
  c.add(Multiply(), {two[0], scattered({2, 3, 1}), scattered({2, 4})});  // broadcast
  c.add(Concatenate(), two);
  c.add(Concatenate(1), two);
  c.add(Dot(2), two);
  c.add(Dot({.axes = {2, 2}, .normalize = true}), two);
  return c.take();
}

std::vector<Case> normalization_layers() {
  Cases c;
  const Array x = scattered({3, 2, 4});
  c.add(BatchNormalization(), x);
  c.add(BatchNormalization(), x, true);
  c.add(BatchNormalization({.axis = 1, .epsilon = 0.1, .scale = false}), x, true);
  c.add(LayerNormalization(), x);
  c.add(LayerNormalization({.axis = {1, 2}}), x);
  c.add(GroupNormalization({.groups = 2}), x);
  c.add(RMSNormalization(), x);
  c.add(UnitNormalization(), x);
  c.add(Normalization({.mean = Array(0.5), .variance = Array(4.0)}), x);
  return c.take();
}

std::vector<Case> attention_layers() {
  Cases c;
  const Array query = scattered({2, 3, 4}), value = numbers({2, 2, 4}, 11, 23, 9);
  c.add(MultiHeadAttention(2, 3), query);
  c.add(MultiHeadAttention({.num_heads = 2, .key_dim = 3, .value_dim = 2}), {query, value});
  c.add(MultiHeadAttention({.num_heads = 2, .key_dim = 3, .use_causal_mask = true}), query);
  c.add(MultiHeadAttention({.num_heads = 2, .key_dim = 3, .dropout = 0.3}), query, true);
  c.add(Attention({.use_scale = true}), {query, value});
  c.add(Attention({.use_scale = true, .score_mode = "concat"}), {query, value});
  c.add(AdditiveAttention(), {query, value});
  return c.take();
}

std::vector<Case> convolutions() {
  Cases c;
  const Array line = scattered({2, 7, 4}), plane = scattered({2, 5, 4, 2}), space = scattered({1, 3, 4, 3, 2});
  c.add(Conv1D(3, 3, "tanh"), line);
  c.add(Conv1D({.filters = 2, .kernel_size = {3}, .padding = "causal", .dilation_rate = {2}}), line);
  c.add(Conv1D({.filters = 4, .kernel_size = {2}, .groups = 2}), line);
  c.add(Conv2D(3, 3), plane);
  c.add(Conv2D({.filters = 2, .kernel_size = {3, 2}, .strides = {2, 1}, .padding = "same"}), plane);
  c.add(Conv3D(2, 2), space);
  c.add(Conv1DTranspose({.filters = 3, .kernel_size = {3}, .strides = {2}}), line);
  c.add(Conv2DTranspose({.filters = 3, .kernel_size = {3, 2}, .strides = {2}, .padding = "same"}), plane);
  c.add(Conv3DTranspose({.filters = 2, .kernel_size = {2}}), space);
  c.add(DepthwiseConv1D({.kernel_size = {3}, .depth_multiplier = 2}), line);
  c.add(DepthwiseConv2D({.kernel_size = {2}, .padding = "same"}), plane);
  c.add(SeparableConv1D({.filters = 3, .kernel_size = {3}, .depth_multiplier = 2}), line);
  c.add(SeparableConv2D({.filters = 3, .kernel_size = {2}, .activation = "tanh"}), plane);
  return c.take();
}

std::vector<Case> pooling_and_spatial_layers() {
  Cases c;
  const Array line = scattered({2, 7, 3}), plane = scattered({2, 5, 4, 2}), space = scattered({1, 4, 4, 3, 2});
  c.add(MaxPooling1D(), line);
  c.add(MaxPooling1D({.pool_size = {3}, .strides = {1}, .padding = "same"}), line);
  c.add(MaxPooling2D(), plane);
  c.add(MaxPooling3D(), space);
  c.add(AveragePooling1D(), line);
  c.add(AveragePooling2D({.pool_size = {3, 2}, .strides = {2}, .padding = "same"}), plane);
  c.add(AveragePooling3D(), space);
  c.add(GlobalMaxPooling1D(), line);
  c.add(GlobalMaxPooling2D(), plane);
  c.add(GlobalMaxPooling3D(), space);
  c.add(GlobalAveragePooling1D(), line);
  c.add(GlobalAveragePooling2D({.keepdims = true}), plane);
  c.add(GlobalAveragePooling3D(), space);
  c.add(ZeroPadding1D(Dims{1, 2}), line);
  c.add(ZeroPadding2D(), plane);
  c.add(ZeroPadding3D(), space);
  c.add(Cropping1D(Dims{1, 2}), line);
  c.add(Cropping2D(), plane);
  c.add(Cropping3D(), space);
  c.add(UpSampling1D(3), line);
  c.add(UpSampling2D(2), plane);
  c.add(UpSampling3D(2), space);
  return c.take();
}

std::vector<Case> recurrent_layers() {
  Cases c;
  const Array x = scattered({2, 4, 3}), state = numbers({2, 2}, 11, 23, 9);
  c.add(SimpleRNN({.units = 2, .return_sequences = true}), x);
  c.add(LSTM(2), x);
  c.add(LSTM({.units = 2, .return_sequences = true, .return_state = true, .go_backwards = true}), {x, state, state});
  c.add(LSTM({.units = 2, .dropout = 0.3, .recurrent_dropout = 0.3}), x, true);
  c.add(GRU(2), x);
  c.add(GRU({.units = 2, .reset_after = false, .return_sequences = true}), {x, state});
  c.add(Bidirectional(LSTM({.units = 2, .return_sequences = true})), x);
  c.add(Bidirectional(GRU(2), {.merge_mode = "mul"}), x);
  c.add(TimeDistributed(Dense(2, "tanh")), x);
  c.add(TimeDistributed(Conv1D(2, 2)), scattered({2, 2, 4, 3}));
  return c.take();
}

const std::vector<std::vector<Case> (*)()>& groups() {
  static const std::vector<std::vector<Case> (*)()> all{plain_layers,     merging_layers, normalization_layers,
                                                        attention_layers, convolutions,   pooling_and_spatial_layers,
                                                        recurrent_layers};
  return all;
}

void check_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.layer->class_name() << (c.training ? " in training" : ""));
    check_gradient(*c.layer, c.inputs, {.training = c.training});
  }
}

/// The public classes that derive from Layer and that no other public class derives from.
std::set<std::string> public_layers() {
  std::map<std::string, std::string> base_of;
  std::set<std::string> bases;
  const std::regex declaration(R"(^class SINTER_API (\w+) : public (?:detail::)?(\w+))");
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(SINTER_SOURCE_DIR) + "/frontend/include/sinter/frontend")) {
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);)
      if (std::smatch match; std::regex_search(line, match, declaration)) {
        base_of[match[1]] = match[2];
        bases.insert(match[2]);
      }
  }
  std::set<std::string> layers;
  for (const auto& [name, base] : base_of) {
    std::string root = base;
    while (base_of.contains(root)) root = base_of[root];
    if (root == "Layer" && !bases.contains(name)) layers.insert(name);
  }
  return layers;
}

}  // namespace

TEST_CASE("gradients of plain layers equal differences", "[layers][gradients]") { check_all(plain_layers()); }
TEST_CASE("gradients of merging layers equal differences", "[layers][gradients]") { check_all(merging_layers()); }
TEST_CASE("gradients of normalization layers equal differences", "[layers][gradients]") {
  check_all(normalization_layers());
}
TEST_CASE("gradients of attention layers equal differences", "[layers][gradients]") { check_all(attention_layers()); }
TEST_CASE("gradients of convolutions equal differences", "[layers][gradients]") { check_all(convolutions()); }
TEST_CASE("gradients of pooling and spatial layers equal differences", "[layers][gradients]") {
  check_all(pooling_and_spatial_layers());
}
TEST_CASE("gradients of recurrent layers equal differences", "[layers][gradients]") { check_all(recurrent_layers()); }

TEST_CASE("no layer is left out of the gradient checks", "[layers][gradients]") {
  std::set<std::string> checked;
  for (const auto& group : groups())
    for (const Case& c : group()) checked.insert(c.layer->class_name());
  const std::set<std::string> layers = public_layers();
  CHECK(layers.size() > 70);
  for (const std::string& name : layers) {
    INFO(name);
    CHECK(checked.contains(name));
  }
}

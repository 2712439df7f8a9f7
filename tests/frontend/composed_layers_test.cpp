// Layers that are compositions. "1.2" and so on name the row of the checklist of Keras semantics that a case covers.
// Expected numbers were computed with numpy from the formulas, independently of this code.

#include "frontend/layer_run.h"

using namespace sinter;
using namespace sinter_test;

TEST_CASE("1.2 ReLU options, LeakyReLU 0.3, ELU, Softmax", "[layers][1.2:Activation][1.2:LeakyReLU][1.2:ELU]") {
  const Array x = Array::from<float>({-8, -1, 0, 0.5F, 1, 9}, {1, 6});
  ReLU plain, options({.negative_slope = 0.5, .max_value = 6, .threshold = 0.75});
  check_values(run_layer(plain, {x}), {1, 6}, {0, 0, 0, 0.5, 1, 9});
  check_values(run_layer(options, {x}), {1, 6}, {-4.375, -0.875, -0.375, -0.125, 1, 6});
  LeakyReLU leaky, steep({.negative_slope = 0.5});
  check_values(run_layer(leaky, {x}), {1, 6}, {-2.4, -0.3, 0, 0.5, 1, 9});
  check_values(run_layer(steep, {x}), {1, 6}, {-4, -0.5, 0, 0.5, 1, 9});
  ELU elu, gentle(0.5);
  check_values(run_layer(elu, {x}), {1, 6}, {-0.9996645374, -0.6321205588, 0, 0.5, 1, 9});
  check_values(run_layer(gentle, {x}), {1, 6}, {-0.4998322687, -0.3160602794, 0, 0.5, 1, 9});
  Softmax over_columns(Dim(1));
  check_values(run_layer(over_columns, {Array::from<float>({0, 1, 0, 1}, {1, 2, 2})}), {1, 2, 2}, {0.5, 0.5, 0.5, 0.5});
  Softmax masked;
  check_values(run_layer(masked, {Array::from<float>({1, 1, 5}, {1, 3}), Array::from<float>({1, 1, 0}, {1, 3})}),
               {1, 3}, {0.5, 0.5, 0});
}

TEST_CASE("1.1 names of these layers", "[layers][1.1:names]") {
  const Sequential model(Input({4}), LeakyReLU(), PReLU(), ELU(), ReLU(), Softmax(), LayerNormalization(),
                         GaussianDropout(0.1));
  const std::vector<std::string> expected{"leaky_re_lu",         "p_re_lu",         "elu", "re_lu", "softmax",
                                          "layer_normalization", "gaussian_dropout"};
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(model.layer(k).name() == expected[k]);
}

TEST_CASE("1.2 PReLU: alpha zeros, shared axes count from 1", "[layers][1.2:PReLU]") {
  const Array x = Array::from<float>({-1, 2, -3, 4, -5, -6, 7, -8}, {1, 2, 2, 2});
  PReLU shared({.shared_axes = {1, 2}});
  check_values(run_layer(shared, {x}), {1, 2, 2, 2}, {0, 2, 0, 4, 0, 0, 7, 0});
  CHECK(shared.weights().size() == 1);
  CHECK(shared.weight("alpha").shape() == Shape{1, 1, 2});
  check_values(run_layer(shared, {x}, {Array::from<float>({0.5F, 0.25F}, {1, 1, 2})}), {1, 2, 2, 2},
               {-0.5, 2, -1.5, 4, -2.5, -1.5, 7, -2});
  PReLU full;
  run_layer(full, {x});
  CHECK(full.weight("alpha").shape() == Shape{2, 2, 2});
}

TEST_CASE("Reshape, Permute, RepeatVector", "[layers]") {
  const Array x = numbers({2, 6});
  Reshape reshape_layer({3, -1});
  CHECK(run_layer(reshape_layer, {x}).shape() == Shape{2, 3, 2});
  Permute permute({2, 1});
  const Array y = run_layer(permute, {x.reshape({2, 2, 3})});
  CHECK(y.shape() == Shape{2, 3, 2});
  CHECK(y.at(1, 2, 0) == x.at(1, 2));
  CHECK(y.at(1, 2, 1) == x.at(1, 5));
  RepeatVector repeat(3);
  const Array z = run_layer(repeat, {x});
  CHECK(z.shape() == Shape{2, 3, 6});
  CHECK(z.at(1, 2, 4) == x.at(1, 4));
}

TEST_CASE("Add, Subtract, Multiply, Average, Maximum, Minimum broadcast as Keras", "[layers]") {
  const Array a = Array::from<float>({1, 2, 3, 4}, {1, 2, 2}), b = Array::from<float>({10, -20}, {1, 1, 2});
  const Array flat = Array::from<float>({10, -20}, {1, 2});  // gets an axis after the batch
  Add add;
  Subtract subtract;
  Multiply multiply;
  Average average;
  Maximum largest;
  Minimum smallest;
  check_values(run_layer(add, {a, b}), {1, 2, 2}, {11, -18, 13, -16});
  check_values(run_layer(subtract, {a, flat}), {1, 2, 2}, {-9, 22, -7, 24});
  check_values(run_layer(multiply, {a, b, a}), {1, 2, 2}, {10, -80, 90, -320});
  check_values(run_layer(average, {a, b}), {1, 2, 2}, {5.5, -9, 6.5, -8});
  check_values(run_layer(largest, {a, flat}), {1, 2, 2}, {10, 2, 10, 4});
  check_values(run_layer(smallest, {a, flat}), {1, 2, 2}, {1, -20, 3, -20});
}

TEST_CASE("Concatenate and Dot", "[layers]") {
  const Array a = Array::from<float>({1, 2, 3, 4}, {1, 2, 2}), b = Array::from<float>({5, 6}, {1, 2, 1});
  Concatenate last;
  check_values(run_layer(last, {a, b}), {1, 2, 3}, {1, 2, 5, 3, 4, 6});
  Concatenate rows(1);
  check_values(run_layer(rows, {a, a}), {1, 4, 2}, {1, 2, 3, 4, 1, 2, 3, 4});
  Dot dot({.axes = {1, 2}});
  check_values(run_layer(dot, {numbers({2, 3, 2}), numbers({2, 4, 3}, 5, 11, 5)}), {2, 2, 4},
               {0.1, -0.06, -0.11, 0.39, 0.1, 0.01, 0.03, -0.17, -0.09, -0.11, 0.09, 0.07, 0.19, 0.24, -0.26, -0.21});
  Dot cosine({.axes = {1}, .normalize = true});
  check_values(run_layer(cosine, {numbers({2, 3}), numbers({2, 3}, 5, 11, 5)}), {2, 1}, {0.08980265, -0.9725291});
}

TEST_CASE("LayerNormalization: gamma, beta, epsilon 0.001", "[layers]") {
  const Array x = numbers({2, 2, 4}), gamma = numbers({4}, 5, 11, 5), beta = numbers({4}, 3, 7, 3);
  LayerNormalization last;
  check_values(run_layer(last, {x}, {gamma, beta}), {2, 2, 4},
               {0.2634362, 0, -0.1225771, -0.2126872, 0.2634362, 0, -0.1225771, -0.2126872, 0.2634362, 0, -0.1225771,
                -0.2126872, -0.7087937, 0, 0.8723112, -0.01824126});
  CHECK(last.weights()[0].name() == "gamma");
  CHECK(last.weights()[1].name() == "beta");
  LayerNormalization both({.axis = {1, 2}, .center = false});
  check_values(run_layer(both, {x}, {numbers({2, 4}, 5, 11, 5)}), {2, 2, 4},
               {0.6779077, 0, -0.5423261, -0.08134892, -0.3253957, -0.2169305, -0.1626978, -0.4067446, 0.2184941, 0,
                -0.09364033, -0.1560672, 0.02497075, 0.2871637, 0.09364033, 0.3558333});
}

TEST_CASE("GroupNormalization, RMSNormalization, UnitNormalization", "[layers]") {
  const Array x = numbers({2, 2, 4}), gamma = numbers({4}, 5, 11, 5), beta = numbers({4}, 3, 7, 3);
  GroupNormalization groups({.groups = 2});
  check_values(run_layer(groups, {x}, {gamma, beta}), {2, 2, 4},
               {0.3158031, 0, -0.3158031, -0.1684226, 0.04211284, 0, -0.04211284, -0.2231606, -0.142702, 0, 0.142702,
                -0.2447142, -0.3943788, 0, 0.3943788, 0.03213036});
  RMSNormalization rms;
  check_values(run_layer(rms, {x}, {gamma}), {2, 2, 4},
               {0.7385467, 0, -0.6154556, -0.04923645, 0.5656832, 0, -0.4242624, -0.1131366, 0.2461822, 0, -0.1230911,
                -0.1477093, 0, 0, 0.1269997, 0.1269997});
  UnitNormalization unit;
  check_values(run_layer(unit, {x}), {2, 2, 4},
               {-0.7385489, 0.1230915, -0.6154575, 0.246183, -0.5656854, 0.4242641, -0.4242641, 0.5656854, -0.246183,
                0.6154575, -0.1230915, 0.7385489, 0, -0.7620008, 0.1270001, -0.6350006});
  check_values(run_layer(unit, {Array::zeros({1, 1, 4})}), {1, 1, 4}, {0, 0, 0, 0});
}

TEST_CASE("Normalization measures its data, before or after it is in a model", "[layers]") {
  const Array x = numbers({2, 2, 4});
  const std::vector<double> expected{-1.341641,  0.06030227, -1.341641, 0.06030227, -0.4472136, 0.5427204,
                                     -0.4472136, 0.5427204,  0.4472136, 1.025139,   0.4472136,  1.025139,
                                     1.341641,   -1.628161,  1.341641,  -1.628161};
  const auto early = make<Normalization>();
  early->adapt(x);
  Sequential before(Input({2, 4}), early);
  check_values(before.predict(x), {2, 2, 4}, expected, 1e-5);
  const auto late = make<Normalization>();
  Sequential after(Input({2, 4}), late);
  CHECK(after.predict(x).at(0, 0, 0) == x.at(0, 0, 0));  // mean 0, variance 1
  late->adapt(x);
  check_values(after.predict(x), {2, 2, 4}, expected, 1e-5);
  CHECK(late->trainable_weights().empty());
  CHECK(late->weights().size() == 3);  // mean, variance, count
  check_values(late->weight("mean").value(), {4}, {-0.3, 0.075, -0.2, 0.175});
  check_values(late->weight("variance").value(), {4}, {0.05, 0.171875, 0.05, 0.171875});
  Normalization known({.mean = Array(0.5), .variance = Array(4.0)}),
      back({.mean = Array(0.5), .variance = Array(4.0), .invert = true});
  check_values(run_layer(known, {Array::from<float>({2.5F}, {1, 1})}), {1, 1}, {1.0});
  check_values(run_layer(back, {Array::from<float>({1}, {1, 1})}), {1, 1}, {2.5});
  CHECK(known.weights().empty());
}

TEST_CASE("Embedding looks rows up", "[layers]") {
  Embedding embedding(5, 3);
  const Array table = numbers({5, 3});
  const Array y = run_layer(embedding, {Array::from<std::int32_t>({4, 0, 2, 2}, {2, 2})}, {table});
  CHECK(y.shape() == Shape{2, 2, 3});
  CHECK(y.at(0, 0, 1) == table.at(4, 1));
  CHECK(y.at(1, 1, 2) == table.at(2, 2));
  CHECK(embedding.weights()[0].name() == "embeddings");
  const Array as_floats = run_layer(embedding, {Array::from<float>({4, 0, 2, 2}, {2, 2})});
  CHECK(as_floats.at(1, 0, 0) == table.at(2, 0));
  Embedding fresh(1000, 4);
  run_layer(fresh, {Array::from<std::int32_t>({0}, {1, 1})});
  const Array first = fresh.get_weights()[0];
  for (const float v : first.span<float>()) REQUIRE(std::abs(v) <= 0.05F);  // as in Keras
}

TEST_CASE("EinsumDense", "[layers]") {
  EinsumDense dense({.equation = "abc,cd->abd", .output_shape = {-1, 2}, .activation = "relu", .bias_axes = "d"});
  const std::vector<Array> weights{numbers({3, 2}, 5, 11, 5), numbers({2}, 3, 7, 3)};
  check_values(run_layer(dense, {numbers({1, 2, 3})}, weights), {1, 2, 2}, {0, 0.09, 0, 0});
  EinsumDense any({.equation = "...x,xy->...y", .output_shape = {2}, .activation = "relu", .bias_axes = "y"});
  check_values(run_layer(any, {numbers({1, 2, 3})}, weights), {1, 2, 2}, {0, 0.09, 0, 0});
}

TEST_CASE("MultiHeadAttention: Keras's weight order and layouts", "[layers]") {
  const Array query = numbers({1, 3, 4}), value = numbers({1, 2, 3}, 5, 11, 5);
  MultiHeadAttention attention({.num_heads = 2, .key_dim = 2, .value_dim = 3, .return_attention_scores = true});
  const std::vector<Array> weights{
      numbers({4, 2, 2}),           numbers({2, 2}, 3, 7, 3), numbers({3, 2, 2}, 5, 11, 5), numbers({2, 2}, 2, 5, 2),
      numbers({3, 2, 3}, 7, 17, 8), numbers({2, 3}, 3, 7, 3), numbers({2, 3, 4}, 5, 13, 6), numbers({4}, 3, 7, 3)};
  const std::vector<Array> y = run_all(attention, {query, value}, weights);
  check_values(y[0], {1, 3, 4},
               {-0.4293492, 0.1008411, 0.3810671, -0.1680062, -0.4233481, 0.1048603, 0.3762246, -0.163623, -0.4173429,
                0.1088815, 0.3713787, -0.1592366});
  check_values(y[1], {1, 2, 3, 2},
               {0.5179528, 0.4820472, 0.5082017, 0.4917983, 0.4984444, 0.5015556, 0.4911974, 0.5088026, 0.4935657,
                0.5064343, 0.4959342, 0.5040658});
  const std::vector<std::string> names{"query/kernel",
                                       "query/bias",
                                       "key/kernel",
                                       "key/bias",
                                       "value/kernel",
                                       "value/bias",
                                       "attention_output/kernel",
                                       "attention_output/bias"};
  for (const std::string& name : names) CHECK_NOTHROW(attention.weight(name));
}

TEST_CASE("MultiHeadAttention with a causal mask and with one of its own", "[layers]") {
  const Array x = numbers({1, 3, 4});
  const std::vector<Array> weights{
      numbers({4, 2, 2}),           numbers({2, 2}, 3, 7, 3), numbers({4, 2, 2}, 5, 11, 5), numbers({2, 2}, 2, 5, 2),
      numbers({4, 2, 2}, 7, 17, 8), numbers({2, 2}, 3, 7, 3), numbers({2, 2, 4}, 5, 13, 6), numbers({4}, 3, 7, 3)};
  MultiHeadAttention causal({.num_heads = 2, .key_dim = 2, .use_causal_mask = true});
  check_values(run_layer(causal, {x}, weights), {1, 3, 4},
               {-0.795, -0.238, 0.722, -0.461, -0.8291618, -0.2677999, 0.7611284, -0.498839, -0.8630568, -0.2974866,
                0.7999713, -0.5364266});
  MultiHeadAttention masked(2, 2);
  const std::vector<double> expected{-0.8295516, -0.2677925, 0.761517,   -0.4991425, -0.8951618, -0.3277999,
                                     0.8371284,  -0.572839,  -0.8640835, -0.2972303, 0.8009553,  -0.5371387};
  const Array mask = Array::from<float>({1, 1, 0, 0, 1, 1, 1, 0, 1}, {1, 3, 3});
  check_values(run_layer(masked, {x, x, x, mask}, weights), {1, 3, 4}, expected);
  MultiHeadAttention same_for_all(2, 2);
  check_values(run_layer(same_for_all, {x, x, x, mask.reshape({3, 3})}, weights), {1, 3, 4}, expected);
}

TEST_CASE("Attention and AdditiveAttention", "[layers]") {
  const Array query = numbers({1, 2, 3}), value = numbers({1, 3, 3}, 5, 11, 5), key = numbers({1, 3, 3}, 4, 9, 4);
  Attention dot({.use_scale = true});
  check_values(run_layer(dot, {query, value, key}, {Array(1.5)}), {1, 2, 3},
               {-0.1409931, 0.09885637, 0.1318884, -0.06578674, -0.03275468, 0.2070947});
  Attention concat({.use_scale = true, .score_mode = "concat"});
  check_values(run_layer(concat, {query, value, key}, {Array(1.5), Array(0.7)}), {1, 2, 3},
               {-0.1416839, 0.05676663, 0.1744963, -0.06863927, 0.02294393, 0.1535355});
  AdditiveAttention additive;
  check_values(run_layer(additive, {query, value, key}, {numbers({3}, 3, 7, 2)}), {1, 2, 3},
               {-0.1299405, 0.03229423, 0.1901612, -0.1314668, 0.03008264, 0.1935175});
}

TEST_CASE("noise has the mean and spread it should, and is absent in inference", "[layers]") {
  const Array ones = Array::full({400, 50}, 1.0);
  const auto moments = [](const Array& a) {
    double sum = 0.0, squares = 0.0;
    for (const float v : a.span<float>()) {
      sum += v;
      squares += static_cast<double>(v) * v;
    }
    const double mean = sum / static_cast<double>(a.size());
    return std::pair{mean, squares / static_cast<double>(a.size()) - mean * mean};
  };
  const auto check = [&](Layer& layer, double mean, double variance) {
    const auto [m, v] = moments(run_layer(layer, {ones}, {}, {.training = true}));
    CHECK(m == Approx(mean).margin(4.0 * std::sqrt(variance / 20000.0)));
    CHECK(v == Approx(variance).epsilon(0.05));
    const Array quiet = run_layer(layer, {ones});
    CHECK(std::equal(quiet.span<float>().begin(), quiet.span<float>().end(), ones.span<float>().begin()));
  };
  GaussianNoise noise(0.5);
  GaussianDropout gaussian(0.2);
  check(noise, 1.0, 0.25);
  check(gaussian, 1.0, 0.25);  // rate / (1 - rate)
  AlphaDropout alpha(0.2);
  // With limit l = -1.7580993, a = ((1 - r)(1 + r l^2))^-1/2 = 0.8789036 and b = -a l r: kept ones become a + b,
  // dropped ones a l + b; mean (1 - r)(a + b) + r (a l + b), variance r (1 - r) a^2 (1 - l)^2.
  check(alpha, 0.7031229, 0.9402044);
}

TEST_CASE("SpatialDropout drops whole channels", "[layers]") {
  SpatialDropout2D dropout(0.5);
  const Array y = run_layer(dropout, {Array::full({8, 3, 3, 16}, 1.0)}, {}, {.training = true});
  int kept = 0;
  for (int i = 0; i < 8; ++i)
    for (int c = 0; c < 16; ++c) {
      const double first = y.at(i, 0, 0, c);
      REQUIRE((first == 0.0 || first == 2.0));
      kept += first != 0.0 ? 1 : 0;
      for (int r = 0; r < 9; ++r) REQUIRE(y.at(i, r / 3, r % 3, c) == first);
    }
  CHECK(kept > 40);
  CHECK(kept < 88);
  SpatialDropout1D line(0.5);
  CHECK_THROWS_WITH(run_layer(line, {Array::zeros({1, 3, 3, 4})}, {}, {.training = true}),
                    "spatial_dropout1d: noise_shape has 3 axes, the input f32[1,3,3,4] has 4");
}

TEST_CASE("1.1 ActivityRegularization adds to the loss", "[layers][1.1:add_loss]") {
  Sequential model(Input({2}), ActivityRegularization({.l1 = 0.5, .l2 = 0.25}),
                   Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile("sgd", "mse", {}, {.backend = Backend::interpreter});
  const Array x = Array::from<float>({1, -2, 3, 0}, {2, 2});
  CHECK(model.train_on_batch(x, Array::zeros({2, 1}))["loss"] == Approx(0.5 * 6 + 0.25 * 14));
}

TEST_CASE("compiled code gives the interpreter's bits", "[layers]") {
  const Array x = numbers({3, 5, 8});
  const auto check = [&](auto layer, bool training = false) {
    INFO(layer.class_name());
    const Array expected = run_layer(layer, {x}, {}, {.training = training});
    const Array got = run_layer(layer, {x}, {}, {.training = training, .backend = Backend::jit});
    REQUIRE(got.shape() == expected.shape());
    CHECK(std::equal(got.bytes().begin(), got.bytes().end(), expected.bytes().begin()));
  };
  check(LayerNormalization());
  check(GroupNormalization({.groups = 4}));
  check(RMSNormalization());
  check(MultiHeadAttention({.num_heads = 2, .key_dim = 3, .use_causal_mask = true}));
  check(MultiHeadAttention({.num_heads = 2, .key_dim = 3, .dropout = 0.3}), true);
  check(AdditiveAttention());
  check(GaussianNoise(0.5), true);
  check(AlphaDropout(0.3), true);
}

TEST_CASE("what these layers refuse", "[layers][errors]") {
  CHECK_THROWS_WITH(ReLU({.negative_slope = -1.0}), "re_lu: negative_slope must not be negative, got -1");
  CHECK_THROWS_WITH(PReLU({.shared_axes = {3}})(Tensor()),
                    "p_re_lu: a layer is called inside a model, another layer's call() or a StepBuilder; to compute "
                    "numbers use Sequential(...) and predict()");
  CHECK_THROWS_WITH(
      Sequential(Input({4}), PReLU({.shared_axes = {3}})),
      "sequential/p_re_lu: shared axis 3 does not exist for inputs [2,4]; expected 1 to 1 (axis 0 is the batch)");
  CHECK_THROWS_WITH(Reshape({-1, -1}),
                    "reshape: target_shape takes extents of 0 or more and at most one -1, got [-1,-1]");
  CHECK_THROWS_WITH(Sequential(Input({4}), Reshape({3})),
                    "sequential/reshape: reshape: f32[2,4] with 8 elements cannot take the shape [2,3]");
  CHECK_THROWS_WITH(Permute({1, 3}), "permute: dims must be a permutation of 1 to 2, got [1,3]");
  CHECK_THROWS_WITH(Sequential(Input({4}), Permute({2, 1})),
                    "sequential/permute: expected inputs of rank 3 (with the batch), got f32[2,4]");
  CHECK_THROWS_WITH(RepeatVector(0), "repeat_vector: n must be positive, got 0");
  CHECK_THROWS_WITH(GaussianNoise(-1.0), "gaussian_noise: stddev must not be negative, got -1");
  CHECK_THROWS_WITH(AlphaDropout(1.0), "alpha_dropout: rate must be at least 0 and below 1, got 1");
  CHECK_THROWS_WITH(Embedding(0, 3), "embedding: input_dim and output_dim must be positive, got 0 and 3");
  CHECK_THROWS_WITH(MultiHeadAttention(0, 3),
                    "multi_head_attention: num_heads and key_dim must be positive, got 0 and 3");
  CHECK_THROWS_WITH(Attention({.score_mode = "dto"}),
                    "attention: score_mode must be \"dot\" or \"concat\", got \"dto\"");
  CHECK_THROWS_WITH(
      Sequential(Input({6}), GroupNormalization({.groups = 4})),
      "sequential/group_normalization: expected a number of groups that divides the 6 channels (axis 1 of "
      "[2,6]), got 4");
  CHECK_THROWS_WITH(
      Sequential(Input({6}), LayerNormalization({.axis = 0})),
      "layer_normalization: axis 0 is the batch, which is not normalised over; axes count from 1, or from the end");
  CHECK_THROWS_WITH(Normalization({.mean = Array(1.0)}),
                    "normalization: mean and variance are given together or not at all");
  CHECK_THROWS_WITH(EinsumDense({.equation = "ab->ac"}),
                    "einsum_dense: expected an equation like \"ab,bc->ac\", got \"ab->ac\"");
}

TEST_CASE("what layers of several inputs refuse", "[layers][errors]") {
  const Array a = Array::zeros({2, 3}), b = Array::zeros({2, 4}), deep = Array::zeros({2, 3, 4});
  Add add;
  CHECK_THROWS_WITH(run_layer(add, {a, b}),
                    "add: the inputs have shapes [2,3] and [2,4], which differ on axis 1; expected equal extents, "
                    "or 1 on one side");
  Subtract subtract;
  CHECK_THROWS_WITH(run_layer(subtract, {a, a, a}), "subtract: expected exactly 2 inputs, got 3");
  Concatenate concatenate_layer(1);
  CHECK_THROWS_WITH(run_layer(concatenate_layer, {a, deep}),
                    "concatenate: expected inputs that differ on axis 1 alone, got [2,3] and [2,3,4]");
  Dot dot(1);
  CHECK_THROWS_WITH(run_layer(dot, {a, b}), "dot: the axes summed over differ: axis 1 of [2,3] and axis 1 of [2,4]");
  Dot batch(0);
  CHECK_THROWS_WITH(run_layer(batch, {a, a}), "dot: axis 0 does not exist for an input of rank 2 or is the batch");
  MultiHeadAttention attention(2, 2);
  CHECK_THROWS_WITH(run_layer(attention, {a, a}),
                    "multi_head_attention: expected query, value and key of rank 3 (batch, positions, features), "
                    "got [2,3]");
}

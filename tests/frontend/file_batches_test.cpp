// Batches read from files, a block at a time.

#include <algorithm>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

struct Files {
  TemporaryFolder folder;
  std::string x = folder.file("x.npy"), y = folder.file("y.npy");
  explicit Files(std::int64_t n) {
    std::vector<float> xs;
    std::vector<std::int32_t> ys;
    for (std::int64_t k = 0; k < n; ++k) {
      xs.insert(xs.end(), {static_cast<float>(k), static_cast<float>(2 * k)});
      ys.push_back(static_cast<std::int32_t>(k));
    }
    write_npy(x, Array::from(std::move(xs), {n, 2}));
    write_npy(y, Array::from(std::move(ys)));
  }
  /// Labels of an epoch in the order in which they come, with the size of each batch.
  std::pair<std::vector<double>, std::vector<std::int64_t>> visit(const FileBatchesOptions& options,
                                                                  std::uint64_t epoch) const {
    const DataSource source = file_batches(NpyRows(x), NpyRows(y), options);
    BatchStream stream(source, epoch);
    std::vector<double> labels;
    std::vector<std::int64_t> sizes;
    while (const std::optional<Batch> batch = stream.next()) {
      const Array &bx = batch->x.array(), &by = batch->y.array();
      sizes.push_back(by.length());
      for (std::int64_t k = 0; k < by.length(); ++k) {
        labels.push_back(by.at(k));
        CHECK(bx.at(k, 1) == 2 * by.at(k));  // inputs stay with their labels
      }
    }
    return {labels, sizes};
  }
};

std::vector<double> counting(int n) {
  std::vector<double> values;
  for (int k = 0; k < n; ++k) values.push_back(k);
  return values;
}

}  // namespace

TEST_CASE("file batches: every sample once, in blocks", "[file_batches]") {
  const Files files(23);
  const auto [plain, sizes] = files.visit({.batch_size = 4, .block = 10, .shuffle = false}, 0);
  CHECK(plain == counting(23));
  CHECK(sizes == std::vector<std::int64_t>{4, 4, 2, 4, 4, 2, 3});
  std::vector<double> first = files.visit({.batch_size = 4, .block = 10}, 0).first;
  const std::vector<double> again = files.visit({.batch_size = 4, .block = 10, .prefetch = 0}, 0).first;
  const std::vector<double> second = files.visit({.batch_size = 4, .block = 10}, 1).first;
  const std::vector<double> other = files.visit({.batch_size = 4, .block = 10, .seed = 1}, 0).first;
  CHECK(first == again);
  CHECK(first != counting(23));
  CHECK(first != second);
  CHECK(first != other);
  std::ranges::sort(first);
  CHECK(first == counting(23));
  const auto [whole, one] = files.visit({.batch_size = 100, .block = 100}, 3);
  CHECK(one == std::vector<std::int64_t>{23});
}

TEST_CASE("file batches: a model trains on files as on arrays", "[file_batches]") {
  const Files files(24);
  const auto train = [&](auto fit) {
    Sequential model(ModelOptions{.seed = 2}, Input({2}), Dense(1));
    model.compile(Adam({.learning_rate = 0.01}), "mse", {}, testing::interpreted());
    return fit(model)["loss"];
  };
  CHECK(train([&](Model& m) {
          return m.fit(
              file_batches(NpyRows(files.x), NpyRows(files.y), {.batch_size = 8, .block = 8, .shuffle = false}),
              {.epochs = 3, .verbose = 0});
        }) == train([&](Model& m) {
          return m.fit(read_npy(files.x), read_npy(files.y),
                       {.batch_size = 8, .epochs = 3, .shuffle = false, .verbose = 0});
        }));
}

TEST_CASE("file batches: what does not fit", "[file_batches]") {
  const Files files(5), others(6);
  CHECK_THAT(message_of([&] { file_batches(NpyRows(files.x), NpyRows(others.y)); }),
             Contains("has 5 rows") && Contains("has 6; every sample needs one label"));
  CHECK(message_of([&] { file_batches(NpyRows(files.x), NpyRows(files.y), {.batch_size = 0}); }) ==
        "file_batches: batch_size and block must be positive, got 0 and 4096");
  const NpyRows rows(files.x);
  CHECK(rows.type() == TensorType{DType::f32, Shape{5, 2}});
  CHECK(rows.rows(1, 3).at(1, 1) == 4.0);
  CHECK_THAT(message_of([&] { rows.rows(3, 6); }), Contains("there are no rows 3 to 6, it has 5"));
  const std::string data = std::string(SINTER_TEST_DATA) + "/npy/";
  CHECK_THAT(message_of([&] { NpyRows(data + "big.npy"); }), Contains("cannot be read by rows"));
  CHECK_THAT(message_of([&] { NpyRows(data + "scalar.npy"); }), Contains("cannot be read by rows"));
  CHECK_THAT(message_of([&] { NpyRows(data + "plain.npz"); }), Contains("does not begin with"));
  CHECK_THAT(message_of([] { NpyRows("/no/such.npy"); }), Contains("cannot be opened"));
  const std::string bytes = testing::contents_of(files.x);
  testing::write(files.x, bytes.substr(0, bytes.size() - 1));
  CHECK_THAT(message_of([&] { NpyRows(files.x).length(); }), Contains("it was cut off"));
  CHECK_THAT(message_of([&] { rows.rows(0, 5); }), Contains("it became shorter"));
}

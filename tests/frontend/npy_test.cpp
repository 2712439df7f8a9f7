// numpy's files. The files in data/npy were written by numpy (make_files.py).

#include <algorithm>

#include <sinter/sinter.h>

#include "frontend/files_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::contents_of;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

const std::string data = std::string(SINTER_TEST_DATA) + "/npy/";

/// 0, 1, 2, ... in the shape of the array?
bool counts_up(const Array& a) {
  for (std::int64_t k = 0; k < a.size(); ++k)
    if (a.flat(k) != static_cast<double>(k)) return false;
  return true;
}

std::string npy_of(std::string dictionary, const std::string& elements, char version = 1) {
  dictionary += '\n';
  std::string length{static_cast<char>(dictionary.size() & 0xFF), static_cast<char>(dictionary.size() >> 8)};
  if (version > 1) length += std::string(2, '\0');
  return std::string("\x93NUMPY") + version + '\0' + length + dictionary + elements;
}

std::string refusal(const std::string& bytes, const NpyOptions& options = {}) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.npy");
  testing::write(path, bytes);
  const std::string message = message_of([&] { read_npy(path, options); });
  return message.starts_with(path) ? message.substr(path.size()) : message;
}

bool same(const Array& a, const Array& b) { return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes()); }

}  // namespace

TEST_CASE("npy: what numpy wrote", "[npy]") {
  const auto check = [](const std::string& name, DType dtype) {
    INFO(name);
    const Array a = read_npy(data + name + ".npy");
    CHECK(a.type() == TensorType{dtype, Shape{2, 3, 4}});
    CHECK(counts_up(a));
  };
  for (const auto& [name, dtype] : {std::pair{"f4", DType::f32},
                                    {"f8", DType::f64},
                                    {"i4", DType::i32},
                                    {"i8", DType::i64},
                                    {"u1", DType::u8},
                                    {"u4", DType::u32},
                                    {"i1", DType::i32},
                                    {"i2", DType::i32},
                                    {"u2", DType::i32},
                                    {"f2", DType::f16},
                                    {"fortran", DType::f32},
                                    {"big", DType::i32},
                                    {"version2", DType::f32}})
    check(name, dtype);
  CHECK(read_npy(data + "scalar.npy").shape() == Shape{});
  CHECK(read_npy(data + "scalar.npy").item() == 2.5);
  CHECK(read_npy(data + "empty.npy").shape() == Shape{0, 3});
  CHECK(read_npy(data + "b1.npy").dtype() == DType::i1);
  CHECK(read_npy(data + "b1.npy").flat(1) == 1.0);
}

TEST_CASE("npy: written as numpy writes", "[npy]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.npy");
  for (const char* name : {"f4", "f8", "i4", "i8", "u1", "u4", "b1", "f2", "scalar", "empty", "row"}) {
    INFO(name);
    const Array a = read_npy(data + name + ".npy");
    write_npy(path, a);
    CHECK(contents_of(path) == contents_of(data + name + ".npy"));
    CHECK(same(read_npy(path), a));
  }
  CHECK_THAT(message_of([&] { write_npy(path, Array(1.0).astype(DType::bf16)); }),
             Contains("numpy has no dtype for bf16; write array.astype(DType::f32)"));
}

TEST_CASE("npy: seen in place", "[npy]") {
  const Array mapped = map_npy(data + "f4.npy");
  CHECK(same(mapped, read_npy(data + "f4.npy")));
  Array own = mapped;
  own.mutable_span<float>()[0] = 9.0F;  // a copy, the file stays
  CHECK(map_npy(data + "f4.npy").flat(0) == 0.0);
  CHECK_THAT(message_of([] { map_npy(data + "big.npy"); }),
             Contains(">i4 cannot be seen in place; read_npy() converts it"));
  CHECK_THAT(message_of([] { map_npy(data + "fortran.npy"); }), Contains("<f4 in Fortran order cannot be seen"));
  Sequential model(Input({3, 4}), Flatten(), Dense(1));
  model.compile("sgd", "mse");
  const Array y = Array::zeros({2, 1});
  CHECK(model.fit(mapped, y, {.verbose = 0})["loss"] == [&] {
    Sequential other(Input({3, 4}), Flatten(), Dense(1));
    other.compile("sgd", "mse");
    return other.fit(read_npy(data + "f4.npy"), y, {.verbose = 0})["loss"];
  }());
}

TEST_CASE("npy: malformed files", "[npy]") {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const std::string eight(8, '\0');
  CHECK(refusal(npy_of(good, eight)) == "no error");
  CHECK(refusal(npy_of(good, eight, 2)) == "no error");
  CHECK_THAT(refusal("abc"), Contains("does not begin with \\x93NUMPY"));
  CHECK_THAT(refusal(npy_of(good, eight, 9)), Contains("of version 9, known are 1, 2 and 3"));
  CHECK_THAT(refusal(npy_of(good, eight).substr(0, 30)), Contains("ends at byte 30 within its header"));
  CHECK_THAT(refusal(npy_of(good, eight.substr(1))), Contains("reaches byte 76: it was cut off"));
  CHECK_THAT(refusal(npy_of(good, eight + "x")), Contains("goes on after its elements, at byte 76"));
  const auto header = [&](const std::string& text) { return refusal(npy_of(text, eight)); };
  CHECK_THAT(header("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }"), Contains("has dtype '<c8'"));
  CHECK_THAT(header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), Contains("has dtype '|O'"));
  CHECK_THAT(header("{'descr': '<f4', 'shape': (2,), }"), Contains("no descr, fortran_order or shape"));
  CHECK_THAT(header("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}"), Contains("neither True nor False"));
  CHECK_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}"), Contains("no extent"));
  CHECK_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"),
             Contains("an extent out of range"));
  CHECK_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2)}"),
             Contains("a shape of too many elements"));
  CHECK_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 0, 8)}"),
             Contains("takes more than the limit"));
  CHECK_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}"), Contains("an unexpected 'x'"));
  CHECK_THAT(header("{'descr': '<f4"), Contains("an open quote"));
  CHECK_THAT(header(good + " junk"), Contains("text after the dictionary"));
  CHECK_THAT(refusal(npy_of(good, eight), {.max_bytes = 7}), Contains("takes more than the limit of 7 bytes"));
  CHECK_THAT(message_of([] { read_npy("/no/such.npy"); }), Contains("cannot be opened: No such file"));
  CHECK_THAT(message_of([] { read_npy("/dev/null"); }), Contains("no regular file"));
}

TEST_CASE("npz: what numpy wrote, compressed or not, and what we write", "[npy]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.npz");
  for (const char* name : {"plain.npz", "packed.npz"}) {
    INFO(name);
    const NamedArrays arrays = read_npz(data + name);
    REQUIRE(arrays.size() == 2);
    CHECK(same(array_named(arrays, "x"), read_npy(data + "f4.npy")));
    CHECK(same(array_named(arrays, "y"), read_npy(data + "u1.npy")));
    write_npz(path, arrays);
    CHECK(same(array_named(read_npz(path), "x"), arrays[0].second));
  }
  const std::string once = contents_of(path);
  write_npz(path, read_npz(path));
  CHECK(contents_of(path) == once);
  CHECK(folder.files() == 1);
  write_npz(path, {});
  CHECK(read_npz(path).empty());
  CHECK_THAT(message_of([&] { array_named(read_npz(data + "plain.npz"), "z"); }), Contains("unknown array 'z'"));
}

TEST_CASE("npz: malformed files", "[npy]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.npz");
  const auto read = [&](std::int64_t limit = 1 << 20) {
    return message_of([&] { read_npz(path, {.max_bytes = limit}); });
  };
  testing::write(path, "no zip at all");
  CHECK_THAT(read(), Contains("cannot be read as a zip file"));
  write_npz(path, {{"x", Array::zeros({100})}, {"y", Array::zeros({100})}});
  const std::string good = contents_of(path);
  CHECK(read() == "no error");
  CHECK_THAT(read(799), Contains("'y.npy': shape [100] of <f4 takes more than the limit of 399 bytes"));
  std::string bad = good;
  bad[300] = static_cast<char>(bad[300] ^ 1);  // an element of x
  testing::write(path, bad);
  CHECK_THAT(read(), Contains("'x.npy': is damaged: CRC error"));
  testing::write(path, good.substr(0, 600));
  CHECK_THAT(read(), Contains("cannot be read as a zip file"));
  CHECK_THAT(message_of([&] { write_npz(path, {{"x", Array(1.0)}, {"x", Array(2.0)}}); }),
             Contains("two arrays are named 'x'"));
}

TEST_CASE("idx: seen in place", "[npy]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.idx");
  const std::string good = std::string({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3}) + "abcdef";
  testing::write(path, good);
  CHECK(same(map_idx(path), read_idx(path)));
  const auto refused = [&](const std::string& bytes) {
    testing::write(path, bytes);
    return message_of([&] { map_idx(path); });
  };
  CHECK_THAT(refused(good.substr(0, 3)), Contains("within the magic"));
  CHECK_THAT(refused(good.substr(0, 9)), Contains("within its extents, which reach byte 12"));
  CHECK_THAT(refused(good.substr(0, 17)), Contains("ends at byte 17 within the elements: axis 1 has extent 3"));
  CHECK_THAT(refused(good + "g"), Contains("goes on after its elements, at byte 18"));
  CHECK_THAT(refused(std::string({0, 0, 13, 1, 0, 0, 0, 1}) + "abcd"), Contains("only bytes (type 08)"));
  CHECK_THAT(refused("PNG!"), Contains("is no IDX file"));
  CHECK_THAT(refused(std::string({0, 0, 8, 9})), Contains("expected 1 to 8 axes"));
}

// CSV files.

#include <zlib.h>

#include <sinter/sinter.h>
#include <cmath>

#include "frontend/files_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

CsvTable table_of(const std::string& text, const CsvOptions& options = {}) {
  const TemporaryFolder folder;
  testing::write(folder.file("t.csv"), text);
  return read_csv(folder.file("t.csv"), options);
}

/// The message for this text, without the path.
std::string refusal(const std::string& text, const CsvOptions& options = {}) {
  const std::string message = message_of([&] { table_of(text, options).numbers(); });
  const std::size_t at = message.find("t.csv");
  return at == std::string::npos ? message : message.substr(at);
}

std::vector<float> floats(const Array& a) { return {a.span<float>().begin(), a.span<float>().end()}; }

}  // namespace

TEST_CASE("csv: names, numbers and classes", "[csv]") {
  const CsvTable t = table_of("length, width,species\n5.1,3.5,setosa\n7,3.2e0,versicolor\n-1,+.5,setosa\n");
  CHECK(t.rows() == 3);
  CHECK(t.columns() == std::vector<std::string>{"length", "width", "species"});
  CHECK(t.numbers({"width", "length"}).shape() == Shape{3, 2});
  CHECK(floats(t.numbers({"width", "length"})) == std::vector<float>{3.5F, 5.1F, 3.2F, 7, 0.5F, -1});
  CHECK(floats(t.column("length")) == std::vector<float>{5.1F, 7, -1});
  CHECK(t.class_names("species") == std::vector<std::string>{"setosa", "versicolor"});
  const Array classes = t.classes("species");
  CHECK(std::vector<std::int32_t>(classes.span<std::int32_t>().begin(), classes.span<std::int32_t>().end()) ==
        std::vector<std::int32_t>{0, 1, 0});
  CHECK(t.text(1, "species") == "versicolor");
  CHECK(message_of([&] { t.column("lenght"); }).find("did you mean 'length'?") != std::string::npos);
  CHECK(message_of([&] { t.text(3, "length"); }).ends_with("t.csv: there is no row 3, there are 3"));
}

TEST_CASE("csv: a header is found, or said", "[csv]") {
  CHECK(table_of("1,2\n3,4\n").columns() == std::vector<std::string>{"0", "1"});
  CHECK(table_of("1,2\n3,4\n").rows() == 2);
  CHECK(table_of("1,2\n3,4\n", {.header = true}).columns() == std::vector<std::string>{"1", "2"});
  CHECK(table_of("NA,2\n3,4\n").rows() == 2);  // a missing value is no name
  CHECK(table_of("a,b\nc,d\n", {.header = false}).rows() == 2);
  CHECK(table_of("a,b\n").rows() == 0);
  CHECK(table_of("a,b\n").numbers().shape() == Shape{0, 2});
}

TEST_CASE("csv: quotes, ends of lines, separators", "[csv]") {
  const CsvTable t =
      table_of("\xEF\xBB\xBFname,note\r\n\"a,b\" , \"he said \"\"hi\"\"\nand left\"\r\n\r\nplain,\r\nlast,x");
  CHECK(t.columns().front() == "name");
  REQUIRE(t.rows() == 3);  // the blank line is none
  CHECK(t.text(0, "name") == "a,b");
  CHECK(t.text(0, "note") == "he said \"hi\"\nand left");
  CHECK(t.text(1, "note").empty());
  CHECK(t.text(2, "note") == "x");
  CHECK(floats(table_of("1;2\n", {.separator = ';'}).numbers()) == std::vector<float>{1, 2});
  CHECK(floats(table_of("1\t2\t\n", {.separator = '\t'}).numbers())[1] == 2.0F);
  CHECK(table_of("a\n1\n\n3\n").rows() == 3);  // of one column: a missing value
}

TEST_CASE("csv: missing values", "[csv]") {
  const CsvTable t = table_of("a,b,c\n1,NA,x\n,2,\n");
  CHECK(std::isnan(t.numbers({"b"}).at(0, 0)));
  CHECK(std::isnan(t.numbers({"a"}).at(1, 0)));
  CHECK(t.class_names("c") == std::vector<std::string>{"x"});
  CHECK(message_of([&] { t.classes("c"); }).ends_with("t.csv: line 3, column 3 ('c'): the class is missing"));
  CHECK(floats(table_of("1,-\n", {.header = false, .missing = {"-"}, .missing_value = 0.5}).numbers()) ==
        std::vector<float>{1, 0.5F});
}

TEST_CASE("csv: errors name line and column", "[csv]") {
  CHECK(refusal("a,b\n1,2\n3,x4\n") ==
        "t.csv: line 3, column 2 ('b'): expected a number, got 'x4'; classes() reads columns of texts, .missing says "
        "what stands for no value");
  CHECK(refusal("a,b\n1,2,3\n") == "t.csv: line 2: expected 2 fields, as in the first row, got 3");
  CHECK(refusal("a,b\n\"1\n2\",3\n4\n") == "t.csv: line 4: expected 2 fields, as in the first row, got 1");
  CHECK(refusal("a,b\n1,\"2\n3\n") == "t.csv: line 2, column 2: a quote is opened and never closed");
  CHECK(refusal("a,b\n\"1\"x,2\n") == "t.csv: line 2, column 1: text after the closing quote");
  CHECK(refusal("a,a\n1,2\n") == "t.csv: two columns are named 'a'; give them different names");
  CHECK(refusal("") == "t.csv: holds no rows");
  CHECK(refusal("1,2\n", {.max_bytes = 3}) == "t.csv: has more than the limit of 3 bytes");
  CHECK(refusal("1", {.separator = '"'}) == "read_csv: quotes and ends of lines cannot separate fields");
  CHECK(message_of([] { read_csv("/no/such.csv"); }) == "/no/such.csv: cannot be opened: No such file or directory");
}

TEST_CASE("csv: gzip, whole and cut off", "[csv]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("t.csv.gz");
  const std::string text = "a,b\n1,2\n";
  const gzFile out = gzopen(path.c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  CHECK(read_csv(path).numbers().at(0, 1) == 2.0);
  const std::string bytes = testing::contents_of(path);
  testing::write(path, bytes.substr(0, bytes.size() - 6));
  CHECK(message_of([&] { read_csv(path); }).find("cannot be read at byte") != std::string::npos);
}

TEST_CASE("csv: any bytes give a table or a UserError", "[csv]") {
  std::uint64_t state = 1;
  const std::string alphabet = "ab1,\"\n\r ;\t.-e+\xff";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (state = state * 6364136223846793005U + 1442695040888963407U; text.size() < (state >> 33) % 24;) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      text += alphabet[(state >> 33) % alphabet.size()];
    }
    try {
      const CsvTable t = table_of(text);
      for (const std::string& column : t.columns())
        CHECK(t.class_names(column).size() <= static_cast<std::size_t>(t.rows()));
    } catch (const UserError&) {
    }
  }
}

// The plan checker: what it accepts, what it says about broken plans, and that random plans are judged as a simulation
// of the arena judges them.

#include <array>
#include <random>

#include <sinter/ir/ops.h>
#include <sinter/ir/plan_checker.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>

#include "support/catch.h"

using namespace sinter;
using namespace sinter::ir;

namespace {

using Strings = std::vector<std::string>;

/// A kernel that negates buffer `from` into `to`; the buffers are f32[16], 64 bytes.
std::string neg(const std::string& from, const std::string& to, const std::string& name = "neg") {
  return "kernel \"" + name + "\" (" + from + ") -> (" + to +
         ") {form = pointwise} { %0 = input \"p\" : f32[16] %1 = neg %0 return %1 \"r\" }\n";
}

std::string program(const std::string& buffers, const std::string& items, int arena = 128) {
  return "program @p { arena " + std::to_string(arena) + " bytes, lower bound 64 bytes\n%b0 = input \"x\" : f32[16]\n" +
         "%b1 = output \"y\" : f32[16]\n" + buffers + items + "}";
}

Strings judged(const std::string& text) { return plan_violations(parse_program(text)); }

const std::string two_slots = "%b2 = arena offset 0 : f32[16]\n%b3 = arena offset 64 : f32[16]\n";

}  // namespace

TEST_CASE("a chain through two slots is sound") {
  CHECK(judged(program(two_slots, neg("%b0", "%b2") + neg("%b2", "%b3") + neg("%b3", "%b2") + neg("%b2", "%b1")))
            .empty());
}

TEST_CASE("a slot is free after its last reader") {
  const std::string third = "%b4 = arena offset 0 : f32[16]\n";
  CHECK(
      judged(program(two_slots + third, neg("%b0", "%b2") + neg("%b2", "%b3") + neg("%b3", "%b4") + neg("%b4", "%b1")))
          .empty());
}

TEST_CASE("an overlap of live buffers is caught") {
  const std::string overlapping = "%b2 = arena offset 0 : f32[16]\n%b3 = arena offset 0 : f32[16]\n";
  SECTION("a later kernel still needs the first") {
    CHECK(judged(program(overlapping, neg("%b0", "%b2", "a") + neg("%b0", "%b3", "b") + neg("%b2", "%b1", "c"))) ==
          Strings{"%b2 and %b3 share bytes 0..63 of the arena and are both live: %b2 from kernel #0 \"a\" to kernel #2 "
                  "\"c\", %b3 from kernel #1 \"b\" to kernel #1 \"b\""});
  }
  SECTION("a kernel must not write over what it reads under another id") {
    CHECK(judged(program(overlapping, neg("%b0", "%b2", "a") + neg("%b2", "%b3", "b") + neg("%b3", "%b1", "c"))) ==
          Strings{"%b2 and %b3 share bytes 0..63 of the arena and are both live: %b2 from kernel #0 \"a\" to kernel #1 "
                  "\"b\", %b3 from kernel #1 \"b\" to kernel #2 \"c\""});
  }
  SECTION("a partial overlap counts") {
    const std::string partial = "%b2 = arena offset 0 : f32[17]\n%b3 = arena offset 64 : f32[16]\n";
    const std::string wide =
        "kernel \"w\" () -> (%b2) {form = pointwise} { %0 = iota {dtype = f32, shape = <17>, axis = 0} "
        "return %0 \"r\" }\n";
    const std::string sum =
        "kernel \"s\" (%b2) -> (%b1) {form = pointwise} { %0 = input \"p\" : f32[17] "
        "%1 = slice %0 {start = [0], limit = [16], stride = [1]} return %1 \"r\" }\n";
    CHECK(
        judged(program(partial, wide + neg("%b0", "%b3") + sum)) ==
        Strings{"%b2 and %b3 share bytes 64..67 of the arena and are both live: %b2 from kernel #0 \"w\" to kernel #2 "
                "\"s\", %b3 from kernel #1 \"neg\" to kernel #1 \"neg\""});
  }
}

TEST_CASE("an empty buffer shares no bytes") {
  const std::string buffers = "%b2 = arena offset 0 : f32[16]\n%b3 = arena offset 0 : f32[0]\n";
  const std::string none =
      "kernel \"e\" () -> (%b3) {form = pointwise} { %0 = constant [] : f32[0] return %0 \"r\" }\n";
  CHECK(judged(program(buffers, neg("%b0", "%b2") + none + neg("%b2", "%b1"))).empty());
}

TEST_CASE("a read before the write is caught") {
  CHECK(judged(program(two_slots, neg("%b2", "%b1", "early") + neg("%b0", "%b2"))) ==
        Strings{"kernel #0 \"early\" reads %b2 before anything was written there"});
  CHECK(judged(program(two_slots, neg("%b1", "%b2", "early") + neg("%b2", "%b1"))) ==
        Strings{"kernel #0 \"early\" reads %b1 before anything was written there"});
}

TEST_CASE("an output that nobody writes is caught") {
  CHECK(judged(program(two_slots, neg("%b0", "%b2"))) == Strings{"%b1: output \"y\" is never written"});
}

TEST_CASE("arena buffers are aligned and inside") {
  const std::string items = neg("%b0", "%b1");
  CHECK(judged(program("%b2 = arena offset 32 : f32[16]\n", items)) ==
        Strings{"%b2: offset 32 is not a multiple of 64"});
  CHECK(judged(program("%b2 = arena offset 128 : f32[16]\n", items)) ==
        Strings{"%b2: 64 bytes at offset 128 leave the arena of 128 bytes"});
  CHECK(judged(program("%b2 = arena offset -64 : f32[16]\n", items)) ==
        Strings{"%b2: 64 bytes at offset -64 leave the arena of 128 bytes"});
  CHECK(judged(program("%b2 = arena offset 9223372036854775744 : f32[16]\n", items)) ==
        Strings{"%b2: 64 bytes at offset 9223372036854775744 leave the arena of 128 bytes"});
  CHECK(judged(program("", items, 0)) == Strings{"the arena has 0 bytes, below its lower bound of 64"});
}

TEST_CASE("a loop keeps what it touches until it ends") {
  const std::string shared = "%b2 = arena offset 0 : f32[16]\n%b3 = arena offset 0 : f32[16]\n";
  const std::string body = neg("%b2", "%b1", "use") + neg("%b0", "%b3", "clobber");
  CHECK(judged(program(shared, neg("%b0", "%b2") + body)).empty());
  CHECK(judged(program(shared, neg("%b0", "%b2") + "for 2 {" + body + "}")) ==
        Strings{"%b2 and %b3 share bytes 0..63 of the arena and are both live: %b2 from kernel #0 \"neg\" to kernel #2 "
                "\"clobber\", %b3 from kernel #1 \"use\" to kernel #2 \"clobber\""});
  CHECK(
      judged(program(shared, neg("%b0", "%b2") + "for 2 { for 1 {" + neg("%b2", "%b1") + "}" + neg("%b0", "%b3") + "}"))
          .size() == 1);
  CHECK(judged(program(shared, "for 2 {" + neg("%b0", "%b2") + neg("%b2", "%b1") + "}" + neg("%b0", "%b3"))).empty());
}

TEST_CASE("an overlap in a loop is reported once") {
  const std::string shared = "%b2 = arena offset 0 : f32[16]\n%b3 = arena offset 0 : f32[16]\n";
  const std::string twice = neg("%b0", "%b2") + neg("%b2", "%b1") + neg("%b0", "%b2") + neg("%b0", "%b3");
  CHECK(judged(program(shared, "for 2 {" + twice + "}")).size() == 1);
}

TEST_CASE("a carried value must be written before its loop") {
  const std::string loop = "for 3 {" + neg("%b2", "%b1", "use") + neg("%b0", "%b2") + "}";
  CHECK(judged(program(two_slots, loop)) == Strings{"kernel #0 \"use\" reads %b2 before anything was written there"});
  CHECK(judged(program(two_slots, neg("%b0", "%b2") + loop)).empty());
}

namespace {

/// A kernel that reads and writes %b2 (f32[4,4]) with `body`, whose input is %0.
Strings in_place(const std::string& body) {
  return judged(
      program("%b2 = state \"w\" : f32[4,4]\n",
              "kernel \"k\" (%b2, %b0) -> (%b2) {form = pointwise} { %0 = input \"w\" : f32[4,4] %1 = input \"x\" : "
              "f32[16] " +
                  body + " }" + neg("%b0", "%b1")));
}

}  // namespace

TEST_CASE("in-place kernels read each element only where they write it") {
  const Strings refused = {"kernel #0 \"k\" writes %b2 in place, but reads other elements of it as input 0"};
  CHECK(in_place("%2 = neg %0 %3 = add %0, %2 return %3 \"r\"").empty());
  CHECK(in_place("%2 = reshape %0 {shape = <16>} %3 = sub %2, %1 return %3 \"r\"").empty());
  CHECK(in_place("%2 = reshape %1 {shape = <4,4>} return %2 \"r\"").empty());
  CHECK(in_place("%2 = reverse %0 {axes = [0]} %3 = neg %0 return %3 \"r\"").empty());  // %2 is not needed
  CHECK(in_place("%2 = reverse %0 {axes = [0]} %3 = add %0, %2 return %3 \"r\"") == refused);
  CHECK(in_place("%2 = transpose %0 {permutation = [1, 0]} return %2 \"r\"") == refused);
  const std::string subtracted = " %3 = broadcast %2 {shape = <4,4>, dims = [0]} %4 = sub %0, %3 return %4 \"r\"";
  CHECK(in_place("%2 = reduce_sum %0 {axes = [1]}" + subtracted).empty());  // a row's sum is finished before the row
  CHECK(in_place("%2 = reduce_sum %0 {axes = [0]}" + subtracted) == refused);
  CHECK(in_place("%2 = dot %0, %0 {batch_a = [], batch_b = [], contract_a = [1], contract_b = [0]} return %2 \"r\"") ==
        refused);
}

TEST_CASE("scatter_add may update its first operand in place, and nothing else") {
  const auto scatter = [](const std::string& operands) {
    return judged(
        program("%b2 = state \"w\" : f32[16]\n%b3 = input \"i\" : i32[16]\n",
                "kernel \"k\" (%b2, %b3, %b0) -> (%b2) {form = scatter} { %0 = input \"w\" : f32[16] %1 = input "
                "\"i\" : i32[16] %2 = input \"u\" : f32[16] %3 = scatter_add " +
                    operands + " {axis = 0} return %3 \"r\" }" + neg("%b0", "%b1")));
  };
  CHECK(scatter("%0, %1, %2").empty());
  CHECK(scatter("%2, %1, %0").size() == 1);
}

namespace {

constexpr std::int64_t block = 64;

/// A random program over arena buffers of 1 to 3 blocks; its kernels compute nothing worth reading.
class RandomPlan {
 public:
  explicit RandomPlan(std::uint32_t seed, bool loops) : random_(seed) {
    const int buffers = 2 + pick(5);
    std::int64_t blocks = 4 + pick(8);
    plan_.arena_bytes = blocks * block;
    for (int k = 0; k < buffers; ++k) {
      const std::int64_t size = 1 + pick(3);
      const std::int64_t at = pick(static_cast<int>(blocks - size + 1));
      plan_.buffers.push_back({BufferKind::arena, "", {DType::f32, {size * 16}}, at * block, {}});
    }
    for (int k = 0; k < 3; ++k) append_items(plan_.items, loops);
  }
  Program take() { return std::move(plan_); }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  BufferId buffer() { return static_cast<BufferId>(pick(static_cast<int>(plan_.buffers.size()))); }

  void append_items(std::vector<Item>& items, bool loops) {
    for (int k = pick(3); k >= 0; --k) items.emplace_back(kernel());
    if (!loops || pick(2) == 0) return;
    Loop loop{2, {}};
    append_items(loop.items, pick(3) == 0);
    items.emplace_back(std::make_shared<const Loop>(std::move(loop)));
  }

  Kernel kernel() {
    Kernel k;
    auto body = std::make_shared<Graph>();
    // Values are mostly read after they were written, so that sound plans are not too rare.
    for (int n = written_.empty() ? 0 : pick(3); n > 0; --n) {
      const bool any = pick(20) == 0;
      const BufferId id = any ? buffer() : written_[static_cast<std::size_t>(pick(static_cast<int>(written_.size())))];
      k.inputs.push_back(id);
      input(*body, "p" + std::to_string(n), plan_.buffers[id].type);
    }
    const BufferId id = buffer();
    const TensorType& type = plan_.buffers[id].type;
    body->add_output("r", iota(*body, type.dtype, type.shape, 0).value());
    k.outputs.push_back(id);
    written_.push_back(id);
    k.body = std::move(body);
    return k;
  }

  std::mt19937 random_;
  Program plan_;
  std::vector<BufferId> written_;
};

/// Runs a plan block by block: each block of the arena remembers which buffer wrote it last.
class Simulation {
 public:
  explicit Simulation(const Program& p) : program_(p), owner_(static_cast<std::size_t>(p.arena_bytes / block), -1) {
    run(p.items);
  }
  bool sound() const { return sound_; }

 private:
  void run(const std::vector<Item>& items) {
    for (const Item& item : items) {
      if (const auto* kernel = std::get_if<Kernel>(&item)) run(*kernel);
      const auto* loop = std::get_if<std::shared_ptr<const Loop>>(&item);
      for (std::int64_t k = 0; loop != nullptr && k < (*loop)->count; ++k) run((*loop)->items);
    }
  }
  void run(const Kernel& k) {
    for (const BufferId id : k.inputs) expect(id);
    for (const BufferId id : k.outputs) each_block(id, [&](int& owner) { owner = static_cast<int>(id); });
    for (const BufferId id : k.inputs) expect(id);  // it may read at any time
  }
  void expect(BufferId id) {
    each_block(id, [&](const int& owner) { sound_ = sound_ && owner == static_cast<int>(id); });
  }
  template <class Visit>
  void each_block(BufferId id, Visit visit) {
    const Buffer& b = program_.buffers[id];
    for (std::int64_t at = b.offset; at < b.offset + b.type.bytes(); at += block)
      visit(owner_[static_cast<std::size_t>(at / block)]);
  }

  const Program& program_;
  std::vector<int> owner_;
  bool sound_ = true;
};

}  // namespace

TEST_CASE("random plans without loops are judged exactly as the arena behaves") {
  std::array<int, 2> seen{};
  for (std::uint32_t seed = 0; seed < 4000; ++seed) {
    const Program p = RandomPlan(seed, false).take();
    const bool sound = Simulation(p).sound();
    ++seen[sound ? 1 : 0];
    if (plan_violations(p).empty() != sound) FAIL("seed " << seed << ", sound: " << sound << "\n" << print(p));
  }
  CHECK(seen[0] > 400);
  CHECK(seen[1] > 400);
}

TEST_CASE("no random plan with loops passes that the arena would not stand") {
  std::array<int, 2> seen{};
  for (std::uint32_t seed = 0; seed < 4000; ++seed) {
    const Program p = RandomPlan(seed, true).take();
    const bool passes = plan_violations(p).empty();
    ++seen[passes ? 1 : 0];
    if (passes && !Simulation(p).sound()) FAIL("seed " << seed << "\n" << print(p));
  }
  CHECK(seen[0] > 400);
  CHECK(seen[1] > 400);
}

TEST_CASE("moving one buffer of a sound plan onto a live one is caught") {
  const std::string good = program("%b2 = arena offset 0 : f32[16]\n%b3 = arena offset 64 : f32[16]\n",
                                   neg("%b0", "%b2") + neg("%b2", "%b3") + neg("%b3", "%b1"));
  Program p = parse_program(good);
  REQUIRE(violations(p).empty());
  p.buffers[3].offset = 0;
  CHECK(violations(p).size() == 1);
}

TEST_CASE("swapping two kernels of a sound plan is caught") {
  Program p = parse_program(program(two_slots, neg("%b0", "%b2") + neg("%b2", "%b3") + neg("%b3", "%b1")));
  REQUIRE(violations(p).empty());
  std::swap(p.items[0], p.items[1]);
  CHECK(violations(p).size() == 1);
}

#include <sinter/ir/fp_environment.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace sinter::ir {

namespace {

#if defined(__SSE2__)

std::uint64_t read_control() { return _mm_getcsr(); }
void write_control(std::uint64_t value) { _mm_setcsr(static_cast<unsigned>(value)); }

std::uint64_t flushing(std::uint64_t control) {
  constexpr std::uint64_t denormals_are_zero = 1U << 6U;
  constexpr std::uint64_t exception_masks = 0x3FU << 7U;
  constexpr std::uint64_t rounding = 3U << 13U;
  constexpr std::uint64_t flush_to_zero = 1U << 15U;
  return (control & ~rounding) | denormals_are_zero | exception_masks | flush_to_zero;
}

#elif defined(__aarch64__)

std::uint64_t read_control() {
  std::uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}

void write_control(std::uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value) : "memory"); }

std::uint64_t flushing(std::uint64_t control) {
  constexpr std::uint64_t exception_enables = 0x9FU << 8U;  // IOE, DZE, OFE, UFE, IXE, IDE
  constexpr std::uint64_t rounding = 3U << 22U;
  constexpr std::uint64_t flush_to_zero = 1U << 24U;  // inputs and results
  return (control & ~(exception_enables | rounding)) | flush_to_zero;
}

#else

std::uint64_t read_control() { return 0; }
void write_control(std::uint64_t) {}
std::uint64_t flushing(std::uint64_t control) { return control; }

#endif

}  // namespace

FlushDenormals::FlushDenormals() : saved_(read_control()) { write_control(flushing(saved_)); }

FlushDenormals::~FlushDenormals() { write_control(saved_); }

}  // namespace sinter::ir

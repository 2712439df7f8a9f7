// The floor of the elementwise workload: what a person would write. Nothing is stored but the gradient; exp is a
// polynomial, and quotients and roots are estimates with one Newton step, so it computes with fewer digits than a
// compiled step.

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "ceilings.h"
#include "parallel_run.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC diagnostic ignored "-Wpsabi"
#define SINTER_BENCH_AVX512 __attribute__((target("avx512f"), always_inline)) inline
#endif

namespace sinter::bench {

#if defined(__x86_64__)

namespace {

using V = __m512;

SINTER_BENCH_AVX512 V all(float value) { return _mm512_set1_ps(value); }

/// x = n log 2 + r with |r| <= log 2 / 2; a polynomial in r, scaled by 2^n.
SINTER_BENCH_AVX512 V exponential(V x) {
  const V n = _mm512_roundscale_ps(_mm512_mul_ps(x, all(1.44269504F)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  V r = _mm512_fnmadd_ps(n, all(0.693359375F), x);
  r = _mm512_fnmadd_ps(n, all(-2.12194440e-4F), r);
  V p = all(1.0F / 720);
  for (const float c : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) p = _mm512_fmadd_ps(p, r, all(c));
  return _mm512_scalef_ps(p, n);
}

SINTER_BENCH_AVX512 V inverse(V x) {
  const V y = _mm512_rcp14_ps(x);
  return _mm512_mul_ps(y, _mm512_fnmadd_ps(x, y, all(2.0F)));
}

SINTER_BENCH_AVX512 V inverse_root(V x) {
  const V y = _mm512_rsqrt14_ps(x);
  return _mm512_mul_ps(y, _mm512_fnmadd_ps(_mm512_mul_ps(_mm512_mul_ps(all(0.5F), x), y), y, all(1.5F)));
}

/// Elements [first, last) in steps of 16; g is the gradient of one value. Returns the sum of the values.
__attribute__((target("avx512f"))) double share(const float* x, float* dx, std::size_t first, std::size_t last,
                                                float each) {
  const V one = all(1.0F), g = all(each);
  V sum = _mm512_setzero_ps();
  for (std::size_t i = first; i < last; i += 16) {
    const V v = _mm512_loadu_ps(x + i);
    const V s =
        inverse(_mm512_add_ps(one, exponential(_mm512_sub_ps(all(-0.25F), _mm512_mul_ps(v, all(1.5F))))));  // sigmoid
    const V t =
        _mm512_fnmadd_ps(all(2.0F), inverse(_mm512_add_ps(one, exponential(_mm512_add_ps(v, v)))), one);  // tanh
    const V e = exponential(_mm512_mul_ps(_mm512_mul_ps(v, v), all(-0.5F)));
    const V y = _mm512_fmadd_ps(s, t, e);
    const __mmask16 positive = _mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_GT_OQ);
    const V shifted = _mm512_add_ps(_mm512_maskz_mov_ps(positive, y), all(0.001F));
    const V r = inverse_root(shifted);
    const V root = _mm512_mul_ps(shifted, r);
    sum = _mm512_fmadd_ps(root, t, sum);

    const V dy = _mm512_maskz_mov_ps(positive, _mm512_mul_ps(_mm512_mul_ps(g, t), _mm512_mul_ps(all(0.5F), r)));
    const V dt = _mm512_fmadd_ps(dy, s, _mm512_mul_ps(g, root));
    V d = _mm512_mul_ps(dt, _mm512_fnmadd_ps(t, t, one));
    d = _mm512_fnmadd_ps(_mm512_mul_ps(dy, e), v, d);
    const V ds = _mm512_mul_ps(_mm512_mul_ps(dy, t), all(1.5F));
    d = _mm512_fmadd_ps(ds, _mm512_mul_ps(s, _mm512_sub_ps(one, s)), d);
    _mm512_storeu_ps(dx + i, d);
  }
  float lanes[16];
  _mm512_storeu_ps(lanes, sum);
  return std::accumulate(std::begin(lanes), std::end(lanes), 0.0);
}

}  // namespace

std::optional<ByHand> fused_elementwise(int threads, std::span<const float> x, std::span<float> dx) {
  constexpr std::size_t most_threads = 256, block = 16384;
  if (!__builtin_cpu_supports("avx512f") || threads > static_cast<int>(most_threads)) return std::nullopt;
  const std::size_t n = x.size() / 16 * 16;
  std::array<double, most_threads> sums{};
  const double seconds = parallel_run(threads, [&](int thread, int all_threads) {
    const auto t = static_cast<std::size_t>(thread), of = static_cast<std::size_t>(all_threads);
    const std::size_t last = n / 16 * (t + 1) / of * 16;
    for (std::size_t i = n / 16 * t / of * 16; i < last; i += block)  // blocks, so that f32 sums stay short
      sums[t] += share(x.data(), dx.data(), i, std::min(i + block, last), 1.0F / static_cast<float>(n));
  });
  double loss = 0.0;
  for (const double s : sums) loss += s / static_cast<double>(n);
  return ByHand{seconds, loss};
}

#else

std::optional<ByHand> fused_elementwise(int, std::span<const float>, std::span<float>) { return std::nullopt; }

#endif

}  // namespace sinter::bench

#include "ceilings.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "parallel_run.h"
#include "protocol.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sinter::bench {

namespace {

/// Ten independent chains hide a latency of four cycles on two units.
constexpr int chains = 10;

// Keeps the compiler from leaving out work whose result nobody reads.
std::atomic<float> sink;

#if defined(__x86_64__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"

__attribute__((target("avx512f"))) double fma_avx512(long rounds) {
  const __m512 half = _mm512_set1_ps(0.5F);
  __m512 sums[chains];
  for (int k = 0; k < chains; ++k) sums[k] = _mm512_set1_ps(static_cast<float>(k));
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 10
    for (int k = 0; k < chains; ++k) sums[k] = _mm512_fmadd_ps(sums[k], half, half);
  }
  for (int k = 1; k < chains; ++k) sums[0] = _mm512_add_ps(sums[0], sums[k]);
  sink = _mm512_cvtss_f32(sums[0]);
  return 2.0 * 16 * chains * static_cast<double>(rounds);
}

__attribute__((target("avx2,fma"))) double fma_avx2(long rounds) {
  const __m256 half = _mm256_set1_ps(0.5F);
  __m256 sums[chains];
  for (int k = 0; k < chains; ++k) sums[k] = _mm256_set1_ps(static_cast<float>(k));
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 10
    for (int k = 0; k < chains; ++k) sums[k] = _mm256_fmadd_ps(sums[k], half, half);
  }
  for (int k = 1; k < chains; ++k) sums[0] = _mm256_add_ps(sums[0], sums[k]);
  sink = _mm256_cvtss_f32(sums[0]);
  return 2.0 * 8 * chains * static_cast<double>(rounds);
}

__attribute__((target("avx512f"))) void update_avx512(float* a, std::size_t n) {
  const __m512 k = _mm512_set1_ps(0.9999F), c = _mm512_set1_ps(1e-9F);
  for (std::size_t i = 0; i + 16 <= n; i += 16) _mm512_storeu_ps(a + i, _mm512_fmadd_ps(_mm512_loadu_ps(a + i), k, c));
}

#pragma GCC diagnostic pop
#endif

/// Without vectors of our own choosing: what the compiler makes of it.
double fma_plain(long rounds) {
  float sums[16 * chains] = {};
  for (long r = 0; r < rounds; ++r)
    for (float& s : sums) s = s * 0.5F + 0.5F;
  sink = sums[0] + sums[16 * chains - 1];
  return 2.0 * 16 * chains * static_cast<double>(rounds);
}

void update_plain(float* a, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) a[i] = a[i] * 0.9999F + 1e-9F;
}

using FmaLoop = double (*)(long);
using Update = void (*)(float*, std::size_t);

FmaLoop best_fma_loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return fma_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return fma_avx2;
#endif
  return fma_plain;
}

Update best_update() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return update_avx512;
#endif
  return update_plain;
}

/// The best rate of `work`, whose every thread does `amount`, in runs until `seconds` have passed (three at least).
template <class Work>
double best_rate(int threads, double seconds, double amount, Work work) {
  double best = 0.0;
  const double begin = now();
  for (int k = 0; k < 3 || now() - begin < seconds; ++k)
    best = std::max(best, threads * amount / parallel_run(threads, work));
  return best;
}

}  // namespace

double fma_peak_gflops(int threads, double seconds) {
  constexpr long rounds = 200'000;  // about 0.3 ms
  const FmaLoop loop = best_fma_loop();
  return 1e-9 * best_rate(threads, seconds, loop(rounds), [&](int, int) { loop(rounds); });
}

double update_bandwidth_gbs(int threads, std::int64_t bytes, double seconds) {
  const auto n = static_cast<std::size_t>(bytes) / sizeof(float);
  std::vector<std::vector<float>> data(static_cast<std::size_t>(threads));
  for (std::vector<float>& d : data) d.assign(n, 1.0F);
  const Update update = best_update();
  const long repeats = std::max(std::int64_t{1}, (std::int64_t{4} << 20) / bytes);
  const double amount = 2.0 * sizeof(float) * static_cast<double>(n) * static_cast<double>(repeats);
  return 1e-9 * best_rate(threads, seconds, amount, [&](int t, int) {
           for (long k = 0; k < repeats; ++k) update(data[static_cast<std::size_t>(t)].data(), n);
         });
}

}  // namespace sinter::bench

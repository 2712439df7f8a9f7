#pragma once
/* How compiled steps call a function of the user's, in C99 and C++. This header stands alone; the header of an exported
   step that calls such functions declares the same.

   A function gets the addresses of its operands, those of its results, and the shapes of all of them, operands first.
   Tensors are dense and row-major; i1 is a byte that is 0 or 1, bf16 and f16 are uint16_t. Addresses are multiples of
   the element's size, or of 4 where that is less; that of an empty tensor may be anything.

   It has to be

     pure           it reads its operands and writes every element of its results, nothing else;
     deterministic  equal operands give equal bits: no random numbers, no clock, no memory of earlier calls;
     thread-safe    several steps may call it at the same time;
     silent         it throws no exception and does not leave by longjmp.

   It is called by one thread of the step, while arithmetic rounds to nearest and denormals are flushed (FTZ, DAZ); if
   it changes the control register, it restores it. How often it is called is not promised: equal calls are merged,
   calls that nobody needs are dropped. */

#include <stdint.h> /* NOLINT(modernize-deprecated-headers) */

/* Version of the above. */
#define SINTER_EXTERN_ABI_VERSION 1

/* NOLINTBEGIN(modernize-use-using): this is C as well */
#ifdef __cplusplus
extern "C" {
#endif

#ifndef SINTER_SHAPE
#define SINTER_SHAPE
/* The shape of a tensor. */
typedef struct sinter_shape {
  int64_t elements; /* the product of its extents */
  int64_t rank;
  const int64_t* extents; /* `rank` of them, the outermost first */
} sinter_shape;
#endif

typedef void (*sinter_extern_function)(const void* const* inputs, void* const* outputs, const sinter_shape* shapes);
/* NOLINTEND(modernize-use-using) */

#ifdef __cplusplus
}
#endif

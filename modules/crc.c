/* crc.c -- the three checksums that AWS asks for: CRC-32, CRC-32C and CRC-64/NVME. */
#include "crc.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define FOLDING 1
#else
#define FOLDING 0
#endif

/*
** All three are bit-reflected, so one code serves them: a state of 64 bits, of
** which a CRC-32 uses the lower half. Slice-by-8 reads eight bytes at a time
** through eight tables; where the CPU multiplies polynomials, 64 bytes at a
** time are folded into 16 and only those go through the tables.
*/
typedef struct engine {
  uint64_t table[8][256];
  uint64_t fold[4];             /* x^(512+63), x^511, x^(128+63), x^127 mod P, reflected */
  int ready;
} engine;

static const uint64_t polynomials[TL_CRCKINDS] = {
  0xedb88320u, 0x82f63b78u, 0x9a6c9329ac4bc9b5u
};
static const uint64_t ones[TL_CRCKINDS] = {0xffffffffu, 0xffffffffu, ~(uint64_t)0};

static engine engines[TL_CRCKINDS];          /* constants, made on first use */


size_t tl_crcsize (tl_crckind kind) {
  return kind == TL_CRC64NVME ? 8 : 4;
}


/* x^n mod P as a reflected word: bit 63-i is the coefficient of x^i. */
static uint64_t power (tl_crckind kind, int n) {
  uint64_t p = kind == TL_CRC64NVME ? polynomials[kind] : polynomials[kind] << 32;
  uint64_t low = kind == TL_CRC64NVME ? 1 : (uint64_t)1 << 32;     /* highest degree below P's */
  uint64_t v = (uint64_t)1 << 63;
  for (; n > 0; n--) v = v & low ? ((v ^ low) >> 1) ^ p : v >> 1;
  return v;
}


static engine *prepare (tl_crckind kind) {
  engine *e = &engines[kind];
  int i, k;
  if (e->ready) return e;
  for (i = 0; i < 256; i++) {
    uint64_t v = (uint64_t)i;
    for (k = 0; k < 8; k++) v = v & 1 ? (v >> 1) ^ polynomials[kind] : v >> 1;
    e->table[0][i] = v;
  }
  for (k = 1; k < 8; k++)
    for (i = 0; i < 256; i++) {
      uint64_t v = e->table[k - 1][i];
      e->table[k][i] = (v >> 8) ^ e->table[0][v & 255];
    }
  e->fold[0] = power(kind, 512 + 63);
  e->fold[1] = power(kind, 511);
  e->fold[2] = power(kind, 128 + 63);
  e->fold[3] = power(kind, 127);
  e->ready = 1;
  return e;
}


static uint64_t load (const unsigned char *s) {
  return (uint64_t)s[0] | (uint64_t)s[1] << 8 | (uint64_t)s[2] << 16 | (uint64_t)s[3] << 24 |
         (uint64_t)s[4] << 32 | (uint64_t)s[5] << 40 | (uint64_t)s[6] << 48 |
         (uint64_t)s[7] << 56;
}


static uint64_t slice (const engine *e, uint64_t crc, const unsigned char *s, size_t n) {
  for (; n >= 8; n -= 8, s += 8) {
    uint64_t v = crc ^ load(s);
    crc = e->table[7][v & 255] ^ e->table[6][v >> 8 & 255] ^ e->table[5][v >> 16 & 255] ^
          e->table[4][v >> 24 & 255] ^ e->table[3][v >> 32 & 255] ^
          e->table[2][v >> 40 & 255] ^ e->table[1][v >> 48 & 255] ^ e->table[0][v >> 56];
  }
  for (; n > 0; n--) crc = (crc >> 8) ^ e->table[0][(crc ^ *s++) & 255];
  return crc;
}

#if FOLDING

#define TARGET __attribute__((target("pclmul,sse2")))

/* a * x^d + b: the low word is 64 degrees above the high one, whence two constants. */
TARGET static __m128i fold (__m128i a, __m128i k, __m128i b) {
  __m128i low = _mm_clmulepi64_si128(a, k, 0x00), high = _mm_clmulepi64_si128(a, k, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), b);
}


TARGET static __m128i at (const unsigned char *s) {
  return _mm_loadu_si128((const __m128i *)(const void *)s);
}


/* At least 64 bytes; `n` a multiple of 16. */
TARGET static uint64_t folded (const engine *e, uint64_t crc, const unsigned char *s, size_t n) {
  const __m128i far = _mm_set_epi64x((long long)e->fold[1], (long long)e->fold[0]);
  const __m128i near = _mm_set_epi64x((long long)e->fold[3], (long long)e->fold[2]);
  unsigned char rest[16];
  __m128i a = _mm_xor_si128(at(s), _mm_set_epi64x(0, (long long)crc));
  __m128i b = at(s + 16), c = at(s + 32), d = at(s + 48);
  for (s += 64, n -= 64; n >= 64; n -= 64, s += 64) {
    a = fold(a, far, at(s));
    b = fold(b, far, at(s + 16));
    c = fold(c, far, at(s + 32));
    d = fold(d, far, at(s + 48));
  }
  a = fold(fold(fold(a, near, b), near, c), near, d);
  for (; n >= 16; n -= 16, s += 16) a = fold(a, near, at(s));
  _mm_storeu_si128((__m128i *)(void *)rest, a);
  return slice(e, 0, rest, sizeof rest);
}


static int folds (void) {
  return __builtin_cpu_supports("pclmul");
}

#else

static uint64_t folded (const engine *e, uint64_t crc, const unsigned char *s, size_t n) {
  return slice(e, crc, s, n);
}


static int folds (void) {
  return 0;
}

#endif


uint64_t tl_crc (tl_crckind kind, uint64_t crc, const void *s, size_t n) {
  const engine *e = prepare(kind);
  const unsigned char *at_s = s;
  crc ^= ones[kind];
  if (n >= 64 && folds()) {
    size_t whole = n - n % 16;
    crc = folded(e, crc, at_s, whole);
    at_s += whole;
    n -= whole;
  }
  return slice(e, crc, at_s, n) ^ ones[kind];
}


void tl_crcbytes (tl_crckind kind, uint64_t crc, unsigned char *out) {
  size_t i, n = tl_crcsize(kind);
  for (i = 0; i < n; i++) out[i] = (unsigned char)(crc >> (8 * (n - 1 - i)));
}

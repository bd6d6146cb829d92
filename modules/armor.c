/* armor.c -- bytes as text: hexadecimal and base64, written fast and read strictly. */
#include "armor.h"

#include <stdint.h>

#define BAD 255

static const char hexdigits[] = "0123456789abcdef";
static const char base64digits[] =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const unsigned char hexvalue[256] = {
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    0,   1,   2,   3,   4,   5,   6,   7,   8,   9, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD,  10,  11,  12,  13,  14,  15, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD,  10,  11,  12,  13,  14,  15, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD
};

static const unsigned char base64value[256] = {
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,  62, BAD, BAD, BAD,  63,
   52,  53,  54,  55,  56,  57,  58,  59,  60,  61, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD,   0,   1,   2,   3,   4,   5,   6,   7,   8,   9,  10,  11,  12,  13,  14,
   15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25, BAD, BAD, BAD, BAD, BAD,
  BAD,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,
   41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
  BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD
};


void tl_hex (char *to, const void *from, size_t n) {
  const unsigned char *s = from;
  size_t i;
  for (i = 0; i < n; i++) {
    to[2 * i] = hexdigits[s[i] >> 4];
    to[2 * i + 1] = hexdigits[s[i] & 15];
  }
}


int tl_unhex (void *to, const char *from, size_t n) {
  const unsigned char *s = (const unsigned char *)from;
  unsigned char *out = to, bad = 0;
  size_t i;
  if (n % 2 != 0) return 0;
  for (i = 0; i < n; i += 2) {
    unsigned char high = hexvalue[s[i]], low = hexvalue[s[i + 1]];
    bad |= (high | low) & 0x80;
    *out++ = (unsigned char)(high << 4 | (low & 15));
  }
  return !bad;
}


void tl_base64 (char *to, const void *from, size_t n) {
  const unsigned char *s = from;
  for (; n >= 3; n -= 3, s += 3) {
    uint32_t v = (uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2];
    *to++ = base64digits[v >> 18];
    *to++ = base64digits[v >> 12 & 63];
    *to++ = base64digits[v >> 6 & 63];
    *to++ = base64digits[v & 63];
  }
  if (n == 0) return;
  *to++ = base64digits[s[0] >> 2];
  *to++ = base64digits[(s[0] << 4 & 63) | (n == 2 ? s[1] >> 4 : 0)];
  *to++ = n == 2 ? base64digits[s[1] << 2 & 63] : '=';
  *to = '=';
}


/*
** The last group: 2 or 3 digits that count, the bits left over zero, so that a
** text has one value.
*/
static int last (unsigned char *to, const unsigned char *s, size_t *len) {
  unsigned char a = base64value[s[0]], b = base64value[s[1]], c;
  if ((a | b) & 0x80) return 0;
  *to++ = (unsigned char)(a << 2 | b >> 4);
  if (s[2] == '=') {
    *len -= 2;
    return (b & 15) == 0;
  }
  c = base64value[s[2]];
  if (c & 0x80) return 0;
  *to = (unsigned char)(b << 4 | c >> 2);
  *len -= 1;
  return (c & 3) == 0;
}


int tl_unbase64 (void *to, const char *from, size_t n, size_t *len) {
  const unsigned char *s = (const unsigned char *)from, *end = s + n;
  unsigned char *out = to, bad = 0;
  int padded = n > 0 && end[-1] == '=';
  if (n % 4 != 0) return 0;
  *len = n / 4 * 3;
  if (padded) end -= 4;
  for (; s < end; s += 4, out += 3) {
    unsigned char a = base64value[s[0]], b = base64value[s[1]];
    unsigned char c = base64value[s[2]], d = base64value[s[3]];
    bad |= (a | b | c | d) & 0x80;
    out[0] = (unsigned char)(a << 2 | b >> 4);
    out[1] = (unsigned char)(b << 4 | c >> 2);
    out[2] = (unsigned char)(c << 6 | d);
  }
  return !bad && (!padded || last(out, s, len));
}

/* pem.c -- the letters of PEM, decoded where they lie: a bundle of authorities has 200,000. */
#include "pem.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

typedef const unsigned char bytes;

#define NOLETTER 0xff000000u

/*
** What each letter is worth at each of the four places; a bit of NOLETTER where it is none.
** Made once, and the same ever after.
*/
static uint32_t worth[4][256];


static void learn (void) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (worth[0]['B'] != 0) return;
  memset(worth, 0xff, sizeof worth);
  for (uint32_t i = 0; i < 64; i++)
    for (int place = 0; place < 4; place++)
      worth[place][(unsigned char)letters[i]] = i << (18 - 6 * place);
}


/* Four letters at once for as long as there is nothing but letters. */
static void decodelines (bytes **from, bytes *end, unsigned char **to) {
  bytes *s = *from;
  unsigned char *out = *to;
  while (end - s >= 4) {
    uint32_t bits = worth[0][s[0]] | worth[1][s[1]] | worth[2][s[2]] | worth[3][s[3]];
    if ((bits & NOLETTER) == 0) {
      bits = htobe32(bits << 8);
      memcpy(out, &bits, 4);       /* in place at most a letter that was read just now is lost */
      out += 3;
      s += 4;
    }
    else if (*s == '\n' && (worth[0][s[1]] & NOLETTER) == 0) s++;
    else break;
  }
  *from = s;
  *to = out;
}


long tl_pemdecode (char *text, size_t len) {
  unsigned char *start = (unsigned char *)text, *out = start;
  bytes *s = start, *end = start + len;
  uint32_t bits = 0;
  int n = 0, pads = 0, ends = 0;
  learn();
  for (decodelines(&s, end, &out); s < end; s++) {
    uint32_t v = worth[3][*s];
    if ((v & NOLETTER) != 0 && *s <= ' ') {
      if (*s == '\n' && ++ends > 1) return -1;
      continue;
    }
    ends = 0;
    if (*s == '=') pads++;
    else if ((v & NOLETTER) != 0 || pads > 0) return -1;
    bits = bits << 6 | ((v & NOLETTER) != 0 ? 0u : v);
    if (++n < 4) continue;
    *out++ = (unsigned char)(bits >> 16);
    *out++ = (unsigned char)(bits >> 8);
    *out++ = (unsigned char)bits;
    bits = 0;
    n = 0;
    if (pads == 0) {
      ++s;
      decodelines(&s, end, &out);
      --s;
    }
  }
  return n != 0 || pads > 2 ? -1 : out - start - pads;
}

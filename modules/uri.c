/* uri.c -- percent-encoding (RFC 3986). */
#include "uri.h"

#include <string.h>

static int plain (unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
      || c == '~';
}


void tl_uriadd (tl_buf *out, const char *s, size_t len, const char *safe) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (plain(c) || (c != '\0' && strchr(safe, c) != NULL)) tl_bufchar(out, (char)c);
    else {
      const char code[] = {'%', digits[c >> 4], digits[c & 15]};
      tl_bufadd(out, code, sizeof code);
    }
  }
}

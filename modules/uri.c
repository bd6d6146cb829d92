/* uri.c -- percent-encoding (RFC 3986). */
#include "uri.h"

#include <string.h>

static int plain (unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
         || c == '-' || c == '.' || c == '_' || c == '~';
}


void tl_uriadd (tl_buf *out, const char *s, size_t len, const char *safe) {
  static const char digits[] = "0123456789ABCDEF";
  size_t from = 0;                      /* of the run that needs no encoding */
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    const char code[] = {'%', digits[c >> 4], digits[c & 15]};
    if (plain(c) || (c != '\0' && strchr(safe, c) != NULL)) continue;
    tl_bufadd(out, s + from, i - from);
    tl_bufadd(out, code, sizeof code);
    from = i + 1;
  }
  if (from < len) tl_bufadd(out, s + from, len - from);
}

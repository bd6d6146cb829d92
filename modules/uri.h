/* uri.h -- percent-encoding (RFC 3986). */
#ifndef TL_URI_H
#define TL_URI_H

#include <stddef.h>

#include "buf.h"

/* Appends `s`, all but letters, digits, "-._~" and the bytes of `safe` encoded. */
void tl_uriadd (tl_buf *out, const char *s, size_t len, const char *safe);

#endif

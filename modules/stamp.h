/* stamp.h -- points in time as AWS writes them: ISO 8601, RFC 822 and seconds since 1970. */
#ifndef TL_STAMP_H
#define TL_STAMP_H

#include <stddef.h>
#include <stdint.h>
#include <lua.h>

#define TL_STAMPROOM 40      /* bytes that any written stamp fits in, NUL included */

typedef struct tl_stamp {
  int64_t s;                 /* whole seconds since 1970, rounded down */
  int32_t us;                /* 0 to 999999 microseconds on top */
} tl_stamp;

/* Reads any of the three formats, and a plain date. Returns 0, or -1 if it is none of them. */
int tl_stampread (tl_stamp *t, const char *text, size_t len);

/* From seconds since 1970. Returns -1 where it is NaN or outside of the years 0000 to 9999. */
int tl_stampfloat (tl_stamp *t, double seconds);
int tl_stampint (tl_stamp *t, int64_t seconds);

/* Write into TL_STAMPROOM bytes, return the length. RFC 822 has no fractions and drops them. */
size_t tl_stampiso (const tl_stamp *t, char *to);
size_t tl_stamprfc (const tl_stamp *t, char *to);
size_t tl_stampunix (const tl_stamp *t, char *to);

/* Pushes seconds since 1970: an integer if they are whole, else a float. */
void tl_stamppush (lua_State *L, const tl_stamp *t);

#endif

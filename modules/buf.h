/* buf.h -- bytes that grow, owned by a userdata, with an error that sticks. */
#ifndef TL_BUF_H
#define TL_BUF_H

#include <stddef.h>
#include <lua.h>

/*
** The box is a userdata at a fixed stack slot, so a raise anywhere frees the
** bytes. Appends never raise: out of memory sets `failed`, tested once at the
** end by `tl_bufpush` (which raises) or by the caller.
*/
typedef struct tl_buf {
  char *data;
  size_t len, size;
  int failed;
} tl_buf;

tl_buf *tl_bufnew (lua_State *L);            /* pushes the box */
tl_buf *tl_bufcheck (lua_State *L, int idx);
char *tl_bufroom (tl_buf *b, size_t n);      /* n writable bytes past len, or NULL */
void tl_bufadd (tl_buf *b, const char *s, size_t n);
void tl_bufstr (tl_buf *b, const char *s);   /* up to the NUL: for C literals only */
void tl_bufchar (tl_buf *b, char c);
void tl_bufint (tl_buf *b, long long n);
void tl_bufpush (lua_State *L, tl_buf *b);   /* pushes the bytes as a string; raises if failed */
void tl_bufclear (tl_buf *b);                /* empty, memory kept */
void tl_buffree (tl_buf *b);                 /* memory back at once; harmless twice */

#endif

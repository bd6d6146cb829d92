/* codec.h -- what codec.c (bindings) and the body formats owe one another. */
#ifndef TL_CODEC_H
#define TL_CODEC_H

#include <stddef.h>
#include <lua.h>

#include "buf.h"
#include "models.h"

#define TL_MAXDEPTH 64

/*
** A body format. `encode` appends the body for the value at the top of the
** stack (left there), a structure's members with location TL_BODY only;
** `decode` pushes the value read from the bytes. Both return 0, or -1 with a
** fault in the walk: its path and reason; neither leaves extra values on the
** stack. Encode validates on the way.
*/
typedef struct tl_walk {
  lua_State *L;
  const tl_model *model;
  const tl_op *op;
  tl_buf *out;          /* encode: where bytes go */
  int depth;
  const char *why;      /* the fault, a static text, or NULL */
  int whyref;           /* stack slot of a longer reason, or 0 */
  char path[256];       /* "Entries[2].Id": built while unwinding */
} tl_walk;

typedef struct tl_format {
  const char *contenttype;
  int (*encode) (tl_walk *w, const tl_shape *shape);
  int (*decode) (tl_walk *w, const tl_shape *shape, const char *bytes, size_t len);
} tl_format;

#endif

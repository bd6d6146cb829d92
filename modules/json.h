/* json.h -- JSON for the other modules: values in and out of Lua, numbers and strings as text. */
#ifndef TL_JSON_H
#define TL_JSON_H

#include <stddef.h>
#include <lua.h>
#include <yyjson.h>

#include "buf.h"

#define TL_JSONDEPTH 128

/* A parsed text, owned by a box at the top of the stack; NULL with the reason in `*err`, nothing pushed. */
yyjson_doc *tl_jsonparse (lua_State *L, const char *s, size_t len, yyjson_read_err *err);

/* Frees the text of the box at `idx` at once; harmless twice. */
void tl_jsonfree (lua_State *L, int idx);

/* Pushes any JSON value: null as json.null, arrays marked. Raises only without memory, or beyond the depth. */
void tl_jsonpush (lua_State *L, yyjson_val *v, int depth);

/* Appends the Lua value at `idx`. NULL, or why it can't be JSON. */
const char *tl_jsonadd (lua_State *L, int idx, tl_buf *out, int depth);

void tl_jsonstr (tl_buf *out, const char *s, size_t len);   /* quoted and escaped */
void tl_jsonfloat (tl_buf *out, lua_Number n);              /* the shortest text that reads back the same */
int tl_isjsonnull (lua_State *L, int idx);

#endif

/* wire_value.h -- tidelock.json as the codecs use it. */
#ifndef WIRE_VALUE_H
#define WIRE_VALUE_H
#include "json.h"
yyjson_doc *wire_jsonparse (lua_State *L, const char *s, size_t len, yyjson_read_err *err);
void wire_jsonfree (lua_State *L, int idx);
void wire_jsonpush (lua_State *L, yyjson_val *v, int depth);
const char *wire_jsonadd (lua_State *L, int idx, tl_buf *out, int depth);
void wire_jsonstr (tl_buf *out, const char *s, size_t len);
void wire_jsonfloat (tl_buf *out, lua_Number n);
int wire_isjsonnull (lua_State *L, int idx);
#endif

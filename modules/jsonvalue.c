/* jsonvalue.c -- tidelock.json as the codecs use it. */
#include "jsonvalue.h"
#include <lauxlib.h>

yyjson_doc *tl_docparse (lua_State *L, const char *s, size_t len, yyjson_read_err *err) {
  yyjson_doc **box = tl_docnew(L);
  *box = yyjson_read_opts((char *)(size_t)s, len, YYJSON_READ_NOFLAG, NULL, err);
  if (*box == NULL) lua_pop(L, 1);
  return *box;
}
void tl_docdrop (lua_State *L, int idx) { tl_docfree(lua_touserdata(L, idx)); }
int tl_docpush (lua_State *L, yyjson_val *v, int depth) {
  (void)depth;
  if (tl_jsonpush(L, v, 1) == 0) return 0;
  lua_pushnil(L);
  return -1;
}
const char *tl_docadd (lua_State *L, int idx, tl_buf *out, int depth) {
  (void)depth;
  return tl_jsonadd(L, idx, out) == 0 ? NULL : lua_tostring(L, -1);
}
void tl_addquoted (tl_buf *out, const char *s, size_t len) { tl_jsonstring(out, s, len, 1); }
void tl_addjsonfloat (tl_buf *out, lua_Number n) { tl_jsonfloat(out, n); }
int tl_isjsonnull (lua_State *L, int idx) { return lua_islightuserdata(L, idx) && lua_touserdata(L, idx) == NULL; }

/* jsonvalue.h -- tidelock.json as the codecs use it. */
#ifndef TL_JSONVALUE_H
#define TL_JSONVALUE_H
#include "json.h"
yyjson_doc *tl_docparse (lua_State *L, const char *s, size_t len, yyjson_read_err *err);
void tl_docdrop (lua_State *L, int idx);
int tl_docpush (lua_State *L, yyjson_val *v, int depth);   /* -1 and a nil: nested too deep */
const char *tl_docadd (lua_State *L, int idx, tl_buf *out, int depth);
void tl_addquoted (tl_buf *out, const char *s, size_t len);
void tl_addjsonfloat (tl_buf *out, lua_Number n);
int tl_isjsonnull (lua_State *L, int idx);
#endif

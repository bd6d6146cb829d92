/* codec.h -- what codec.c (bindings) and the body formats owe one another. */
#ifndef WIRE_H
#define WIRE_H
#include <stddef.h>
#include <lua.h>
#include "buf.h"
#include "models.h"
#define TL_MAXDEPTH 64
typedef struct wire_at { const struct wire_at *up; const char *name; size_t len; lua_Integer index; } wire_at;
typedef struct wire_walk {
  lua_State *L; const tl_model *model; const tl_op *op; tl_buf *out; const wire_at *at;
  int depth; int rest; char path[256]; char why[256];
} wire_walk;
typedef struct wire_format {
  int (*encode) (wire_walk *w, const tl_shape *shape, const tl_member *ref);
  int (*decode) (wire_walk *w, const tl_shape *shape, const char *bytes, size_t len);
} wire_format;
extern const wire_format wire_json, wire_xml, wire_query, wire_ec2, wire_cbor;
int wire_fault (wire_walk *w, const char *fmt, ...);
typedef int (*wire_each) (wire_walk *w, const tl_member *m, void *ud);
int wire_members (wire_walk *w, const tl_shape *s, wire_each each, void *ud);
int wire_items (wire_walk *w, const tl_shape *s, wire_each each, void *ud);
int wire_pairs (wire_walk *w, const tl_shape *s, wire_each each, void *ud);
int wire_getstring (wire_walk *w, const tl_shape *s, const char **text, size_t *len);
int wire_getinteger (wire_walk *w, const tl_shape *s, lua_Integer *n);
int wire_getnumber (wire_walk *w, lua_Number *n);
int wire_getboolean (wire_walk *w, int *b);
int wire_getstamp (wire_walk *w, lua_Number *seconds);
int wire_addtext (wire_walk *w, const tl_shape *s, int stamp, tl_buf *out);
void wire_addfloat (tl_buf *out, lua_Number n);
void wire_addbase64 (tl_buf *out, const char *s, size_t len);
#define wire_shapeof(w, m) ((w)->model->shapes + (m)->shape)
#define wire_memberat(w, s, i) ((w)->model->members + (s)->first + (i))
#define wire_inbody(w, m) (!(w)->rest || (w)->depth > 1 || (m)->location == TL_BODY)
const tl_member *wire_nextwire (const tl_model *m, const tl_shape *s, uint32_t *next, const char *name, size_t len);
void wire_pushtext (wire_walk *w, const tl_shape *s, const char *text, size_t len);
int wire_jsonerror (wire_walk *w, const char *bytes, size_t len);
int wire_xmlerror (wire_walk *w, const char *bytes, size_t len);
const tl_shape *wire_errorshape (const tl_model *m, const tl_op *op, const char *code, size_t len);
#endif

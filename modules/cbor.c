/* cbor.c -- CBOR bodies of the smithy-rpc-v2-cbor protocol, by shape, both ways. */
#include <float.h>
#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "cboritem.h"
#include "codec.h"
#include "json.h"

enum { ROOM = 1024 };   /* entries that a list or map gets before they are seen */

/* ----- encode: maps are left open, so that members need not be counted before ----- */

static int addvalue (tl_walk *w, const tl_member *ref, void *ud);

static int addmember (tl_walk *w, const tl_member *m, void *ud) {
  size_t len;
  const char *name = tl_modelstr(w->model, m->wire, &len);
  if (!tl_inbody(w, m)) return 0;
  tl_cboraddtext(w->out, name, len);
  return addvalue(w, m, ud);
}


static int additem (tl_walk *w, const tl_member *m, void *ud) {
  if (!tl_isjsonnull(w->L, -1)) return addvalue(w, m, ud);
  tl_cboradd(w->out, TL_CB_NULL, 0);
  return 0;
}


static int addpair (tl_walk *w, const tl_member *m, void *ud) {
  tl_cboraddtext(w->out, w->at->name, w->at->len);
  return additem(w, m, ud);
}


static int addstructure (tl_walk *w, const tl_shape *s) {
  if (s->flags & TL_S_DOCUMENT)
    return tl_fault(w, "is a free-form document, which CBOR bodies do not have");
  tl_cboropenmap(w->out);
  if (tl_members(w, s, addmember, NULL) != 0) return -1;
  tl_cborclose(w->out);
  return 0;
}


static int addmap (tl_walk *w, const tl_shape *s) {
  tl_cboropenmap(w->out);
  if (tl_pairs(w, s, addpair, NULL) != 0) return -1;
  tl_cborclose(w->out);
  return 0;
}


static int addlist (tl_walk *w, const tl_shape *s) {
  if (lua_istable(w->L, -1)) tl_cboradd(w->out, TL_CB_ARRAY, lua_rawlen(w->L, -1));
  return tl_items(w, s, additem, NULL);
}


static int addstring (tl_walk *w, const tl_shape *s) {
  const char *text;
  size_t len;
  if (tl_getstring(w, s, &text, &len) != 0) return -1;
  if (s->type == TL_BLOB) tl_cboraddbytes(w->out, text, len);
  else tl_cboraddtext(w->out, text, len);
  return 0;
}


static int addinteger (tl_walk *w, const tl_shape *s) {
  lua_Integer n;
  if (tl_getinteger(w, s, &n) != 0) return -1;
  tl_cboraddint(w->out, n);
  return 0;
}


static int addfloat (tl_walk *w, const tl_shape *s) {
  lua_Number n;
  if (tl_getnumber(w, &n) != 0) return -1;
  if (s->type != TL_FLOAT) tl_cboradddouble(w->out, n);
  else if (isfinite(n) && fabs(n) > FLT_MAX)
    return tl_fault(w, "must fit in a float of 32 bits, and %g does not", n);
  else tl_cboraddfloat(w->out, (float)n);
  return 0;
}


static int addboolean (tl_walk *w) {
  int on;
  if (tl_getboolean(w, &on) != 0) return -1;
  tl_cboradd(w->out, on ? TL_CB_TRUE : TL_CB_FALSE, 0);
  return 0;
}


static int addstamp (tl_walk *w) {
  lua_Number seconds;
  if (tl_getstamp(w, &seconds) != 0) return -1;
  tl_cboradd(w->out, TL_CB_TAG, 1);
  if (seconds == floor(seconds)) tl_cboraddint(w->out, (int64_t)seconds);   /* within 1e12 */
  else tl_cboradddouble(w->out, seconds);
  return 0;
}


static int addvalue (tl_walk *w, const tl_member *ref, void *ud) {
  const tl_shape *s = tl_shapeof(w, ref);
  (void)ud;
  switch (s->type) {
    case TL_STRUCTURE: return addstructure(w, s);
    case TL_LIST: return addlist(w, s);
    case TL_MAP: return addmap(w, s);
    case TL_STRING: case TL_BLOB: return addstring(w, s);
    case TL_BOOLEAN: return addboolean(w);
    case TL_TIMESTAMP: return addstamp(w);
    case TL_INTEGER: case TL_LONG: return addinteger(w, s);
    default: return addfloat(w, s);
  }
}


static int encode (tl_walk *w, const tl_shape *shape, const tl_member *ref) {
  return ref != NULL ? addvalue(w, ref, NULL) : addstructure(w, shape);
}

/* ----- decode: straight from the bytes, without a tree between ----- */

static int readvalue (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it);

/* A key as text: where it stands, or where it comes in pieces, as a string pushed. */
static int readkey (tl_walk *w, tl_cborin *in, const char **key, size_t *len, int *pushed) {
  tl_cboritem it;
  if (tl_cborvalue(in, &it) != 0) return -1;
  if (it.kind != TL_CB_TEXT) return tl_cborfault(in, "a map has a key that is not text");
  *pushed = it.open;
  *key = it.s;
  *len = (size_t)it.n;
  if (!it.open) return 0;
  if (tl_cborstring(w->L, in, &it) != 0) return -1;
  *key = lua_tolstring(w->L, -1, len);
  return 0;
}


/* The member of a union that this model does not know is told by its name, if no other is there. */
static void unknownmember (tl_walk *w, int table, const char *name, size_t len) {
  lua_State *L = w->L;
  if (len == 6 && memcmp(name, "__type", 6) == 0) return;
  lua_pushnil(L);
  if (lua_next(L, table)) return;
  lua_createtable(L, 0, 1);
  lua_pushlstring(L, name, len);
  lua_setfield(L, -2, "name");
  lua_setfield(L, table, "SDK_UNKNOWN_MEMBER");
}


static int known (const tl_walk *w, const tl_member *m, const tl_cboritem *it) {
  return m != NULL && tl_inbody(w, m) && it->kind != TL_CB_NULL;
}


/* One member, set in the table that was on top. */
static int readmember (tl_walk *w, tl_cborin *in, const tl_shape *s, uint32_t *next) {
  lua_State *L = w->L;
  int table = lua_gettop(L), pushed;
  tl_cboritem it;
  const tl_member *m;
  const char *name;
  size_t len;
  if (readkey(w, in, &name, &len, &pushed) != 0 || tl_cborvalue(in, &it) != 0) return -1;
  m = tl_nextwire(w->model, s, next, name, len);
  if (known(w, m, &it)) {
    name = tl_modelstr(w->model, m->name, &len);
    lua_pushlstring(L, name, len);
    if (readvalue(w, in, tl_shapeof(w, m), &it) != 0) return -1;
    lua_rawset(L, table);
  }
  else {
    if (tl_cborskip(in, &it) != 0) return -1;
    if (m == NULL && s->flags & TL_S_UNION && it.kind != TL_CB_NULL)
      unknownmember(w, table, name, len);
  }
  lua_settop(L, table);
  return 0;
}


static int fill (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  uint32_t next = 0;
  uint64_t i = 0;
  int more;
  while ((more = tl_cbormore(in, it, &i)) > 0)
    if (readmember(w, in, s, &next) != 0) return -1;
  return more;
}


static int readstructure (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  lua_createtable(w->L, 0, (int)(it->n < s->count ? it->n : s->count));
  return fill(w, in, s, it);
}


/* A null in a list stays, as it would change the places of the others; in a map it is no entry. */
static int readitem (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  if (it->kind == TL_CB_NULL) return tl_cborpush(w->L, in, it);
  return readvalue(w, in, s, it);
}


static int readlist (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  const tl_shape *item = tl_shapeof(w, tl_memberat(w, s, 0));
  tl_cboritem each;
  uint64_t i = 0;
  lua_Integer n = 0;
  int more;
  tl_pushlist(w, it->open ? 0 : it->n < ROOM ? (size_t)it->n : ROOM);
  while ((more = tl_cbormore(in, it, &i)) > 0) {
    if (tl_cborvalue(in, &each) != 0 || readitem(w, in, item, &each) != 0) return -1;
    lua_rawseti(w->L, -2, ++n);
  }
  return more;
}


static int readmap (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  const tl_shape *value = tl_shapeof(w, tl_memberat(w, s, 1));
  tl_cboritem each;
  const char *key;
  size_t len;
  uint64_t i = 0;
  int more, pushed;
  lua_createtable(w->L, 0, it->open ? 0 : it->n < ROOM ? (int)it->n : ROOM);
  while ((more = tl_cbormore(in, it, &i)) > 0) {
    if (readkey(w, in, &key, &len, &pushed) != 0 || tl_cborvalue(in, &each) != 0) return -1;
    if (!pushed) lua_pushlstring(w->L, key, len);
    if (each.kind == TL_CB_NULL) {
      lua_pop(w->L, 1);
      continue;
    }
    if (readvalue(w, in, value, &each) != 0) return -1;
    lua_rawset(w->L, -3);
  }
  return more;
}


static int isnumber (const tl_cboritem *it) {
  return it->kind == TL_CB_UINT || it->kind == TL_CB_NINT || it->kind == TL_CB_FLOAT;
}


static lua_Number numberof (const tl_cboritem *it) {
  if (it->kind == TL_CB_FLOAT) return it->real;
  return it->kind == TL_CB_UINT ? (lua_Number)it->n : -1 - (lua_Number)it->n;
}


/* Whole numbers may come as floats, and floats as whole numbers. */
static void pushnumber (tl_walk *w, const tl_shape *s, const tl_cboritem *it) {
  lua_Integer n = 0;
  if (s->type == TL_FLOAT || s->type == TL_DOUBLE) lua_pushnumber(w->L, numberof(it));
  else if (it->kind != TL_CB_FLOAT) tl_cborinteger(w->L, it);
  else if (s->type == TL_BIGDECIMAL || !lua_numbertointeger(it->real, &n)
           || (lua_Number)n != it->real) lua_pushnumber(w->L, it->real);
  else lua_pushinteger(w->L, n);
}


/* Text or bytes for a shape of these: as a secret where it is asked for. */
static int readstring (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  size_t len;
  const char *text;
  if (!it->open) {
    tl_pushstring(w, s, it->s, (size_t)it->n);
    return 0;
  }
  if (tl_cborstring(w->L, in, it) != 0) return -1;
  text = lua_tolstring(w->L, -1, &len);
  tl_pushstring(w, s, text, len);
  lua_remove(w->L, -2);
  return 0;
}


/* What does not fit its shape comes as it was sent. */
static int readscalar (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  int numeric = s->type != TL_STRUCTURE && s->type != TL_LIST && s->type != TL_MAP
             && s->type != TL_STRING && s->type != TL_BLOB && s->type != TL_BOOLEAN;
  if (numeric && isnumber(it)) {
    pushnumber(w, s, it);
    return 0;
  }
  if ((s->type == TL_STRING || s->type == TL_BLOB)
      && (it->kind == TL_CB_TEXT || it->kind == TL_CB_BYTES)) return readstring(w, in, s, it);
  if (tl_cborpush(w->L, in, it) != 0) return -1;
  if (numeric && it->kind == TL_CB_TEXT) {   /* "NaN", a time in ISO 8601 */
    size_t len;
    const char *text = lua_tolstring(w->L, -1, &len);
    tl_pushtext(w, s, text, len);
    lua_remove(w->L, -2);
  }
  return 0;
}


static int readinside (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  int bad;
  if (tl_cborenter(in) != 0) return -1;
  w->depth++;
  if (s->type == TL_STRUCTURE) bad = readstructure(w, in, s, it);
  else bad = s->type == TL_LIST ? readlist(w, in, s, it) : readmap(w, in, s, it);
  w->depth--;
  tl_cborleave(in);
  return bad;
}


static int readvalue (tl_walk *w, tl_cborin *in, const tl_shape *s, const tl_cboritem *it) {
  luaL_checkstack(w->L, 8, "an answer of AWS");
  if (it->kind == TL_CB_MAP && (s->type == TL_MAP
      || (s->type == TL_STRUCTURE && !(s->flags & TL_S_DOCUMENT)))) return readinside(w, in, s, it);
  if (it->kind == TL_CB_ARRAY && s->type == TL_LIST) return readinside(w, in, s, it);
  return readscalar(w, in, s, it);
}

/* ----- bodies ----- */

/* The map that a body is; 0 where it is null, which stands for none. */
static int openbody (tl_cborin *in, const char *bytes, size_t len, tl_cboritem *it) {
  *in = (tl_cborin){.at = (const unsigned char *)bytes, .end = (const unsigned char *)bytes + len,
                    .depth = 1};
  if (tl_cborvalue(in, it) != 0) return -1;
  if (it->kind == TL_CB_NULL) return 0;
  return it->kind == TL_CB_MAP ? 1 : tl_cborfault(in, "it is no map of members");
}


static int decode (tl_walk *w, const tl_shape *shape, const char *bytes, size_t len) {
  tl_cborin in;
  tl_cboritem it;
  int top = lua_gettop(w->L), body;
  if (len == 0) return 0;
  body = openbody(&in, bytes, len, &it);
  w->depth = 1;
  if (body > 0) fill(w, &in, shape, &it);
  w->depth = 0;
  if (in.why == NULL && in.at != in.end) tl_cborfault(&in, "it goes on after its end");
  lua_settop(w->L, top);
  if (in.why == NULL) return 0;
  return tl_fault(w, "the CBOR is broken after %zu of %zu bytes: %s",
                  (size_t)(in.at - (const unsigned char *)bytes), len, in.why);
}

const tl_format tl_cbor = {encode, decode};

/* ----- errors ----- */

static int is (const char *s, size_t len, const char *name) {
  return strlen(name) == len && memcmp(s, name, len) == 0;
}


/* "aws.protocoltests#InvalidGreeting" is InvalidGreeting. Replaces the string on top. */
static void trimcode (lua_State *L) {
  size_t len;
  const char *s = lua_tolstring(L, -1, &len);
  const char *hash = memrchr(s, '#', len);
  if (hash == NULL) return;
  lua_pushlstring(L, hash + 1, len - (size_t)(hash + 1 - s));
  lua_remove(L, -2);
}


/* Sets code and message of the error table on top; a code that is there came from a header. */
static int readtold (tl_walk *w, tl_cborin *in, int named) {
  lua_State *L = w->L;
  int table = lua_gettop(L), pushed;
  tl_cboritem it;
  const char *name;
  size_t len;
  const char *field = NULL;
  if (readkey(w, in, &name, &len, &pushed) != 0 || tl_cborvalue(in, &it) != 0) return -1;
  if (!named && (is(name, len, "__type") || is(name, len, "code"))) field = "code";
  else if (is(name, len, "message") || is(name, len, "Message")) field = "message";
  if (field == NULL || it.kind != TL_CB_TEXT) {
    if (tl_cborskip(in, &it) != 0) return -1;
  }
  else {
    if (tl_cborstring(L, in, &it) != 0) return -1;
    if (field[0] == 'c') trimcode(L);
    lua_setfield(L, table, field);
  }
  lua_settop(L, table);
  return 0;
}


static int readdetail (tl_walk *w, const char *bytes, size_t len) {
  const tl_shape *s;
  tl_cborin in;
  tl_cboritem it;
  size_t codelen;
  const char *code;
  int bad;
  if (lua_getfield(w->L, -1, "code") != LUA_TSTRING) {
    lua_pop(w->L, 1);
    return 0;
  }
  code = lua_tolstring(w->L, -1, &codelen);
  s = tl_errorshape(w->model, w->op, code, codelen);
  lua_pop(w->L, 1);
  if (s == NULL || openbody(&in, bytes, len, &it) <= 0) return 0;
  lua_newtable(w->L);
  w->depth = 1;
  bad = fill(w, &in, s, &it);
  w->depth = 0;
  if (bad == 0) lua_setfield(w->L, -2, "detail");
  return bad;
}


/* Adds to the error table at the top. Returns 0 where the body is no CBOR map, and says nothing. */
int tl_cborerror (tl_walk *w, const char *bytes, size_t len) {
  tl_cborin in;
  tl_cboritem it;
  uint64_t i = 0;
  int top = lua_gettop(w->L), more, named;
  if (len == 0 || openbody(&in, bytes, len, &it) <= 0) return 0;
  named = lua_getfield(w->L, top, "code") != LUA_TNIL;
  lua_settop(w->L, top);
  while ((more = tl_cbormore(&in, &it, &i)) > 0)
    if (readtold(w, &in, named) != 0) { more = -1; break; }
  lua_settop(w->L, top);
  if (more != 0) return 0;
  if (readdetail(w, bytes, len) != 0) lua_settop(w->L, top);
  return 1;
}

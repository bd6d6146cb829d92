/* json.c -- tidelock.json: exact JSON on yyjson. Integers stay integers, empty arrays arrays. */
#include "json.h"
#include "fail.h"
#include "modules.h"
#include "secret.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#define MAXINDENT 16

/* ----- reading ----- */

typedef struct reader {
  lua_State *L;
  int nulls;           /* keep null as json.null? */
  int mark;            /* stack slot of the arrays' metatable */
} reader;

static int pushany (reader *r, yyjson_val *v, int depth);


static int tableroom (size_t n) { return n > INT_MAX ? INT_MAX : (int)n; }


static int pusharray (reader *r, yyjson_val *v, int depth) {
  lua_Integer at = 0;
  yyjson_arr_iter it = yyjson_arr_iter_with(v);
  lua_createtable(r->L, tableroom(yyjson_arr_size(v)), 0);
  while ((v = yyjson_arr_iter_next(&it)) != NULL) {
    if (yyjson_is_null(v) && !r->nulls) continue;
    if (pushany(r, v, depth + 1) != 0) return -1;
    lua_rawseti(r->L, -2, ++at);
  }
  lua_pushvalue(r->L, r->mark);
  lua_setmetatable(r->L, -2);
  return 0;
}


static int pushobject (reader *r, yyjson_val *v, int depth) {
  yyjson_obj_iter it = yyjson_obj_iter_with(v);
  lua_createtable(r->L, 0, tableroom(yyjson_obj_size(v)));
  while ((v = yyjson_obj_iter_next(&it)) != NULL) {   /* of two equal keys the later one wins */
    lua_pushlstring(r->L, yyjson_get_str(v), yyjson_get_len(v));
    v = yyjson_obj_iter_get_val(v);
    if (yyjson_is_null(v) && !r->nulls) lua_pushnil(r->L);
    else if (pushany(r, v, depth + 1) != 0) return -1;
    lua_rawset(r->L, -3);
  }
  return 0;
}


static void pushnumber (lua_State *L, yyjson_val *v) {
  if (yyjson_is_sint(v)) lua_pushinteger(L, yyjson_get_sint(v));
  else if (yyjson_is_real(v)) lua_pushnumber(L, yyjson_get_real(v));
  else if (yyjson_get_uint(v) <= LUA_MAXINTEGER)
    lua_pushinteger(L, (lua_Integer)yyjson_get_uint(v));
  else lua_pushnumber(L, (lua_Number)yyjson_get_uint(v));
}


/* Pushes one value. On -1 the stack is left as it happens to be. */
static int pushany (reader *r, yyjson_val *v, int depth) {
  if (depth > TL_JSONDEPTH) return -1;
  luaL_checkstack(r->L, 6, "JSON");
  switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_STR: lua_pushlstring(r->L, yyjson_get_str(v), yyjson_get_len(v)); return 0;
    case YYJSON_TYPE_NUM: pushnumber(r->L, v); return 0;
    case YYJSON_TYPE_BOOL: lua_pushboolean(r->L, yyjson_get_bool(v)); return 0;
    case YYJSON_TYPE_ARR: return pusharray(r, v, depth);
    case YYJSON_TYPE_OBJ: return pushobject(r, v, depth);
    default:
      if (r->nulls) lua_pushlightuserdata(r->L, NULL);
      else lua_pushnil(r->L);
      return 0;
  }
}


int tl_jsonpush (lua_State *L, yyjson_val *v, int nulls) {
  reader r = {L, nulls, 0};
  int top = lua_gettop(L);
  luaL_checkstack(L, 2, "JSON");
  tl_pusharraymark(L);
  r.mark = top + 1;
  if (pushany(&r, v, 1) != 0) {
    lua_settop(L, top);
    return -1;
  }
  lua_remove(L, r.mark);
  return 0;
}


static int refused (lua_State *L, const char *s, size_t len, const yyjson_read_err *err) {
  size_t line = 1, column = 1, chars;
  if (err->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) return luaL_error(L, "not enough memory");
  yyjson_locate_pos(s, len, err->pos, &line, &column, &chars);
  return tl_fail(L, "bad_json", "the text is not JSON: at line %I, column %I: %s",
                 (lua_Integer)line, (lua_Integer)column, err->msg);
}


static int json_decode (lua_State *L) {  /* decode(text [, {null=false}]) -> value | nil, err */
  size_t len;
  const char *s = luaL_checklstring(L, 1, &len);
  int nulls = 1;
  yyjson_read_err err;
  yyjson_doc **doc;
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    nulls = lua_getfield(L, 2, "null") == LUA_TNIL || lua_toboolean(L, -1);
  }
  if (len >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0) { s += 3; len -= 3; }   /* a mark of editors */
  if (len == 0) return tl_fail(L, "bad_json", "the text is empty, where JSON was expected");
  doc = tl_docnew(L);
  *doc = yyjson_read_opts((char *)s, len, YYJSON_READ_NOFLAG, NULL, &err);  /* does not change s */
  if (*doc == NULL) return refused(L, s, len, &err);
  if (tl_jsonpush(L, yyjson_doc_get_root(*doc), nulls) != 0)
    return tl_fail(L, "bad_json", "the JSON is nested more than %d deep", TL_JSONDEPTH);
  tl_docfree(doc);
  return 1;
}


/* ----- writing ----- */

typedef struct step {          /* how the walk got here, for the sentence of a fault */
  const struct step *up;
  const char *key;             /* or NULL: an index */
  lua_Integer index;
} step;

typedef struct writer {
  lua_State *L;
  tl_buf *b;
  int indent, sort, replace;
} writer;

typedef struct key {
  const char *s;
  size_t len;
} key;

static int addany (writer *w, int idx, const step *up, int depth);


static void pushpath (lua_State *L, const step *at) {
  if (at == NULL) {
    lua_pushliteral(L, "value");
    return;
  }
  luaL_checkstack(L, 4, "JSON path");
  pushpath(L, at->up);
  if (at->key == NULL) lua_pushfstring(L, "[%I]", at->index);
  else lua_pushfstring(L, ".%s", at->key);
  lua_concat(L, 2);
}


/* Pushes the sentence: where, then what. Returns -1. */
static int fault (writer *w, const step *at, const char *why) {
  lua_State *L = w->L;
  luaL_checkstack(L, 4, "JSON fault");
  pushpath(L, at);
  lua_pushfstring(L, "%s cannot be written as JSON: %s", lua_tostring(L, -1), why);
  lua_remove(L, -2);
  return -1;
}


static void newline (writer *w, int depth) {
  char *to;
  size_t n = (size_t)w->indent * (size_t)depth;
  if (w->indent == 0) return;
  tl_bufchar(w->b, '\n');
  to = tl_bufroom(w->b, n);
  if (to == NULL || n == 0) return;
  memset(to, ' ', n);
  w->b->len += n;
}


static int addstring (writer *w, int idx, const step *at) {
  size_t len;
  const char *s = lua_tolstring(w->L, idx, &len);
  if (tl_jsonstring(w->b, s, len, w->replace) == 0) return 0;
  return fault(w, at, "it is not UTF-8 text; encode bytes with digest.base64");
}


static int addnumber (writer *w, int idx, const step *at) {
  if (lua_isinteger(w->L, idx)) tl_bufint(w->b, lua_tointeger(w->L, idx));
  else if (tl_jsonfloat(w->b, lua_tonumber(w->L, idx)) != 0)
    return fault(w, at, "JSON has no NaN and no infinity");
  return 0;
}


static int addarray (writer *w, int idx, lua_Integer n, const step *up, int depth) {
  if (n == 0) {
    tl_bufstr(w->b, "[]");
    return 0;
  }
  for (lua_Integer i = 1; i <= n; i++) {
    step at = {up, NULL, i};
    tl_bufchar(w->b, i == 1 ? '[' : ',');
    newline(w, depth);
    lua_rawgeti(w->L, idx, i);
    if (addany(w, lua_gettop(w->L), &at, depth + 1) != 0) return -1;
    lua_pop(w->L, 1);
  }
  newline(w, depth - 1);
  tl_bufchar(w->b, ']');
  return 0;
}


/* Writes one pair: key and value are the two values on top, the value is popped. */
static int addpair (writer *w, int first, const step *up, int depth) {
  lua_State *L = w->L;
  int top = lua_gettop(L);
  step at = {up, "", 0};
  if (lua_type(L, top - 1) != LUA_TSTRING)
    return fault(w, up, "its keys must be all text, or all whole numbers from 1 without a gap");
  at.key = lua_tostring(L, top - 1);
  tl_bufchar(w->b, first ? '{' : ',');
  newline(w, depth);
  if (addstring(w, top - 1, &at) != 0) return -1;
  tl_bufchar(w->b, ':');
  if (w->indent > 0) tl_bufchar(w->b, ' ');
  if (addany(w, top, &at, depth + 1) != 0) return -1;
  lua_pop(L, 1);
  return 0;
}


static int addunsorted (writer *w, int idx, const step *up, int depth) {
  int first = 1;
  lua_pushnil(w->L);
  for (; lua_next(w->L, idx) != 0; first = 0)
    if (addpair(w, first, up, depth) != 0) return -1;
  return 0;
}


static int bykey (const void *a, const void *b) {
  const key *x = a, *y = b;
  int c = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);
  return c != 0 ? c : x->len < y->len ? -1 : x->len > y->len;
}


/* The keys' bytes are kept alive by the table itself, which nothing changes meanwhile. */
static int addsorted (writer *w, int idx, size_t n, const step *up, int depth) {
  lua_State *L = w->L;
  key *keys = lua_newuserdatauv(L, n * sizeof *keys, 0);
  size_t i = 0;
  lua_pushnil(L);
  while (lua_next(L, idx) != 0) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) {
      lua_pushnil(L);
      return addpair(w, 1, up, depth);      /* says what is wrong with it */
    }
    keys[i].s = lua_tolstring(L, -1, &keys[i].len);
    i++;
  }
  qsort(keys, n, sizeof *keys, bykey);
  for (i = 0; i < n; i++) {
    lua_pushlstring(L, keys[i].s, keys[i].len);
    lua_pushvalue(L, -1);
    lua_rawget(L, idx);
    if (addpair(w, i == 0, up, depth) != 0) return -1;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return 0;
}


/* How many pairs the table has; `*isarray` is set if its keys are 1..n, n > 0, or it is marked. */
static size_t count (lua_State *L, int idx, int *isarray) {
  lua_Integer len = (lua_Integer)lua_rawlen(L, idx);
  size_t n = 0;
  int odd = 0;                              /* keys that no array has */
  lua_pushnil(L);
  while (lua_next(L, idx) != 0) {
    lua_Integer k = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (k < 1 || k > len) odd = 1;
    n++;
    lua_pop(L, 1);
  }
  *isarray = !odd && n == (size_t)len && (n > 0 || tl_isarray(L, idx));
  return n;
}


static int addtable (writer *w, int idx, const step *up, int depth) {
  int isarray, status;
  size_t n;
  if (depth > TL_JSONDEPTH)
    return fault(w, NULL, "it is nested more than 512 deep, or contains itself");
  n = count(w->L, idx, &isarray);
  if (isarray) return addarray(w, idx, (lua_Integer)n, up, depth);
  if (n == 0) {
    tl_bufstr(w->b, "{}");
    return 0;
  }
  status = w->sort ? addsorted(w, idx, n, up, depth) : addunsorted(w, idx, up, depth);
  if (status != 0) return -1;
  newline(w, depth - 1);
  tl_bufchar(w->b, '}');
  return 0;
}


static int addother (writer *w, int idx, const step *at) {
  const char *why;
  if (lua_islightuserdata(w->L, idx) && lua_touserdata(w->L, idx) == NULL) {
    tl_bufstr(w->b, "null");
    return 0;
  }
  if (tl_tosecret(w->L, idx, NULL) != NULL) {
    tl_bufstr(w->b, "\"<secret>\"");
    return 0;
  }
  luaL_checkstack(w->L, 4, "JSON fault");
  why = lua_pushfstring(w->L, "it is a %s", luaL_typename(w->L, idx));
  return fault(w, at, why);
}


/* Appends the value at `idx`, an absolute index. On -1 the sentence is on top of the stack. */
static int addany (writer *w, int idx, const step *at, int depth) {
  luaL_checkstack(w->L, 8, "JSON");
  switch (lua_type(w->L, idx)) {
    case LUA_TSTRING: return addstring(w, idx, at);
    case LUA_TNUMBER: return addnumber(w, idx, at);
    case LUA_TBOOLEAN: tl_bufstr(w->b, lua_toboolean(w->L, idx) ? "true" : "false"); return 0;
    case LUA_TTABLE: return addtable(w, idx, at, depth);
    default: return addother(w, idx, at);
  }
}


int tl_jsonadd (lua_State *L, int idx, tl_buf *b) {
  writer w = {L, b, 0, 1, 0};
  int top = lua_gettop(L);
  if (addany(&w, lua_absindex(L, idx), NULL, 1) == 0) return 0;
  lua_insert(L, top + 1);
  lua_settop(L, top + 1);
  return -1;
}


static int getflag (lua_State *L, const char *name) {
  int on;
  lua_getfield(L, 2, name);
  on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}


static void getoptions (lua_State *L, writer *w) {
  if (lua_isnoneornil(L, 2)) return;
  luaL_checktype(L, 2, LUA_TTABLE);
  w->sort = getflag(L, "sort");
  w->replace = getflag(L, "replace");
  if (lua_getfield(L, 2, "indent") != LUA_TNIL) {
    lua_Integer n = luaL_checkinteger(L, -1);
    luaL_argcheck(L, n >= 0 && n <= MAXINDENT, 2, "indent must be from 0 to 16");
    w->indent = (int)n;
  }
  lua_pop(L, 1);
}


/* encode(value [, {indent=n, sort=bool, replace=bool}]): raises where JSON cannot say the value. */
static int json_encode (lua_State *L) {
  writer w = {L, NULL, 0, 0, 0};
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  getoptions(L, &w);
  w.b = tl_bufnew(L);
  if (addany(&w, 1, NULL, 1) != 0) return lua_error(L);
  tl_bufpush(L, w.b);
  tl_buffree(w.b);
  return 1;
}


/* array([t]): marks t, which then prints as [] where it is empty; returns it. */
static int json_array (lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_argcheck(L, !lua_getmetatable(L, 1) || tl_isarray(L, 1), 1, "has a metatable of its own");
  lua_settop(L, 1);
  tl_pusharraymark(L);
  lua_setmetatable(L, 1);
  return 1;
}


static int json_isarray (lua_State *L) {  /* isarray(value): does it carry the mark? */
  lua_pushboolean(L, lua_istable(L, 1) && tl_isarray(L, 1));
  return 1;
}

static const luaL_Reg functions[] = {
  {"decode", json_decode}, {"encode", json_encode}, {"array", json_array},
  {"isarray", json_isarray}, {"null", NULL}, {NULL, NULL}
};


int luaopen_tidelock_json (lua_State *L) {
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}

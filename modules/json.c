/* json.c -- tidelock.json: JSON with exact integers, on yyjson. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "fail.h"
#include "modules.h"
#include "secret.h"

#define DOC "tidelock.json.doc"
#define ARRAY "tidelock.json.array"

static const char NULLKEY = 'n';   /* its address, as a light userdata, is json.null */

int tl_isjsonnull (lua_State *L, int idx) {
  return lua_touserdata(L, idx) == (void *)&NULLKEY;
}

/* ----- reading ----- */

void tl_jsonfree (lua_State *L, int idx) {
  yyjson_doc **box = lua_touserdata(L, idx);
  yyjson_doc_free(*box);
  *box = NULL;
}


static int doc_gc (lua_State *L) {
  luaL_checkudata(L, 1, DOC);
  tl_jsonfree(L, 1);
  return 0;
}


yyjson_doc *tl_jsonparse (lua_State *L, const char *s, size_t len, yyjson_read_err *err) {
  yyjson_doc **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, DOC)) {
    lua_pushcfunction(L, doc_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  /* without INSITU yyjson copies the text and never writes to it */
  *box = yyjson_read_opts((char *)(size_t)s, len, YYJSON_READ_NOFLAG, NULL, err);
  if (*box == NULL) {
    if (err->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) luaL_error(L, "not enough memory");
    lua_pop(L, 1);
  }
  return *box;
}


static void pushnumber (lua_State *L, yyjson_val *v) {
  if (yyjson_is_real(v)) lua_pushnumber(L, unsafe_yyjson_get_real(v));
  else if (yyjson_is_sint(v)) lua_pushinteger(L, unsafe_yyjson_get_sint(v));
  else if (unsafe_yyjson_get_uint(v) <= INT64_MAX) lua_pushinteger(L, (lua_Integer)unsafe_yyjson_get_uint(v));
  else lua_pushnumber(L, (lua_Number)unsafe_yyjson_get_uint(v));   /* beyond any integer of Lua */
}


static void pusharray (lua_State *L, yyjson_val *v, int depth) {
  yyjson_val *item = unsafe_yyjson_get_first(v);
  size_t n = unsafe_yyjson_get_len(v);
  lua_createtable(L, (int)(n < INT32_MAX ? n : INT32_MAX), 0);
  for (size_t i = 1; i <= n; i++, item = unsafe_yyjson_get_next(item)) {
    tl_jsonpush(L, item, depth - 1);
    lua_rawseti(L, -2, (lua_Integer)i);
  }
  luaL_setmetatable(L, ARRAY);
}


static void pushobject (lua_State *L, yyjson_val *v, int depth) {
  yyjson_val *key = unsafe_yyjson_get_first(v);
  size_t n = unsafe_yyjson_get_len(v);
  lua_createtable(L, 0, (int)(n < INT32_MAX ? n : INT32_MAX));
  for (size_t i = 0; i < n; i++, key = unsafe_yyjson_get_next(key + 1)) {
    lua_pushlstring(L, unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key));
    tl_jsonpush(L, key + 1, depth - 1);
    lua_rawset(L, -3);
  }
}


void tl_jsonpush (lua_State *L, yyjson_val *v, int depth) {
  if (depth <= 0) luaL_error(L, "the JSON is nested more than %d deep", TL_JSONDEPTH);
  luaL_checkstack(L, 4, "JSON");
  switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_BOOL: lua_pushboolean(L, unsafe_yyjson_get_bool(v)); break;
    case YYJSON_TYPE_NUM: pushnumber(L, v); break;
    case YYJSON_TYPE_STR: lua_pushlstring(L, unsafe_yyjson_get_str(v), unsafe_yyjson_get_len(v)); break;
    case YYJSON_TYPE_ARR: pusharray(L, v, depth); break;
    case YYJSON_TYPE_OBJ: pushobject(L, v, depth); break;
    default: lua_pushlightuserdata(L, (void *)&NULLKEY);
  }
}


/* Line and column of a byte, for a person. */
static void position (const char *s, size_t pos, int *line, int *column) {
  *line = *column = 1;
  for (size_t i = 0; i < pos; i++) {
    if (s[i] == '\n') { ++*line; *column = 1; }
    else ++*column;
  }
}


static int pushdoc (lua_State *L) {
  yyjson_doc *doc = lua_touserdata(L, 1);
  tl_jsonpush(L, yyjson_doc_get_root(doc), TL_JSONDEPTH);
  return 1;
}


/* json.decode(text) -> value | nil, err. Integers stay integers, null is json.null, arrays carry a mark. */
static int json_decode (lua_State *L) {
  size_t len;
  const char *s = luaL_checklstring(L, 1, &len);
  yyjson_read_err err;
  yyjson_doc *doc = tl_jsonparse(L, s, len, &err);
  int line, column;
  if (doc == NULL) {
    position(s, err.pos < len ? err.pos : len, &line, &column);
    return tl_fail(L, "json", "the JSON is broken at line %d, column %d: %s", line, column, err.msg);
  }
  lua_pushcfunction(L, pushdoc);
  lua_pushlightuserdata(L, doc);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    tl_jsonfree(L, 2);
    if (strstr(lua_tostring(L, -1), "nested") == NULL) return lua_error(L);
    return tl_fail(L, "json", "%s", lua_tostring(L, -1));
  }
  tl_jsonfree(L, 2);
  return 1;
}

/* ----- writing ----- */

static const char hexdigits[] = "0123456789abcdef";

static void escape (tl_buf *out, unsigned char c) {
  switch (c) {
    case '"': tl_bufadd(out, "\\\"", 2); break;
    case '\\': tl_bufadd(out, "\\\\", 2); break;
    case '\n': tl_bufadd(out, "\\n", 2); break;
    case '\r': tl_bufadd(out, "\\r", 2); break;
    case '\t': tl_bufadd(out, "\\t", 2); break;
    case '\b': tl_bufadd(out, "\\b", 2); break;
    case '\f': tl_bufadd(out, "\\f", 2); break;
    default: {
      const char code[] = {'\\', 'u', '0', '0', hexdigits[c >> 4], hexdigits[c & 15]};
      tl_bufadd(out, code, sizeof code);
    }
  }
}


/* Bytes that are no UTF-8 pass as they are: AWS refuses them with a reason better than ours could be. */
void tl_jsonstr (tl_buf *out, const char *s, size_t len) {
  size_t from = 0;
  tl_bufchar(out, '"');
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
    tl_bufadd(out, s + from, i - from);
    escape(out, c);
    from = i + 1;
  }
  tl_bufadd(out, s + from, len - from);
  tl_bufchar(out, '"');
}


void tl_jsonfloat (tl_buf *out, lua_Number n) {
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, n);
    if (strtod(text, NULL) == n) break;
  }
  tl_bufstr(out, text);
  if (strpbrk(text, ".eE") == NULL) tl_bufstr(out, ".0");
}

typedef struct writer { tl_buf *out; int indent, sort, level; } writer;

static const char *writevalue (lua_State *L, int idx, writer *w, int depth);

static void newline (writer *w) {
  if (w->indent == 0) return;
  tl_bufchar(w->out, '\n');
  for (int i = w->indent * w->level; i > 0; i--) tl_bufchar(w->out, ' ');
}


static void separate (writer *w, int first) {
  if (!first) tl_bufchar(w->out, ',');
  newline(w);
}


static const char *writearray (lua_State *L, int idx, writer *w, lua_Integer n, int depth) {
  const char *why = NULL;
  tl_bufchar(w->out, '[');
  w->level++;
  for (lua_Integer i = 1; i <= n && why == NULL; i++) {
    separate(w, i == 1);
    lua_rawgeti(L, idx, i);
    why = writevalue(L, lua_gettop(L), w, depth - 1);
    lua_pop(L, 1);
  }
  w->level--;
  if (n > 0) newline(w);
  tl_bufchar(w->out, ']');
  return why;
}


/* The key is at the top but one, the value at the top. A key's copy is read: lua_tolstring would change it. */
static const char *writepair (lua_State *L, writer *w, int first, int depth) {
  size_t len;
  const char *key;
  if (lua_type(L, -2) == LUA_TSTRING) key = lua_tolstring(L, -2, &len);
  else if (lua_isinteger(L, -2)) return "a table with both a list part and other keys, or holes, is neither array nor object";
  else return "an object's keys must be strings";
  separate(w, first);
  tl_jsonstr(w->out, key, len);
  tl_bufchar(w->out, ':');
  if (w->indent > 0) tl_bufchar(w->out, ' ');
  return writevalue(L, lua_gettop(L), w, depth - 1);
}


static const char *writeunsorted (lua_State *L, int idx, writer *w, int depth) {
  const char *why = NULL;
  int first = 1;
  for (lua_pushnil(L); why == NULL && lua_next(L, idx); lua_pop(L, 1)) {
    why = writepair(L, w, first, depth);
    first = 0;
  }
  if (why != NULL) lua_pop(L, 1);   /* the key: the loop's pop took the value */
  return why;
}


typedef struct keyname { const char *s; size_t len; } keyname;

static int compare (const void *a, const void *b) {
  const keyname *x = a, *y = b;
  int c = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);
  return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}


/* The names point into strings that the table keeps. */
static const char *writesorted (lua_State *L, int idx, writer *w, int depth) {
  size_t n = 0, i = 0;
  const char *why = NULL;
  keyname *names;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) { why = writepair(L, w, 1, depth); lua_pop(L, 2); return why; }
    n++;
  }
  names = lua_newuserdatauv(L, (n + 1) * sizeof *names, 0);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1), i++) names[i].s = lua_tolstring(L, -2, &names[i].len);
  qsort(names, n, sizeof *names, compare);
  for (i = 0; i < n && why == NULL; i++) {
    lua_pushlstring(L, names[i].s, names[i].len);
    lua_pushvalue(L, -1);
    lua_rawget(L, idx);
    if (!lua_isnil(L, -1)) why = writepair(L, w, i == 0, depth);
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
  return why;
}


static const char *writeobject (lua_State *L, int idx, writer *w, int depth) {
  const char *why;
  int empty;
  lua_pushnil(L);
  empty = lua_next(L, idx) == 0;
  if (!empty) lua_pop(L, 2);
  tl_bufchar(w->out, '{');
  w->level++;
  why = w->sort ? writesorted(L, idx, w, depth) : writeunsorted(L, idx, w, depth);
  w->level--;
  if (!empty) newline(w);
  tl_bufchar(w->out, '}');
  return why;
}


static int ismarked (lua_State *L, int idx) {
  int marked;
  if (!lua_getmetatable(L, idx)) return 0;
  luaL_getmetatable(L, ARRAY);
  marked = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return marked;
}


/* An array is what is marked as one, or has 1..n and nothing else; an empty table is an object. */
static const char *writetable (lua_State *L, int idx, writer *w, int depth) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, idx), count = 0;
  if (ismarked(L, idx)) return writearray(L, idx, w, n, depth);
  if (n == 0) return writeobject(L, idx, w, depth);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) count++;
  if (count != n) return "a table with both a list part and other keys, or holes, is neither array nor object";
  return writearray(L, idx, w, n, depth);
}


static const char *writenumber (lua_State *L, int idx, writer *w) {
  lua_Number n = lua_tonumber(L, idx);
  if (lua_isinteger(L, idx)) tl_bufint(w->out, lua_tointeger(L, idx));
  else if (isfinite(n)) tl_jsonfloat(w->out, n);
  else return "JSON has no infinity and no NaN";
  return NULL;
}


static const char *writevalue (lua_State *L, int idx, writer *w, int depth) {
  size_t len;
  const char *s;
  if (depth <= 0) return "it is nested too deep, or in itself";
  luaL_checkstack(L, 8, "JSON");
  switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN: tl_bufstr(w->out, lua_toboolean(L, idx) ? "true" : "false"); return NULL;
    case LUA_TNUMBER: return writenumber(L, idx, w);
    case LUA_TSTRING: s = lua_tolstring(L, idx, &len); tl_jsonstr(w->out, s, len); return NULL;
    case LUA_TTABLE: return writetable(L, idx, w, depth);
    case LUA_TLIGHTUSERDATA:
      if (!tl_isjsonnull(L, idx)) return "a light userdata can't be JSON";
      tl_bufstr(w->out, "null");
      return NULL;
    case LUA_TUSERDATA:
      if (tl_tosecret(L, idx, &len) == NULL) return "a userdata can't be JSON";
      tl_bufstr(w->out, "\"<secret>\"");
      return NULL;
    default: return lua_isfunction(L, idx) ? "a function can't be JSON" : "this kind of value can't be JSON";
  }
}


const char *tl_jsonadd (lua_State *L, int idx, tl_buf *out, int depth) {
  writer w = {.out = out};
  return writevalue(L, lua_absindex(L, idx), &w, depth);
}


static int option (lua_State *L, const char *name) {
  int n;
  if (lua_isnoneornil(L, 2)) return 0;
  lua_getfield(L, 2, name);
  n = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return n;
}


/*
** json.encode(value [, {indent = 4, sort = true}]) -> text; raises for what JSON
** can't say. Secrets print as "<secret>". Indented or not, keys may be sorted.
*/
static int json_encode (lua_State *L) {
  writer w;
  const char *why;
  luaL_checkany(L, 1);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  w = (writer){.indent = option(L, "indent"), .sort = option(L, "sort")};
  luaL_argcheck(L, w.indent >= 0 && w.indent <= 16, 2, "indent must be from 0 to 16");
  w.out = tl_bufnew(L);
  why = writevalue(L, 1, &w, TL_JSONDEPTH);
  if (why != NULL) return luaL_error(L, "could not write a value as JSON: %s", why);
  tl_bufpush(L, w.out);
  tl_buffree(w.out);
  return 1;
}


/* json.array(table) -> the same table, marked to be written as an array even when it is empty. */
static int json_array (lua_State *L) {
  if (lua_isnoneornil(L, 1)) lua_settop(L, 0), lua_newtable(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_setmetatable(L, ARRAY);
  return 1;
}


/* json.is_array(value) -> does it carry the mark? */
static int json_isarray (lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, lua_istable(L, 1) && ismarked(L, 1));
  return 1;
}

static const luaL_Reg functions[] = {
  {"array", json_array}, {"decode", json_decode}, {"encode", json_encode}, {"is_array", json_isarray}, {NULL, NULL}
};


int luaopen_tidelock_json (lua_State *L) {
  luaL_newmetatable(L, ARRAY);
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, (void *)&NULLKEY);
  lua_setfield(L, -2, "null");
  return 1;
}

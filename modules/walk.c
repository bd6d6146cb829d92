/* walk.c -- the caller's value against its shape: members, items, scalars, the first fault. */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "armor.h"
#include "codec.h"
#include "json.h"
#include "secret.h"
#include "stamp.h"

static int readstamp (const char *s, size_t len, double *seconds) {
  tl_stamp t;
  if (tl_stampread(&t, s, len) != 0) return 0;
  *seconds = (double)t.s + t.us / 1e6;
  return 1;
}


void tl_addstamp (tl_buf *out, double seconds, int format) {
  tl_stamp t;
  char text[TL_STAMPROOM];
  size_t len;
  if (tl_stampfloat(&t, seconds) != 0) return;   /* tl_getstamp let none through */
  if (format == TL_STAMP_UNIX) len = tl_stampunix(&t, text);
  else if (format == TL_STAMP_RFC822) len = tl_stamprfc(&t, text);
  else len = tl_stampiso(&t, text);
  tl_bufadd(out, text, len);
}

#define WORDS 16   /* members of a structure: at most 64 times as many */

static const char *const typenames[] = {
  "a table of members", "a list", "a map", "a string", "a whole number", "a whole number",
  "a number", "a number",
  "true or false", "a string of bytes", "a time (seconds since 1970, or ISO 8601)", "a number"
};

/* ----- faults ----- */

/* The chain from the top down, which is its end first. */
static void addpath (const tl_at *at, char *path, size_t size) {
  size_t used;
  if (at == NULL) { path[0] = '\0'; return; }
  addpath(at->up, path, size);
  used = strlen(path);
  if (at->name == NULL) snprintf(path + used, size - used, "[%lld]", (long long)at->index);
  else snprintf(path + used, size - used, "%s%.*s", used > 0 ? "." : "",
                (int)(at->len < 100 ? at->len : 100), at->name);
}


int tl_fault (tl_walk *w, const char *fmt, ...) {
  va_list args;
  if (w->why[0] != '\0') return -1;
  addpath(w->at, w->path, sizeof w->path);
  va_start(args, fmt);
  vsnprintf(w->why, sizeof w->why, fmt, args);
  va_end(args);
  return -1;
}


static int wrongtype (tl_walk *w, const tl_shape *s) {
  const char *got = luaL_typename(w->L, -1);
  if (lua_isinteger(w->L, -1) || lua_isboolean(w->L, -1) || lua_type(w->L, -1) == LUA_TNUMBER)
    return tl_fault(w, "must be %s, not the %s %s", typenames[s->type], got, lua_isboolean(w->L, -1)
                    ? (lua_toboolean(w->L, -1) ? "true" : "false") : "given");
  return tl_fault(w, "must be %s, not a %s", typenames[s->type], lua_isnil(w->L, -1) ? "nil" : got);
}

/* ----- structures ----- */

typedef struct present { uint64_t bits[WORDS]; } present;

static int ispresent (const present *p, uint32_t i) {
  return (int)(p->bits[i / 64] >> (i % 64) & 1);
}


/* Notes which members the table has; the first unknown key is the fault. */
static int survey (tl_walk *w, const tl_shape *s, present *p) {
  lua_State *L = w->L;
  int idx = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    size_t len = 0;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
    const tl_member *m = key != NULL ? tl_findmember(w->model, s, key, len) : NULL;
    if (m == NULL) {
      if (key != NULL) tl_fault(w, "has no member '%.60s'", key);
      else tl_fault(w, "must be a table of members, not a list");
      lua_pop(L, 2);
      return -1;
    }
    if (tl_isjsonnull(L, -1)) continue;   /* null is the same as not given */
    p->bits[(m - tl_memberat(w, s, 0)) / 64] |= (uint64_t)1 << ((m - tl_memberat(w, s, 0)) % 64);
  }
  return 0;
}


static int onemember (tl_walk *w, const tl_member *m, tl_each each, void *ud) {
  tl_at here = {.up = w->at};
  int bad;
  here.name = tl_modelstr(w->model, m->name, &here.len);
  lua_pushlstring(w->L, here.name, here.len);
  lua_rawget(w->L, -2);
  w->at = &here;
  bad = each(w, m, ud);
  w->at = here.up;
  lua_pop(w->L, 1);
  return bad;
}


static int checkunion (tl_walk *w, const tl_shape *s, const present *p) {
  int n = 0;
  for (uint32_t i = 0; i < s->count; i++) n += ispresent(p, i);
  if (n == 1) return 0;
  return tl_fault(w, "must have exactly one of its %d members, and has %d", (int)s->count, n);
}


static int missing (tl_walk *w, const tl_member *m) {
  return tl_fault(w, "lacks the required member '%s'", tl_modelstr(w->model, m->name, NULL));
}


static int enter (tl_walk *w) {
  luaL_checkstack(w->L, 8, "a value for AWS");
  if (++w->depth <= TL_MAXDEPTH) return 0;
  return tl_fault(w, "is nested more than %d deep", TL_MAXDEPTH);
}


static int allmembers (tl_walk *w, const tl_shape *s, tl_each each, void *ud) {
  present p = {{0}};
  if (s->count > WORDS * 64) return tl_fault(w, "has a shape of more than %d members", WORDS * 64);
  if (survey(w, s, &p) != 0) return -1;
  if ((s->flags & TL_S_UNION) && checkunion(w, s, &p) != 0) return -1;
  for (uint32_t i = 0; i < s->count; i++) {
    const tl_member *m = tl_memberat(w, s, i);
    if (ispresent(&p, i)) { if (onemember(w, m, each, ud) != 0) return -1; }
    else if (m->flags & TL_M_REQUIRED) return missing(w, m);
  }
  return 0;
}


int tl_members (tl_walk *w, const tl_shape *s, tl_each each, void *ud) {
  int bad = -1;
  if (!lua_istable(w->L, -1)) return wrongtype(w, s);
  if (enter(w) == 0) bad = allmembers(w, s, each, ud);
  w->depth--;
  return bad;
}

/* ----- lists and maps ----- */

static int checkmin (tl_walk *w, const tl_shape *s, lua_Integer n, const char *what) {
  if (s->min == INT64_MIN || n >= s->min) return 0;
  return tl_fault(w, "has %lld %s, but must have at least %lld", (long long)n, what,
                  (long long)s->min);
}


/* Keys from 1 to n and no other: anything else would be lost without a word. */
static int islist (lua_State *L, lua_Integer n) {
  lua_Integer seen = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    lua_Integer at = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (at >= 1 && at <= n) { seen++; continue; }
    lua_pop(L, 2);
    return 0;
  }
  return seen == n;
}


static int allitems (tl_walk *w, const tl_member *m, lua_Integer n, tl_each each, void *ud) {
  tl_at here = {.up = w->at};
  int bad = 0;
  w->at = &here;
  for (here.index = 1; here.index <= n && bad == 0; here.index++) {
    lua_rawgeti(w->L, -1, here.index);
    bad = each(w, m, ud);
    lua_pop(w->L, 1);
  }
  w->at = here.up;
  return bad;
}


int tl_items (tl_walk *w, const tl_shape *s, tl_each each, void *ud) {
  lua_Integer n;
  int bad = -1;
  if (!lua_istable(w->L, -1)) return wrongtype(w, s);
  n = (lua_Integer)lua_rawlen(w->L, -1);
  if (!islist(w->L, n))
    return tl_fault(w, "must be a list {a, b, ...}, without names and without gaps");
  if (checkmin(w, s, n, "items") != 0) return -1;
  if (enter(w) == 0) bad = allitems(w, tl_memberat(w, s, 0), n, each, ud);
  w->depth--;
  return bad;
}


typedef struct keyname { const char *s; size_t len; } keyname;

static int bykey (const void *a, const void *b) {
  const keyname *x = a, *y = b;
  int c = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);
  return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}


/*
** Pushes a box of the map's keys in order: the same input is the same bytes. The
** map keeps the strings.
*/
static keyname *sortedkeys (tl_walk *w, lua_Integer *n) {
  lua_State *L = w->L;
  int idx = lua_gettop(L);
  keyname *keys;
  *n = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING) { ++*n; continue; }
    lua_pop(L, 2);
    tl_fault(w, "must have strings as keys");
    return NULL;
  }
  keys = lua_newuserdatauv(L, (size_t)(*n + 1) * sizeof *keys, 0);
  *n = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1), ++*n)
    keys[*n].s = lua_tolstring(L, -2, &keys[*n].len);
  qsort(keys, (size_t)*n, sizeof *keys, bykey);
  return keys;
}


static int allpairs (tl_walk *w, const tl_member *value, tl_each each, void *ud) {
  lua_State *L = w->L;
  tl_at here = {.up = w->at};
  int idx = lua_gettop(L), bad = 0;
  lua_Integer n;
  keyname *keys = sortedkeys(w, &n);
  if (keys == NULL) return -1;
  w->at = &here;
  for (lua_Integer i = 0; i < n && bad == 0; i++) {
    here.name = keys[i].s;
    here.len = keys[i].len;
    here.index = i + 1;
    lua_pushlstring(L, here.name, here.len);
    lua_rawget(L, idx);
    bad = each(w, value, ud);
    lua_pop(L, 1);
  }
  w->at = here.up;
  lua_pop(L, 1);
  return bad;
}


int tl_pairs (tl_walk *w, const tl_shape *s, tl_each each, void *ud) {
  int bad = -1;
  if (!lua_istable(w->L, -1)) return wrongtype(w, s);
  if (enter(w) == 0) bad = allpairs(w, tl_memberat(w, s, 1), each, ud);
  w->depth--;
  return bad;
}

/* ----- scalars ----- */

/* How many characters the text has; -1 where it is not UTF-8. */
static lua_Integer characters (const char *s, size_t len) {
  lua_Integer n = 0;
  for (size_t i = 0; i < len; n++) {
    size_t one = (unsigned char)s[i] < 0x80 ? 1 : tl_utf8(s + i, len - i);
    if (one == 0) return -1;
    i += one;
  }
  return n;
}


int tl_getstring (tl_walk *w, const tl_shape *s, const char **text, size_t *len) {
  lua_Integer n;
  if (lua_type(w->L, -1) == LUA_TNUMBER || (*text = tl_tosecret(w->L, -1, len)) == NULL)
    return wrongtype(w, s);
  if (s->type == TL_BLOB) return checkmin(w, s, (lua_Integer)*len, "bytes");
  if ((n = characters(*text, *len)) < 0)
    return tl_fault(w, "must be UTF-8 text, and holds other bytes");
  return checkmin(w, s, n, "characters");
}


int tl_getinteger (tl_walk *w, const tl_shape *s, lua_Integer *n) {
  int isint;
  if (lua_type(w->L, -1) != LUA_TNUMBER) return wrongtype(w, s);
  *n = lua_tointegerx(w->L, -1, &isint);
  if (!isint) return tl_fault(w, "must be a whole number, not %g", lua_tonumber(w->L, -1));
  if (s->type == TL_INTEGER && (*n < INT32_MIN || *n > INT32_MAX))
    return tl_fault(w, "must fit in 32 bits, and %lld does not", (long long)*n);
  if (s->min != INT64_MIN && *n < s->min)
    return tl_fault(w, "is %lld, but must be at least %lld", (long long)*n, (long long)s->min);
  return 0;
}


int tl_getnumber (tl_walk *w, lua_Number *n) {
  static const tl_shape number = {.type = TL_DOUBLE};
  if (lua_type(w->L, -1) == LUA_TNUMBER) {
    *n = lua_tonumber(w->L, -1);
    return 0;
  }
  if (lua_type(w->L, -1) == LUA_TSTRING) {
    const char *s = lua_tostring(w->L, -1);
    if (strcmp(s, "NaN") == 0) return *n = (lua_Number)NAN, 0;
    if (strcmp(s, "Infinity") == 0) return *n = (lua_Number)INFINITY, 0;
    if (strcmp(s, "-Infinity") == 0) return *n = -(lua_Number)INFINITY, 0;
  }
  return wrongtype(w, &number);
}


int tl_getboolean (tl_walk *w, int *b) {
  static const tl_shape boolean = {.type = TL_BOOLEAN};
  if (!lua_isboolean(w->L, -1)) return wrongtype(w, &boolean);
  *b = lua_toboolean(w->L, -1);
  return 0;
}


int tl_getstamp (tl_walk *w, lua_Number *seconds) {
  static const tl_shape stamp = {.type = TL_TIMESTAMP};
  size_t len;
  const char *s;
  if (lua_type(w->L, -1) == LUA_TNUMBER) {
    *seconds = lua_tonumber(w->L, -1);
    if (isfinite(*seconds) && fabs(*seconds) < 1e12) return 0;
    return tl_fault(w, "must be a time in seconds since 1970, and %g is none", *seconds);
  }
  if (lua_type(w->L, -1) != LUA_TSTRING) return wrongtype(w, &stamp);
  s = lua_tolstring(w->L, -1, &len);
  if (readstamp(s, len, seconds)) return 0;
  return tl_fault(w, "must be a time (seconds since 1970, or ISO 8601), and '%.40s' can't be read"
                  " as one", s);
}


void tl_addbase64 (tl_buf *out, const char *s, size_t len) {
  char *to = tl_bufroom(out, TL_BASE64LEN(len));
  if (to == NULL) return;
  tl_base64(to, s, len);
  out->len += TL_BASE64LEN(len);
}


void tl_addfloat (tl_buf *out, lua_Number n) {
  if (isnan(n)) tl_bufstr(out, "NaN");
  else if (isinf(n)) tl_bufstr(out, n > 0 ? "Infinity" : "-Infinity");
  else tl_jsonfloat(out, n);
}


int tl_addtext (tl_walk *w, const tl_shape *s, int stamp, tl_buf *out) {
  const char *text;
  size_t len;
  lua_Integer i;
  lua_Number n;
  int b = 0;
  switch (s->type) {
    case TL_STRING:
      if (tl_getstring(w, s, &text, &len) != 0) return -1;
      tl_bufadd(out, text, len);
      return 0;
    case TL_BLOB:
      if (tl_getstring(w, s, &text, &len) != 0) return -1;
      tl_addbase64(out, text, len);
      return 0;
    case TL_INTEGER: case TL_LONG:
      if (tl_getinteger(w, s, &i) != 0) return -1;
      tl_bufint(out, i);
      return 0;
    case TL_FLOAT: case TL_DOUBLE: case TL_BIGDECIMAL:
      if (tl_getnumber(w, &n) != 0) return -1;
      tl_addfloat(out, n);
      return 0;
    case TL_BOOLEAN:
      if (tl_getboolean(w, &b) != 0) return -1;
      tl_bufstr(out, b ? "true" : "false");
      return 0;
    case TL_TIMESTAMP:
      if (tl_getstamp(w, &n) != 0) return -1;
      tl_addstamp(out, n, stamp);
      return 0;
    default: return tl_fault(w, "can't be written as text");
  }
}

/* ----- reading ----- */

/* tl_modelstr spelt out: this is asked for every element of an answer. */
static int same (const tl_model *m, uint32_t off, const char *name, size_t len) {
  const char *s = m->bytes + m->h->strings + off;
  uint32_t n;
  memcpy(&n, s, sizeof n);
  return n == len && (len == 0 || (s[sizeof n] == *name && memcmp(s + sizeof n, name, len) == 0));
}


/*
** Servers write members in an order of their own, but always the same: the hint is
** right most times.
*/
const tl_member *tl_nextwire (const tl_model *m, const tl_shape *s, uint32_t *next,
                              const char *name, size_t len) {
  const tl_member *members = m->members + s->first;
  for (uint32_t i = 0; i < s->count; i++) {
    uint32_t at = *next < s->count ? *next : 0;
    *next = at + 1;
    if (same(m, members[at].wire, name, len)) return &members[at];
  }
  return NULL;
}


void tl_keepnames (tl_walk *w) {
  luaL_checkstack(w->L, TL_NAMES + (TL_MAXDEPTH + 2) * TL_VALUEROOM, "an answer of AWS");
  w->named = lua_newuserdatauv(w->L, TL_NAMES * sizeof *w->named, 0);
  memset(w->named, 0, TL_NAMES * sizeof *w->named);
  tl_pusharraymark(w->L);
  w->names = lua_gettop(w->L) + 1;
  lua_settop(w->L, lua_gettop(w->L) + TL_NAMES);
}


/* Each member has one slot where its name may be; of two that share it, the last one has it. */
void tl_pushname (tl_walk *w, const tl_member *m) {
  uint32_t i = (uint32_t)(m - w->model->members), at = i % TL_NAMES;
  size_t len;
  const char *s;
  if (w->names != 0 && w->named[at] == i + 1) {
    lua_pushvalue(w->L, w->names + (int)at);
    return;
  }
  s = tl_modelstr(w->model, m->name, &len);
  lua_pushlstring(w->L, s, len);
  if (w->names == 0) return;
  lua_copy(w->L, -1, w->names + (int)at);
  w->named[at] = i + 1;
}


void tl_pushlist (tl_walk *w, size_t n) {
  lua_createtable(w->L, n > INT32_MAX ? 0 : (int)n, 0);
  if (w->names != 0) lua_pushvalue(w->L, w->names - 1);
  else tl_pusharraymark(w->L);
  lua_setmetatable(w->L, -2);
}


void tl_pushstring (tl_walk *w, const tl_shape *s, const char *text, size_t len) {
  if (w->secrets && s->flags & TL_S_SENSITIVE) memcpy(tl_newsecret(w->L, len), text, len);
  else lua_pushlstring(w->L, text, len);
}


static void pushwhole (lua_State *L, double n) {
  lua_Integer i = 0;
  if (lua_numbertointeger(n, &i) && (double)i == n) lua_pushinteger(L, i);
  else lua_pushnumber(L, n);
}


static int pushinteger (lua_State *L, const char *text, size_t len) {
  int top = lua_gettop(L);
  lua_pushlstring(L, text, len);
  if (lua_stringtonumber(L, lua_tostring(L, -1)) != len + 1) {   /* a NUL may follow a number */
    lua_settop(L, top);
    return 0;
  }
  lua_remove(L, -2);
  if (!lua_isinteger(L, -1)) pushwhole(L, lua_tonumber(L, -1)), lua_remove(L, -2);
  return 1;
}


static int pushfloat (lua_State *L, const char *text, size_t len) {
  if (len == 3 && memcmp(text, "NaN", 3) == 0) lua_pushnumber(L, (lua_Number)NAN);
  else if (len == 8 && memcmp(text, "Infinity", 8) == 0) lua_pushnumber(L, (lua_Number)INFINITY);
  else if (len == 9 && memcmp(text, "-Infinity", 9) == 0) lua_pushnumber(L, -(lua_Number)INFINITY);
  else if (pushinteger(L, text, len)) {
    lua_pushnumber(L, lua_tonumber(L, -1));
    lua_remove(L, -2);
  }
  else return 0;
  return 1;
}


static int pushblob (tl_walk *w, const tl_shape *s, const char *text, size_t len) {
  lua_State *L = w->L;
  tl_buf *b = tl_bufnew(L);
  char *to = tl_bufroom(b, TL_UNBASE64LEN(len) + 1);
  if (to == NULL) luaL_error(L, "not enough memory");
  if (!tl_unbase64(to, text, len, &len)) return lua_pop(L, 1), 0;
  tl_pushstring(w, s, to, len);
  tl_buffree(b);
  lua_remove(L, -2);
  return 1;
}


static int pushstamp (lua_State *L, const char *text, size_t len) {
  double seconds;
  if (!readstamp(text, len, &seconds)) return 0;
  pushwhole(L, seconds);
  return 1;
}


void tl_pushtext (tl_walk *w, const tl_shape *s, const char *text, size_t len) {
  lua_State *L = w->L;
  int pushed = 0;
  switch (s->type) {
    case TL_INTEGER: case TL_LONG: pushed = pushinteger(L, text, len); break;
    case TL_FLOAT: case TL_DOUBLE: case TL_BIGDECIMAL: pushed = pushfloat(L, text, len); break;
    case TL_BOOLEAN: lua_pushboolean(L, len == 4 && memcmp(text, "true", 4) == 0); return;
    case TL_BLOB: pushed = pushblob(w, s, text, len); break;
    case TL_TIMESTAMP: pushed = pushstamp(L, text, len); break;
    default: break;
  }
  if (!pushed) tl_pushstring(w, s, text, len);
}


static int iserror (const tl_model *m, const tl_shape *s, const char *code, size_t len) {
  return same(m, s->errorcode != 0 ? s->errorcode : s->name, code, len)
         || same(m, s->name, code, len);
}


/*
** Services send errors that the operation's model does not list: then any of
** theirs is looked for.
*/
const tl_shape *tl_errorshape (const tl_model *m, const tl_op *op, const char *code, size_t len) {
  for (uint32_t i = 0; i < op->nerrors; i++) {
    const tl_shape *s = m->shapes + m->words[op->errors + i];
    if (iserror(m, s, code, len)) return s;
  }
  for (uint32_t i = 0; i < m->h->nshapes; i++) {
    const tl_shape *s = m->shapes + i;
    if (s->flags & TL_S_EXCEPTION && iserror(m, s, code, len)) return s;
  }
  return NULL;
}

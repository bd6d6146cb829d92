/* bounded.c -- the library's functions that could work for ever in one call, held to the limit. */
#include "bounded.h"

#include <limits.h>
#include <string.h>

#include <lauxlib.h>

#include "limit.h"
#include "patterncost.h"

/*
** No hook runs while a C function does. So what a call will take is reckoned before it is made,
** in instructions, and taken from the same budget; then the original does it.
*/

#define LITTLE 4096       /* steps that are not worth counting */
#define PACE 32           /* bytes looked at while an instruction runs */
#define CALL "a call of the library"
#define STEPS 2           /* steps of a matcher in that time */

typedef struct bounded {
  const char *library, *name;
  void (*reckon) (lua_State *L);
} bounded;


/* a * b, or the largest there is. */
static long long times (long long a, long long b) {
  long long out;
  return __builtin_mul_overflow(a, b, &out) ? LLONG_MAX : out;
}


/* Elements from `from` to `to`, both counted. */
static long long span (lua_Integer from, lua_Integer to) {
  unsigned long long n;
  if (from > to) return 0;
  n = (unsigned long long)to - (unsigned long long)from;
  return n >= LLONG_MAX ? LLONG_MAX : (long long)n + 1;
}

/* ----- patterns ----- */

/* The most it could take: each repetition may end anywhere. Often that is little. */
static long long worst (const tl_pattern *a) {
  long long places = (long long)(a->ls - a->init) + 1;
  long long out = times((long long)a->lp + 1, a->anchored ? 1 : places);
  for (size_t i = 0; i < a->lp && out < LITTLE; i++)
    if (strchr("*+-?%", a->p[i]) != NULL) out = times(out, places);
  return out;
}


static void match (lua_State *L, tl_pattern *a) {
  ptrdiff_t end;
  long long cost = worst(a);
  if (cost >= LITTLE) {
    a->most = times(tl_left(), STEPS);
    cost = tl_patterncost(a, &end);
  }
  tl_charge(L, cost / STEPS + 1, "a pattern");
}


/* The text and the pattern at 1 and 2; what else is given there, the original refuses. */
static int take (lua_State *L, tl_pattern *a, int anchors) {
  if (lua_type(L, 1) != LUA_TSTRING || lua_type(L, 2) != LUA_TSTRING) return 0;
  a->s = lua_tolstring(L, 1, &a->ls);
  a->p = lua_tolstring(L, 2, &a->lp);
  a->anchored = anchors && a->lp > 0 && *a->p == '^';
  a->p += a->anchored;
  a->lp -= (size_t)a->anchored;
  return 1;
}


/* Where to begin, counted from 0: argument 3 of find, match and gmatch. */
static size_t start (lua_State *L, size_t len) {
  lua_Integer at = lua_tointeger(L, 3);
  if (at > 0) return (lua_Unsigned)at - 1 > len ? len : (size_t)at - 1;
  if (at == 0 || (lua_Unsigned)-at > len) return 0;
  return len - (size_t)-at;
}


static void reckon_match (lua_State *L) {
  tl_pattern a = {.matches = 1};
  if (!take(L, &a, 1)) return;
  a.init = start(L, a.ls);
  match(L, &a);
}


/* Plain text is looked for by its first byte, then compared. */
static void reckon_find (lua_State *L) {
  size_t ls, lp;
  if (!lua_toboolean(L, 4)) {
    reckon_match(L);
  } else if (lua_type(L, 1) == LUA_TSTRING && lua_type(L, 2) == LUA_TSTRING) {
    lua_tolstring(L, 1, &ls);
    lua_tolstring(L, 2, &lp);
    if (lp <= ls) tl_charge(L, times((long long)ls, (long long)(1 + lp / PACE)) / PACE, CALL);
  }
}


static void reckon_gmatch (lua_State *L) {
  tl_pattern a = {.matches = LLONG_MAX};
  if (!take(L, &a, 0)) return;
  a.init = start(L, a.ls);
  match(L, &a);
}


static void reckon_gsub (lua_State *L) {
  tl_pattern a = {.matches = LLONG_MAX};
  if (!take(L, &a, 1)) return;
  if (lua_isinteger(L, 4)) a.matches = lua_tointeger(L, 4);
  match(L, &a);
}

/* ----- text ----- */

/* The bytes are counted where they are allocated; nothing can be repeated without end. */
static void reckon_rep (lua_State *L) {
  lua_Integer n = lua_tointeger(L, 2);
  if (n > 0) tl_charge(L, n / PACE, CALL);
}


static void reckon_length (lua_State *L) {
  size_t len;
  if (lua_type(L, 1) != LUA_TSTRING) return;
  lua_tolstring(L, 1, &len);
  tl_charge(L, (long long)len, CALL);
}

/* ----- tables ----- */

static long long length (lua_State *L) {
  return luaL_getmetafield(L, 1, "__len") != LUA_TNIL ? (lua_pop(L, 1), luaL_len(L, 1))
                                                      : (long long)lua_rawlen(L, 1);
}


static lua_Integer integer (lua_State *L, int arg, lua_Integer other) {
  return lua_isnoneornil(L, arg) ? other : lua_tointeger(L, arg);
}


static void reckon_concat (lua_State *L) {
  lua_Integer to;
  if (!lua_istable(L, 1)) return;
  to = lua_isnoneornil(L, 4) ? length(L) : lua_tointeger(L, 4);
  tl_charge(L, span(integer(L, 3, 1), to), CALL);
}


static void reckon_move (lua_State *L) {
  tl_charge(L, span(lua_tointeger(L, 2), lua_tointeger(L, 3)), CALL);
}


/* From the place that is given to the end all move by one. */
static void reckon_shift (lua_State *L) {
  if (!lua_istable(L, 1) || lua_gettop(L) < 2 || !lua_isinteger(L, 2)) return;
  tl_charge(L, span(lua_tointeger(L, 2), length(L)), CALL);
}


static void reckon_insert (lua_State *L) {
  if (lua_gettop(L) == 3) reckon_shift(L);
}


static void reckon_sort (lua_State *L) {
  long long n, rounds = 1;
  if (!lua_istable(L, 1)) return;
  n = length(L);
  for (long long m = n; m > 1; m /= 2) rounds++;
  if (n > 0) tl_charge(L, times(n, rounds), CALL);
}


/* More than a stack holds is refused by the original, before it does anything. */
static void reckon_unpack (lua_State *L) {
  long long n;
  if (!lua_istable(L, 1)) return;
  n = span(integer(L, 2, 1), lua_isnoneornil(L, 3) ? length(L) : lua_tointeger(L, 3));
  if (n < INT_MAX) tl_charge(L, n / 4, CALL);
}

static const bounded functions[] = {
  {"string", "find", reckon_find}, {"string", "gmatch", reckon_gmatch},
  {"string", "gsub", reckon_gsub}, {"string", "match", reckon_match}, {"string", "rep", reckon_rep},
  {"table", "concat", reckon_concat}, {"table", "insert", reckon_insert},
  {"table", "move", reckon_move}, {"table", "remove", reckon_shift}, {"table", "sort", reckon_sort},
  {"table", "unpack", reckon_unpack}, {"utf8", "len", reckon_length}, {NULL, NULL, NULL}
};


/* Upvalues: the row, and the original, which has none of its own. */
static int call (lua_State *L) {
  const bounded *row = lua_touserdata(L, lua_upvalueindex(1));
  if (tl_limited(L)) row->reckon(L);
  return lua_tocfunction(L, lua_upvalueindex(2))(L);
}


void tl_boundlibs (lua_State *L) {
  for (const bounded *row = functions; row->library != NULL; row++) {
    lua_getglobal(L, row->library);
    lua_pushlightuserdata(L, (void *)row);
    lua_getfield(L, -2, row->name);
    lua_pushcclosure(L, call, 2);
    lua_setfield(L, -2, row->name);
    lua_pop(L, 1);
  }
}

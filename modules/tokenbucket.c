/* tokenbucket.c -- tidelock.tokenbucket: limits by key, exact, in memory or in a file. */
#include "buckets.h"
#include "fail.h"
#include "modules.h"

#include <errno.h>
#include <string.h>

#include <lauxlib.h>

#define STORE "tidelock.tokenbucket"
#define POLICY "tidelock.tokenbucket.policy"

/* ----- policies ----- */

static int64_t fieldint (lua_State *L, int idx, const char *name, int64_t otherwise) {
  int64_t n;
  int isint;
  if (lua_getfield(L, idx, name) == LUA_TNIL) n = otherwise;
  else {
    n = lua_tointegerx(L, -1, &isint);
    if (!isint)
      luaL_error(L, "%s must be a whole number (times are in ms), not %s", name,
                 luaL_typename(L, -1));
  }
  lua_pop(L, 1);
  return n;
}


static void readwindows (lua_State *L, tl_policy *p) {
  lua_Integer n;
  if (lua_getfield(L, 1, "windows") == LUA_TNIL) { lua_pop(L, 1); return; }
  luaL_checktype(L, -1, LUA_TTABLE);
  n = luaL_len(L, -1);
  if (n > TL_MAXRULES) luaL_error(L, "at most %d windows, not %d", TL_MAXRULES, (int)n);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, -1, i);
    luaL_checktype(L, -1, LUA_TTABLE);
    p->windows[p->nwindows].limit = fieldint(L, -1, "limit", 0);
    p->windows[p->nwindows++].ms = fieldint(L, -1, "ms", 0);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}


/*
** tokenbucket.policy{windows = {{limit = 10, ms = 60001}}, burst = 3, every = 6000, hold = 30000}
** -> policy | nil, err (err.code "policy": it could not be kept exactly, and why)
*/
static int newpolicy (lua_State *L) {
  char why[512];
  tl_policy *p;
  luaL_checktype(L, 1, LUA_TTABLE);
  p = lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  luaL_setmetatable(L, POLICY);
  readwindows(L, p);
  p->burst = fieldint(L, 1, "burst", 0);
  p->every = fieldint(L, 1, "every", 0);
  p->hold = fieldint(L, 1, "hold", 0);
  if (tl_policy_build(p, why, sizeof why) != NULL) return tl_fail(L, "policy", "%s", why);
  return 1;
}


/* policy:steps() -> {{k =, age =}, ...}: what decides, for the Redis script and for people. */
static int policy_steps (lua_State *L) {
  const tl_policy *p = luaL_checkudata(L, 1, POLICY);
  lua_createtable(L, (int)p->nsteps, 0);
  for (uint32_t i = 0; i < p->nsteps; i++) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, p->steps[i].k);
    lua_setfield(L, -2, "k");
    lua_pushinteger(L, p->steps[i].age);
    lua_setfield(L, -2, "age");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* ----- stores ----- */

/*
** What the methods have at hand: a look-up of the metatable by name costs as much as a decision,
** and that of a text that is pushed, a twelfth of one.
*/
enum {METATABLE = 1, LIMITED, COOLDOWN};

static tl_buckets *check (lua_State *L) {
  tl_buckets *st = lua_touserdata(L, 1);
  if (st == NULL || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(METATABLE)))
    luaL_checkudata(L, 1, STORE);   /* says what it is instead */
  lua_pop(L, 1);
  luaL_argcheck(L, st->h != NULL, 1, "the store is closed");
  return st;
}


static int store_close (lua_State *L) {
  tl_buckets_close(luaL_checkudata(L, 1, STORE));
  return 0;
}


static int openfail (lua_State *L, tl_buckets *st, const char *path) {
  int error = errno;
  tl_buckets_close(st);
  if (error == EWOULDBLOCK)
    return tl_fail(L, "locked", "the limiter's file %s is in use by another process: "
                   "only one sender may use it", path);
  return tl_fail(L, "io", "could not open the limiter's file %s: %s", path ? path : "(memory)",
                 strerror(error));
}


/*
** tokenbucket.store(policy [, {file = path, fresh = true}]) -> store | nil, err.
** Without a file of this boot the past is unknown: with `file` the store then
** refuses everything for the policy's longest span, unless `fresh`.
*/
static int newstore (lua_State *L) {
  const tl_policy *p = luaL_checkudata(L, 1, POLICY);
  const char *path = NULL;
  int fresh = 1;
  tl_buckets *st;
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_getfield(L, 2, "file");
    path = luaL_optstring(L, -1, NULL);
    lua_getfield(L, 2, "fresh");
    fresh = path == NULL || lua_toboolean(L, -1);
  }
  st = lua_newuserdatauv(L, sizeof *st, 1);   /* user value 1 keeps the policy */
  *st = (tl_buckets){.fd = -1};
  luaL_setmetatable(L, STORE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  if (!tl_buckets_open(st, p, path, fresh)) return openfail(L, st, path);
  return 1;
}


/* The hash of the key, argument 2; and the time: argument `arg`, or the clock's. */
static uint64_t keyof (lua_State *L, tl_buckets *st, int arg, int64_t *now) {
  size_t len;
  const char *key = luaL_checklstring(L, 2, &len);
  *now = tl_buckets_time(st, lua_isnoneornil(L, arg) ? tl_boottime() : luaL_checkinteger(L, arg));
  return tl_buckets_hash(st, key, len);
}


static int noroom (lua_State *L) {
  return luaL_error(L, "the limiter has no room for another key: %s", strerror(errno));
}


static int refuse (lua_State *L, const tl_buckets *st, int64_t now, int64_t wait) {
  lua_pushboolean(L, 0);
  lua_pushinteger(L, wait);
  lua_pushvalue(L, lua_upvalueindex(now < st->h->open ? COOLDOWN : LIMITED));
  return 3;
}


/*
** store:take(key [, now]) -> true, stamp, left | false, wait in ms, "limited" or "cooldown".
** `stamp` is what the request counts as until `finish`: now + the policy's hold.
*/
static int store_take (lua_State *L) {
  tl_buckets *st = check(L);
  int64_t now;
  uint64_t hash = keyof(L, st, 3, &now);
  tl_ring *r;
  int64_t wait = tl_buckets_take(st, hash, now, &r);
  if (wait < 0) return noroom(L);
  if (wait > 0) return refuse(L, st, now, wait);
  lua_pushboolean(L, 1);
  lua_pushinteger(L, now + st->policy->hold);
  lua_pushinteger(L, tl_ring_left(st->policy, r, now));
  return 3;
}


/* store:peek(key [, now]) -> ms until a request may start, how many could now. Takes nothing. */
static int store_peek (lua_State *L) {
  static const tl_ring unseen = {.n = 0};
  tl_buckets *st = check(L);
  int64_t now;
  tl_ring *r = tl_buckets_find(st, keyof(L, st, 3, &now));
  int64_t wait = tl_buckets_wait(st, r, now);
  lua_pushinteger(L, wait);
  lua_pushinteger(L, wait > 0 ? 0 : tl_ring_left(st->policy, r != NULL ? r : &unseen, now));
  return 2;
}


/* store:reserve(key [, now]) -> the ms at which the request may start, its stamp: taken now. */
static int store_reserve (lua_State *L) {
  tl_buckets *st = check(L);
  int64_t now;
  uint64_t hash = keyof(L, st, 3, &now);
  int64_t start = now + tl_buckets_wait(st, tl_buckets_find(st, hash), now);
  tl_ring *r = tl_buckets_room(st, hash, now);
  if (r == NULL) return noroom(L);
  tl_ring_add(st->policy, r, start + st->policy->hold);
  lua_pushinteger(L, start);
  lua_pushinteger(L, start + st->policy->hold);
  return 2;
}


/* store:finish(key, stamp [, now]) -> true: it counts as ended now; false: no such stamp. */
static int store_finish (lua_State *L) {
  tl_buckets *st = check(L);
  int64_t stamp = luaL_checkinteger(L, 3), now;
  tl_ring *r = tl_buckets_find(st, keyof(L, st, 4, &now));
  lua_pushboolean(L, r != NULL && tl_ring_lower(st->policy, r, stamp, now));
  return 1;
}


/* store:forget(key): as if it had never been seen. */
static int store_forget (lua_State *L) {
  tl_buckets *st = check(L);
  size_t len;
  const char *key = luaL_checklstring(L, 2, &len);
  tl_ring *r = tl_buckets_find(st, tl_buckets_hash(st, key, len));
  if (r != NULL) r->n = 0, r->base = INT64_MIN / 2;
  lua_pushboolean(L, r != NULL);
  return 1;
}


/* store:stats() -> {keys =, places =, bytes =} */
static int store_stats (lua_State *L) {
  tl_buckets *st = check(L);
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)st->h->used);
  lua_setfield(L, -2, "keys");
  lua_pushinteger(L, (lua_Integer)st->h->capacity);
  lua_setfield(L, -2, "places");
  lua_pushinteger(L, (lua_Integer)st->size);
  lua_setfield(L, -2, "bytes");
  return 1;
}


/* tokenbucket.now() -> ms since the machine started, suspend included: the stores' clock. */
static int now (lua_State *L) {
  lua_pushinteger(L, tl_boottime());
  return 1;
}

static const luaL_Reg functions[] = {
  {"now", now}, {"policy", newpolicy}, {"store", newstore}, {NULL, NULL}
};
static const luaL_Reg methods[] = {
  {"close", store_close}, {"finish", store_finish}, {"forget", store_forget}, {"peek", store_peek},
  {"reserve", store_reserve}, {"stats", store_stats}, {"take", store_take}, {NULL, NULL}
};
static const luaL_Reg meta[] = {{"__gc", store_close}, {"__close", store_close}, {NULL, NULL}};
static const luaL_Reg policymethods[] = {{"steps", policy_steps}, {NULL, NULL}};


int luaopen_tidelock_tokenbucket (lua_State *L) {
  luaL_newmetatable(L, STORE);
  luaL_setfuncs(L, meta, 0);
  luaL_newlibtable(L, methods);
  lua_pushvalue(L, -2);
  lua_pushliteral(L, "limited");
  lua_pushliteral(L, "cooldown");
  luaL_setfuncs(L, methods, COOLDOWN);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, POLICY);
  luaL_newlib(L, policymethods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}

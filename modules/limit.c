/* limit.c -- tidelock.limit: how much memory, work and time a playbook may take. */
#include "limit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>

#include "modules.h"
#include "patterncost.h"

#define STEP 1000       /* instructions between two looks: each may copy all the memory */
#define BIG 4096        /* bytes: a smaller block costs no more than what asks for it */
#define PACE 32         /* bytes that are copied while an instruction runs */

#define TOO_LONG "%s ran too long without an end: is there an endless loop?" \
                 " (raise the limit with --max-instructions)"
#define OWN "@lib/"
#define TOO_LATE "%s ran beyond its time"

static struct {
  size_t used, most;
  long long left;       /* instructions, and work in C in their measure */
  double until;         /* on the monotonic clock; 0 without a deadline */
  char said[512];       /* what was raised first: it is raised again until the limit is lifted */
} limit = {.most = SIZE_MAX};


static void *from_malloc (void *p, size_t old, size_t n) {
  (void)old;
  if (n != 0) return realloc(p, n);
  free(p);
  return NULL;
}

static const tl_blocks libc = {from_malloc};


/* Lua collects and tries once more when this refuses, then raises "not enough memory". */
void *tl_alloc (void *ud, void *p, size_t osize, size_t nsize) {
  size_t old = p == NULL ? 0 : osize;   /* without a block osize is a type tag */
  const tl_blocks *blocks = ud != NULL ? ud : &libc;
  void *q;
  if (nsize == 0) {
    blocks->resize(p, old, 0);
    limit.used -= old;
    return NULL;
  }
  if (nsize > old && (limit.used > limit.most || nsize - old > limit.most - limit.used))
    return NULL;
  q = blocks->resize(p, old, nsize);
  if (q == NULL && nsize > old) return NULL;
  limit.used += nsize - old;
  if (nsize >= BIG && nsize > old) limit.left -= (long long)(nsize / PACE);
  return q != NULL ? q : p;   /* Lua counts on a shrink that never fails */
}


/* limit.memory(bytes) holds the state to so many bytes in all; without an argument, to none. */
static int limit_memory (lua_State *L) {
  lua_Integer most = luaL_optinteger(L, 1, -1);
  limit.most = most < 0 ? SIZE_MAX : (size_t)most;
  return 0;
}


/* limit.used() -> bytes that Lua holds now. */
static int limit_used (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)limit.used);
  return 1;
}


static double now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


static void onstep (lua_State *L, lua_Debug *ar);


static int late (void) {
  return limit.until > 0 && now() > limit.until;
}


/* Where the playbook's own code is, by its whole path; what is embedded has that of the tree. */
static void place (lua_State *L, size_t room) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (*ar.source != '@' || strncmp(ar.source, OWN, sizeof OWN - 1) == 0) continue;
    snprintf(limit.said, room, "%s:%d: ", ar.source + 1, ar.currentline);
    return;
  }
}


static void over (lua_State *L, const char *text, const char *what) {
  if (*limit.said == '\0') {
    size_t n;
    place(L, sizeof limit.said - sizeof TOO_LONG - 64);
    n = strlen(limit.said);
    snprintf(limit.said + n, sizeof limit.said - n, text, what);
  }
  lua_sethook(L, onstep, LUA_MASKCOUNT, 1);
  lua_pushstring(L, limit.said);
  lua_error(L);
}


/* Over budget it raises at every further instruction, so that no pcall can go on. */
static void onstep (lua_State *L, lua_Debug *ar) {
  (void)ar;
  limit.left -= lua_gethookcount(L);
  if (limit.left > 0 && !late()) return;
  over(L, limit.left > 0 ? TOO_LATE : TOO_LONG, "the playbook");
}


int tl_limited (lua_State *L) {
  return lua_gethook(L) == onstep;
}


long long tl_left (void) {
  return limit.left > 0 ? limit.left : 0;
}


void tl_charge (lua_State *L, long long work, const char *what) {
  if (work <= limit.left) {
    limit.left -= work;
    return;
  }
  limit.left = 0;
  over(L, TOO_LONG, what);
}


/*
** limit.instructions(n): the calling thread, and threads it makes from now on,
** may run about so many VM instructions; without an argument, any number.
*/
static int limit_instructions (lua_State *L) {
  lua_Integer n = luaL_optinteger(L, 1, 0);
  if (n <= 0) {
    lua_sethook(L, NULL, 0, 0);
    return 0;
  }
  limit.left = n;
  *limit.said = '\0';
  lua_sethook(L, onstep, LUA_MASKCOUNT, n < STEP ? (int)n : STEP);
  return 0;
}

static int called (lua_State *L, int status, lua_KContext ctx) {
  (void)ctx;
  lua_sethook(L, NULL, 0, 0);
  lua_pushboolean(L, status == LUA_OK || status == LUA_YIELD);
  lua_replace(L, 1);
  return lua_gettop(L);
}


/*
** limit.call(n, fn, ...): as pcall, with n instructions. The limit ends with the call: who made it
** can go on where it was passed.
*/
static int limit_call (lua_State *L) {
  luaL_checkany(L, 2);
  limit_instructions(L);
  return called(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, called), 0);
}


/*
** limit.seconds(n): threads with a limit of instructions may run for so many seconds from now;
** without an argument, for ever. Waits count too, but only what runs is ended.
*/
static int limit_seconds (lua_State *L) {
  lua_Number n = luaL_optnumber(L, 1, 0);
  limit.until = n > 0 ? now() + n : 0;
  return 0;
}


/* limit.pattern(text, pattern) -> steps, end of the first match or nil: for specs. */
static int limit_pattern (lua_State *L) {
  tl_pattern a = {.matches = 1, .most = 1 << 20};
  ptrdiff_t end;
  a.s = luaL_checklstring(L, 1, &a.ls);
  a.p = luaL_checklstring(L, 2, &a.lp);
  a.anchored = a.lp > 0 && *a.p == '^';
  a.p += a.anchored;
  a.lp -= (size_t)a.anchored;
  lua_pushinteger(L, tl_patterncost(&a, &end));
  if (end < 0) lua_pushnil(L);
  else lua_pushinteger(L, end);
  return 2;
}

static const luaL_Reg functions[] = {
  {"call", limit_call}, {"instructions", limit_instructions}, {"memory", limit_memory},
  {"pattern", limit_pattern}, {"seconds", limit_seconds}, {"used", limit_used}, {NULL, NULL}
};


int luaopen_tidelock_limit (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

/* limit.c -- tidelock.limit: how much memory and how many instructions a playbook may take. */
#include "limit.h"

#include <stdint.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "modules.h"

#define STEP 100000   /* instructions between two looks at the budget */

static struct { size_t used, most; lua_Integer left; } limit = {0, SIZE_MAX, 0};


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
  if (nsize > old && (limit.used > limit.most || nsize - old > limit.most - limit.used)) return NULL;
  q = blocks->resize(p, old, nsize);
  if (q == NULL && nsize > old) return NULL;
  limit.used += nsize - old;
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


/* Over budget it raises at every further instruction, so that no pcall can go on. */
static void onstep (lua_State *L, lua_Debug *ar) {
  (void)ar;
  limit.left -= lua_gethookcount(L);
  if (limit.left > 0) return;
  lua_sethook(L, onstep, LUA_MASKCOUNT, 1);
  luaL_error(L, "the playbook ran too long without an end: is there an endless loop?"
                " (raise the limit with --max-instructions)");
}


/*
** limit.instructions(n): the calling thread, and threads it makes from now on,
** may run about so many VM instructions; without an argument, any number.
*/
static int limit_instructions (lua_State *L) {
  lua_Integer n = luaL_optinteger(L, 1, 0);
  limit.left = n;
  if (n > 0) lua_sethook(L, onstep, LUA_MASKCOUNT, n < STEP ? (int)n : STEP);
  else lua_sethook(L, NULL, 0, 0);
  return 0;
}

static const luaL_Reg functions[] = {
  {"instructions", limit_instructions}, {"memory", limit_memory}, {"used", limit_used}, {NULL, NULL}
};


int luaopen_tidelock_limit (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

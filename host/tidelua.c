/* tidelua.c -- a plain Lua with tidelock's modules and loop: makes the pack and runs the specs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <openssl/crypto.h>
#include <uv.h>

#include "arena.h"
#include "limit.h"
#include "loop.h"
#include "ossl.h"
#include "state.h"

#define PATH "lib/?.lua;lib/?/init.lua;host/?.lua;spec/?.lua;./?.lua;"

/* ----- allocations that fail on demand ----- */

static long countdown = -1;   /* allocations to go before all fail; -1: none does */
static int fired;

static int refused (void) {
  if (countdown < 0) return 0;
  if (countdown > 0) { countdown--; return 0; }
  fired = 1;
  return 1;
}

void *__real_malloc (size_t n);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t n);
void *__wrap_malloc (size_t n);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t n);

void *__wrap_malloc (size_t n) {
  return refused() ? NULL : __real_malloc(n);
}

void *__wrap_calloc (size_t n, size_t size) {
  return refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc (void *p, size_t n) {
  return refused() ? NULL : __real_realloc(p, n);
}


static void *sparemalloc (size_t n, const char *file, int line) {
  (void)file; (void)line;
  return __real_malloc(n);
}


static void *sparerealloc (void *p, size_t n, const char *file, int line) {
  (void)file; (void)line;
  return __real_realloc(p, n);
}


static void sparefree (void *p, const char *file, int line) {
  (void)file; (void)line;
  free(p);
}


/*
** Where memory fails them libcurl 7.88 divides by zero, libuv aborts and OpenSSL 3.0 leaks: for
** sweeps over what calls them, TIDELUA_SPARE gives all three what they want.
*/
static void spare (void) {
  if (getenv("TIDELUA_SPARE") == NULL) return;
  CRYPTO_set_mem_functions(sparemalloc, sparerealloc, sparefree);
  uv_replace_allocator(__real_malloc, __real_realloc, __real_calloc, free);
  tl_osslstart();
  tl_osslquiet();
  curl_global_init_mem(CURL_GLOBAL_ALL, __real_malloc, free, __real_realloc, strdup, __real_calloc);
}


/* alloc.arm(n): the first n allocations from now succeed, then every one fails. */
static int alloc_arm (lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  fired = 0;
  countdown = (long)n;
  return 0;
}


/* alloc.disarm() -> did one fail? Allocates nothing. */
static int alloc_disarm (lua_State *L) {
  countdown = -1;
  lua_pushboolean(L, fired);
  return 1;
}

static const luaL_Reg alloc[] = {{"arm", alloc_arm}, {"disarm", alloc_disarm}, {NULL, NULL}};

/* ----- the program ----- */

static int warned;

/*
** What is raised where nobody can catch it, in a finalizer, is a bug: it is told, and a run that
** would end well does not.
*/
static void onwarn (void *unused, const char *text, int more) {
  static int within;
  (void)unused;
  if (!within && !more && *text == '@') return;   /* "@on", "@off": it is always on */
  fprintf(stderr, "%s%s%s", within ? "" : "tidelua: warning: ", text, more ? "" : "\n");
  within = more;
  warned = 1;
}


static void setpath (lua_State *L) {
  lua_getglobal(L, "package");
  lua_pushliteral(L, PATH);
  lua_getfield(L, -2, "path");
  lua_concat(L, 2);
  lua_setfield(L, -2, "path");
  lua_pop(L, 1);
}


static void setargs (lua_State *L, char **argv) {
  lua_newtable(L);
  for (int i = 0; argv[i] != NULL; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
}


/* Pushes the script as a function; argv comes as a light userdata. */
static int prepare (lua_State *L) {
  char **argv = lua_touserdata(L, 1);
  tl_openlibs(L);
  luaL_newlib(L, alloc);
  lua_setglobal(L, "alloc");
  setpath(L);
  setargs(L, argv);
  if (luaL_loadfile(L, argv[1]) != LUA_OK) return lua_error(L);
  return 1;
}


/* An error's sentence: its message where it is a table, as those of modules and calls are. */
static const char *sentence (lua_State *L) {
  if (lua_istable(L, -1)) {
    lua_pushliteral(L, "message");
    if (lua_rawget(L, -2) == LUA_TSTRING) return lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  return luaL_tolstring(L, -1, NULL);
}


static int run (lua_State *L, char **argv) {
  int status;
  lua_pushcfunction(L, prepare);
  lua_pushlightuserdata(L, argv);
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_OK) status = tl_loop_run(L, 0);
  if (status == LUA_OK)
    return lua_gettop(L) > 0 && lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : 0;
  fprintf(stderr, "tidelua: %s\n", sentence(L));
  return 70;
}


/*
** Blocks come from malloc, where sweeps and sanitizers see each of them; benchmarks
** ask for those of tidelock itself with TIDELUA_ARENA.
*/
int main (int argc, char **argv) {
  tl_blocks arena = tl_arena, *blocks = getenv("TIDELUA_ARENA") != NULL ? &arena : NULL;
  lua_State *L;
  int code;
  if (argc < 2) {
    fprintf(stderr, "usage: tidelua SCRIPT [ARGUMENTS]\n");
    return 64;
  }
  spare();
  if (tl_loop_open() != 0 || (L = lua_newstate(tl_alloc, blocks)) == NULL) return 70;
  lua_setwarnf(L, onwarn, NULL);
  code = run(L, argv);
  fflush(stdout);
  tl_loop_stop(L);
  lua_close(L);
  if (warned && code == 0) code = 70;
  if (tl_loop_close() != 0 && code == 0) {
    fprintf(stderr, "tidelua: a handle of the loop was left open\n");
    return 70;
  }
  return code;
}

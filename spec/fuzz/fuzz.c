/* fuzz.c -- libFuzzer over a decoder that Lua sees: FUZZ=NAME runs that of spec/fuzz/NAME.lua. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lualib.h>
#include <sanitizer/lsan_interface.h>

#include "loop.h"
#include "state.h"

#define PATH "lib/?.lua;lib/?/init.lua;host/?.lua;spec/?.lua;./?.lua;"
#define LOOK 50000   /* runs between two looks for leaks: each collects all garbage before */

int LLVMFuzzerInitialize (int *argc, char ***argv);
int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len);

static lua_State *state;

/* What libFuzzer counts as covered beside C: the lines of Lua that ran, where the target is Lua. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t lines[1 << 15];


static void online (lua_State *L, lua_Debug *ar) {
  uint32_t hash = 2166136261u;
  lua_getinfo(L, "S", ar);
  for (const char *s = ar->short_src; *s != '\0'; s++) hash = (hash ^ (uint8_t)*s) * 16777619u;
  hash = (hash ^ (uint32_t)ar->currentline) * 16777619u;
  lines[(hash >> 8) % sizeof lines]++;
}


static void die (const char *what) {
  fprintf(stderr, "fuzz: %s: %s\n", what, luaL_tolstring(state, -1, NULL));
  abort();
}


static int traceback (lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}


/* Leaves the traceback at slot 1 and the function under test at slot 2. */
static int prepare (lua_State *L) {
  tl_openlibs(L);
  lua_getglobal(L, "package");
  lua_pushliteral(L, PATH);
  lua_setfield(L, -2, "path");
  if (luaL_loadfile(L, lua_tostring(L, 1)) != LUA_OK) return lua_error(L);
  lua_call(L, 0, 1);
  return 1;
}


int LLVMFuzzerInitialize (int *argc, char ***argv) {
  const char *name = getenv("FUZZ");
  (void)argc, (void)argv;
  if (name == NULL) {
    fprintf(stderr, "fuzz: say which decoder: FUZZ=json, xml, cbor, ... (see spec/fuzz/*.lua)\n");
    exit(64);
  }
  state = luaL_newstate();
  if (state == NULL || tl_loop_open() != 0) abort();
  lua_pushcfunction(state, traceback);
  lua_pushcfunction(state, prepare);
  lua_pushfstring(state, "spec/fuzz/%s.lua", name);
  if (lua_pcall(state, 1, 1, 1) != LUA_OK) die(name);
  if (getenv("FUZZ_LINES") != NULL) lua_sethook(state, online, LUA_MASKLINE, 0);
  return 0;
}


/* The function may answer what it likes; that it raises is a find. */
int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len) {
  static unsigned runs = 0;
  lua_pushvalue(state, 2);
  lua_pushlstring(state, (const char *)bytes, len);
  if (lua_pcall(state, 1, 0, 1) != LUA_OK) die("raised");
  if (++runs % LOOK != 0) return 0;
  lua_gc(state, LUA_GCCOLLECT);
  if (__lsan_do_recoverable_leak_check() != 0) abort();
  return 0;
}

/* state.c -- a Lua state as tidelock wants it: standard libraries, native modules by require. */
#include "state.h"

#include <stdlib.h>

#include <lauxlib.h>
#include <lua-cjson.h>
#include <lualib.h>
#include <openssl/crypto.h>

#include "modules.h"

#define ROW(name) {"tidelock." #name, luaopen_tidelock_##name},

static const luaL_Reg preload[] = {
  TL_MODULES(ROW)
  {"cjson", luaopen_cjson},
  {NULL, NULL}
};


/*
** The system's openssl.cnf is for the system's OpenSSL: what it loads may not fit the
** one linked here, and reading it costs a sixth of a single call. Who names a file in
** OPENSSL_CONF gets it. What the library holds at the exit is left to the system.
*/
static void openssl (void) {
  uint64_t config = getenv("OPENSSL_CONF") != NULL ? 0 : OPENSSL_INIT_NO_LOAD_CONFIG;
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | config, NULL);
}


int tl_openlibs (lua_State *L) {
  openssl();
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, preload, 0);
  luaL_requiref(L, "tidelock.loop", luaopen_tidelock_loop, 0);
  return 0;
}

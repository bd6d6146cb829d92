/* state.c -- a Lua state as tidelock wants it: standard libraries, native modules by require. */
#include "state.h"

#include <lauxlib.h>
#include <lua-cjson.h>
#include <lualib.h>

#include "bounded.h"
#include "modules.h"
#include "ossl.h"

#define ROW(name) {"tidelock." #name, luaopen_tidelock_##name},

static const luaL_Reg preload[] = {
  TL_MODULES(ROW)
  {"cjson", luaopen_cjson},
  {NULL, NULL}
};


int tl_openlibs (lua_State *L) {
  tl_osslstart();
  luaL_openlibs(L);
  tl_boundlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, preload, 0);
  luaL_requiref(L, "tidelock.loop", luaopen_tidelock_loop, 0);
  return 0;
}

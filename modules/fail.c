/* fail.c -- how a module says that the outside world failed: nil, err. */
#include "fail.h"

#include <stdarg.h>

#include <lauxlib.h>

int tl_fail (lua_State *L, const char *code, const char *fmt, ...) {
  va_list args;
  luaL_checkstack(L, 4, "error object");
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  lua_pushstring(L, code);
  lua_setfield(L, -2, "code");
  va_start(args, fmt);
  lua_pushvfstring(L, fmt, args);
  va_end(args);
  lua_setfield(L, -2, "message");
  return 2;
}

/* compat.h -- what Lua 5.4.6 names differently from the 5.4.4 that Debian ships. */
#ifndef TL_COMPAT_H
#define TL_COMPAT_H

#include <lua.h>

#if LUA_VERSION_RELEASE_NUM < 50406
#define tl_closethread(co, from) ((void)(from), lua_resetthread(co))
#else
#define tl_closethread(co, from) lua_closethread(co, from)
#endif

#endif

/* state.h -- a Lua state as tidelock wants it. */
#ifndef TL_STATE_H
#define TL_STATE_H

#include <lua.h>

int tl_openlibs (lua_State *L);   /* for lua_pcall: standard libraries and native modules */

#endif

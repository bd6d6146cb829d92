/* modules.h -- one row a native module: its prototype and its place in package.preload. */
#ifndef TL_MODULES_H
#define TL_MODULES_H

#include <lua.h>

#define TL_MODULES(X) \
  X(codec) \
  X(digest) \
  X(endpoint) \
  X(eventbody) \
  X(eventstream) \
  X(fs) \
  X(gzip) \
  X(http) \
  X(json) \
  X(limit) \
  X(loop) \
  X(models) \
  X(proc) \
  X(readline) \
  X(redis) \
  X(secret) \
  X(sigv4) \
  X(signal) \
  X(socket) \
  X(stamp) \
  X(tokenbucket) \
  X(tty) \
  X(zstd)

#define TL_PROTOTYPE(name) int luaopen_tidelock_##name (lua_State *L);
TL_MODULES(TL_PROTOTYPE)

#endif

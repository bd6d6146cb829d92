/* secret.h -- how C reads a secret without making text of it in Lua. */
#ifndef TL_SECRET_H
#define TL_SECRET_H

#include <stddef.h>
#include <lua.h>

/*
** The bytes of a string or of a secret at `idx`, valid while the value is; NULL
** for any other value. They may hold NULs.
*/
const char *tl_tosecret (lua_State *L, int idx, size_t *len);

/* Pushes a secret of `len` bytes and returns the room for them, to be filled at once. */
char *tl_newsecret (lua_State *L, size_t len);

#endif

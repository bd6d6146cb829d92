/* embed.h -- the Lua libraries that are linked into the program. */
#ifndef TL_EMBED_H
#define TL_EMBED_H

#include <lua.h>

void tl_embed_searcher (lua_State *L);   /* makes `require` look into the program first */

#endif

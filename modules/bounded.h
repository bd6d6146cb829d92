/* bounded.h -- the library's functions that could work for ever in one call, held to the limit. */
#ifndef TL_BOUNDED_H
#define TL_BOUNDED_H

#include <lua.h>

/*
** Puts counted versions in place of the string, table and utf8 functions whose work grows with
** what they are given. In a thread without a limit they are the originals.
*/
void tl_boundlibs (lua_State *L);

#endif

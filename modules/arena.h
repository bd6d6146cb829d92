/* arena.h -- blocks for a Lua state: small ones come from pages taken a chunk at a time. */
#ifndef TL_ARENA_H
#define TL_ARENA_H

#include "limit.h"

/* For lua_newstate beside tl_alloc. One state a process. */
extern const tl_blocks tl_arena;

/*
** From now on what is freed is left lying: the process is about to end, and
** lua_close is only for the finalizers.
*/
void tl_arena_leave (void);

#endif

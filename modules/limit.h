/* limit.h -- the allocator that can hold a state to a ceiling. */
#ifndef TL_LIMIT_H
#define TL_LIMIT_H

#include <stddef.h>

/* Where blocks come from. `resize` does what a lua_Alloc does; `old` is 0 without a block. */
typedef struct tl_blocks { void *(*resize) (void *p, size_t old, size_t n); } tl_blocks;

/*
** A lua_Alloc; `ud` is a tl_blocks, or NULL for malloc's. One state a process: the
** counters are the process's.
*/
void *tl_alloc (void *ud, void *p, size_t osize, size_t nsize);

#endif

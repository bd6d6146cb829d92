/* limit.h -- ceilings on a playbook: the allocator that counts, and the budget of work. */
#ifndef TL_LIMIT_H
#define TL_LIMIT_H

#include <stddef.h>

#include <lua.h>

/* Where blocks come from. `resize` does what a lua_Alloc does; `old` is 0 without a block. */
typedef struct tl_blocks { void *(*resize) (void *p, size_t old, size_t n); } tl_blocks;

/*
** A lua_Alloc; `ud` is a tl_blocks, or NULL for malloc's. One state a process: the
** counters are the process's.
*/
void *tl_alloc (void *ud, void *p, size_t osize, size_t nsize);

/* Whether the thread is held to a number of instructions. */
int tl_limited (lua_State *L);

/* What is left of it: work in C is counted in instructions too. */
long long tl_left (void);

/* Takes so much of it for a C function; raises where there is less: `what` ran too long. */
void tl_charge (lua_State *L, long long work, const char *what);

#endif

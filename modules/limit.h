/* limit.h -- the allocator that can hold a state to a ceiling. */
#ifndef TL_LIMIT_H
#define TL_LIMIT_H

#include <stddef.h>

/* A lua_Alloc. One state a process: the counters are the process's. */
void *tl_alloc (void *ud, void *p, size_t osize, size_t nsize);

#endif

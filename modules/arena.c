/* arena.c -- blocks for a Lua state: small ones come from pages taken a chunk at a time. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

/*
** Lua says how long a block is when it gives it back, so a block needs no
** header: sizes are rounded up to a class, and each class keeps a list of what
** was given back. Chunks are mapped with their pages present, one system call
** where touching them would fault thirty-two times. They are never unmapped:
** a state that grew once grows again. A block that could not shrink into a
** smaller class is taken back by that class, for which it is only too long.
*/
#define STEP 16u
#define MOST 512u
#define CHUNK ((size_t)128 * 1024)

typedef struct hole { struct hole *next; } hole;

static struct {
  hole *free[MOST / STEP + 1];
  char *at, *end;            /* what is left of the newest chunk */
  int leaving;
} arena;


/* What is left of the old chunk is lost: less than MOST bytes. */
static int grow (void) {
  void *p = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (p == MAP_FAILED) return 0;
  arena.at = p;
  arena.end = arena.at + CHUNK;
  return 1;
}


static size_t class_of (size_t n) {
  return (n + STEP - 1) / STEP;
}


static void *take (size_t n) {
  size_t i = class_of(n);
  hole *h = arena.free[i];
  char *p;
  if (h != NULL) {
    arena.free[i] = h->next;
    /* the next block of this size, long out of the cache, is read then */
    __builtin_prefetch(h->next, 1);
    return h;
  }
  if ((size_t)(arena.end - arena.at) < i * STEP && !grow()) return NULL;
  p = arena.at;
  arena.at += i * STEP;
  return p;
}


static void give (void *p, size_t n) {
  hole *h = p;
  if (arena.leaving || p == NULL) return;
  if (n > MOST) {
    free(p);
    return;
  }
  h->next = arena.free[class_of(n)];
  arena.free[class_of(n)] = h;
}


/* The contract of lua_Alloc; `old` is 0 where there is no block. */
static void *resize (void *p, size_t old, size_t n) {
  void *q;
  if (n == 0) {
    give(p, old);
    return NULL;
  }
  if (p != NULL && old > MOST && n > MOST) return realloc(p, n);
  if (p != NULL && old <= MOST && class_of(old) == class_of(n)) return p;
  q = n > MOST ? malloc(n) : take(n);
  if (q == NULL || p == NULL) return q;
  memcpy(q, p, old < n ? old : n);
  give(p, old);
  return q;
}

const tl_blocks tl_arena = {resize};


void tl_arena_leave (void) {
  arena.leaving = 1;
}

/* arena.c -- the arena against a model of itself: what blocks hold, where they lie, refusals. */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCKS 4000
#define ROUNDS 100000

typedef struct block { unsigned char *p; size_t n; unsigned char mark; } block;

static block blocks[BLOCKS];
static long maps, left = -1;       /* chunks mapped; how many more may be, -1: any */
static int nomalloc;

void *__real_mmap (void *at, size_t n, int prot, int flags, int fd, off_t off);
void *__wrap_mmap (void *at, size_t n, int prot, int flags, int fd, off_t off);
void *__real_malloc (size_t n);
void *__wrap_malloc (size_t n);
void *__real_realloc (void *p, size_t n);
void *__wrap_realloc (void *p, size_t n);

void *__wrap_mmap (void *at, size_t n, int prot, int flags, int fd, off_t off) {
  if (left == 0) return MAP_FAILED;
  if (left > 0) left--;
  maps++;
  return __real_mmap(at, n, prot, flags, fd, off);
}

void *__wrap_malloc (size_t n) { return nomalloc ? NULL : __real_malloc(n); }
void *__wrap_realloc (void *p, size_t n) { return nomalloc ? NULL : __real_realloc(p, n); }

#define CHECK(c) do { if (!(c)) { \
    printf("line %d: %s\n", __LINE__, #c); exit(1); } } while (0)

static uint64_t seed = 88172645463325252u;

static size_t below (size_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t)(seed % n);
}

/* Sizes as Lua asks for them: mostly small, the classes' ends, some beyond. */
static size_t somesize (void) {
  size_t n = below(10);
  if (n < 6) return 1 + below(64);
  if (n < 8) return 1 + below(512);
  if (n < 9) return 16 * (1 + below(33)) + below(3) - 1;
  return 513 + below(5000);
}

static void *resize (void *p, size_t old, size_t n) { return tl_arena.resize(p, old, n); }

static void whole (const block *b, size_t n) {
  for (size_t i = 0; i < n; i++) CHECK(b->p[i] == b->mark);
}

static void fill (block *b) {
  b->mark = (unsigned char)below(256);
  memset(b->p, b->mark, b->n);
}

/* Any block to any size: what it held is kept, and nobody else's is touched. */
static void step (block *b) {
  size_t n = below(4) == 0 ? 0 : somesize(), kept = b->n < n ? b->n : n;
  unsigned char *p;
  if (b->p != NULL) whole(b, b->n);
  p = resize(b->p, b->p != NULL ? b->n : 0, n);
  if (n == 0) {
    CHECK(p == NULL);
    *b = (block){0};
    return;
  }
  CHECK(p != NULL && (uintptr_t)p % 16 == 0);
  b->p = p;
  whole(b, kept);
  b->n = n;
  fill(b);
}

static int byplace (const void *a, const void *b) {
  uintptr_t x = (uintptr_t)((const block *)a)->p, y = (uintptr_t)((const block *)b)->p;
  return (x > y) - (x < y);
}

static void freeall (void) {
  for (int i = 0; i < BLOCKS; i++)
    if (blocks[i].p != NULL) {
      whole(&blocks[i], blocks[i].n);
      resize(blocks[i].p, blocks[i].n, 0);
      blocks[i] = (block){0};
    }
}

static void randomly (void) {
  for (long i = 0; i < ROUNDS; i++) step(&blocks[below(BLOCKS)]);
  qsort(blocks, BLOCKS, sizeof *blocks, byplace);
  for (int i = 1; i < BLOCKS; i++)
    CHECK(blocks[i - 1].p == NULL || blocks[i - 1].p + blocks[i - 1].n <= blocks[i].p);
  freeall();
}

/* What was given back is given out again: the second time takes nothing from the system. */
static void again (void) {
  long before;
  for (int i = 0; i < BLOCKS; i++)
    blocks[i] = (block){resize(NULL, 0, 1 + (size_t)i % 512), 1 + (size_t)i % 512, 0};
  for (int i = 0; i < BLOCKS; i++) fill(&blocks[i]);
  freeall();
  before = maps;
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = (block){resize(NULL, 0, 1 + (size_t)i % 512), 1 + (size_t)i % 512, 0};
    CHECK(blocks[i].p != NULL);
    fill(&blocks[i]);
  }
  CHECK(maps == before);
  freeall();
}

/* Within its class a block stays where it is; across, it moves. */
static void classes (void) {
  void *p = resize(NULL, 0, 17), *q;
  CHECK(resize(p, 17, 32) == p && resize(p, 32, 17) == p);
  q = resize(p, 17, 33);
  CHECK(q != p && resize(NULL, 0, 20) == p);
  resize(p, 20, 0);
  resize(q, 33, 0);
  p = resize(NULL, 0, 512);
  q = resize(p, 512, 513);
  CHECK(q != p);
  CHECK(resize(q, 513, 512) == p);
  resize(p, 512, 0);
}

/* Empties the chunk at hand and the list of its class; returns how many blocks that were. */
static int exhaust (void **held, size_t n) {
  int count = 0;
  left = 0;
  while (count < 100000 && (held[count] = resize(NULL, 0, n)) != NULL) count++;
  return count;
}

/* Refused, a block is as it was, to grow, to shrink, and to give back; later all goes on. */
static void refusals (void) {
  static void *held[100000];
  unsigned char *big = resize(NULL, 0, 4000), *small, *p;
  int count = exhaust(held, 48);
  CHECK(count > 0 && count < 100000);
  small = held[--count];
  memset(small, 7, 48);
  for (size_t n = 64; n <= 512; n += 16) {
    void *q = resize(small, 48, n);
    CHECK(q == NULL || q == small || left == 0);
    if (q != NULL) { resize(q, n, 0); small = resize(NULL, 0, 48); memset(small, 7, 48); }
  }
  for (int i = 0; i < 48; i++) CHECK(small[i] == 7);
  nomalloc = 1;
  CHECK(resize(small, 48, 1000) == NULL && resize(big, 4000, 8000) == NULL);
  CHECK(resize(NULL, 0, 600) == NULL);
  nomalloc = 0;
  /* 200 does not shrink to 16 where no 16 is left: Lua keeps it, and gives it back as one of 16 */
  left = 1;
  p = resize(NULL, 0, 200);
  left = 0;
  while (resize(NULL, 0, 16) != NULL) continue;
  if (p != NULL && resize(p, 200, 16) == NULL) {
    resize(p, 16, 0);
    CHECK(resize(NULL, 0, 9) == p);
    CHECK(resize(NULL, 0, 9) == NULL);
  }
  left = -1;
  p = resize(NULL, 0, 48);
  CHECK(p != NULL);
  resize(p, 48, 0);
  while (count > 0) resize(held[--count], 48, 0);
  resize(small, 48, 0);
  resize(big, 4000, 0);
}

/* At the end of the process what is freed is left lying: it still holds what it held. */
static void leaving (void) {
  unsigned char *p = resize(NULL, 0, 100), *big = resize(NULL, 0, 2000), *q;
  memset(p, 3, 100);
  memset(big, 4, 2000);
  tl_arena_leave();
  CHECK(resize(p, 100, 0) == NULL && resize(big, 2000, 0) == NULL);
  for (int i = 0; i < 100; i++) CHECK(p[i] == 3);
  for (int i = 0; i < 2000; i++) CHECK(big[i] == 4);
  q = resize(NULL, 0, 100);
  CHECK(q != NULL && q != p);
}

int main (void) {
  CHECK(resize(NULL, 0, 0) == NULL);
  classes();
  randomly();
  again();
  refusals();
  randomly();
  leaving();
  printf("ok %ld\n", maps);
  return 0;
}

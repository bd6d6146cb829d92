/* buckets.c -- the limiter's rings by key, in memory or in a file that outlives us. No Lua. */
#include "buckets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#define MAGIC 0x424b5432u   /* "2TKB" */
#define HEADER 4096         /* a page before the rings */
#define LEAST 64            /* rings of a new table */

__extension__ typedef unsigned __int128 wide;

/* ----- hashing: SipHash-1-3, keyed ----- */

static uint64_t rotl (uint64_t x, int b) { return x << b | x >> (64 - b); }

#define ROUND \
  v0 += v1; v1 = rotl(v1, 13); v1 ^= v0; v0 = rotl(v0, 32); v2 += v3; v3 = rotl(v3, 16); v3 ^= v2; \
  v0 += v3; v3 = rotl(v3, 21); v3 ^= v0; v2 += v1; v1 = rotl(v1, 17); v1 ^= v2; v2 = rotl(v2, 32)

static uint64_t siphash (const uint64_t seed[2], const char *s, size_t len) {
  uint64_t v0 = seed[0] ^ 0x736f6d6570736575u, v1 = seed[1] ^ 0x646f72616e646f6du;
  uint64_t v2 = seed[0] ^ 0x6c7967656e657261u, v3 = seed[1] ^ 0x7465646279746573u;
  uint64_t last = (uint64_t)len << 56, m;
  for (; len >= 8; s += 8, len -= 8) {
    memcpy(&m, s, 8);
    v3 ^= m;
    ROUND;
    v0 ^= m;
  }
  m = 0;
  memcpy(&m, s, len);
  last |= m;
  v3 ^= last;
  ROUND;
  v0 ^= last;
  v2 ^= 0xff;
  ROUND; ROUND; ROUND;
  return v0 ^ v1 ^ v2 ^ v3;
}

/* ----- the table: open addressing, a ring a place, dead rings reused ----- */

static tl_ring *ringat (const tl_buckets *b, const tl_bucketfile *h, uint64_t i) {
  return (tl_ring *)((char *)h + HEADER + i * b->stride);
}


static uint64_t home (const tl_bucketfile *h, uint64_t hash) {
  return (uint64_t)((wide)hash * h->capacity >> 64);
}


/* The key's ring; or, if `now` is not NULL, the first place it may take. NULL: not there. */
static tl_ring *probe (const tl_buckets *b, const tl_bucketfile *h, uint64_t hash,
                       const int64_t *now) {
  tl_ring *reuse = NULL;
  for (uint64_t i = home(h, hash); ; i = i + 1 == h->capacity ? 0 : i + 1) {
    tl_ring *r = ringat(b, h, i);
    if (r->hash == hash) return r;
    if (r->hash == 0) return now == NULL ? NULL : reuse != NULL ? reuse : r;
    if (now != NULL && reuse == NULL && tl_ring_dead(b->policy, r) < *now) reuse = r;
  }
}


static size_t mapsize (const tl_buckets *b, uint64_t capacity) {
  return HEADER + (size_t)capacity * b->stride;
}


/* A zeroed mapping for so many rings, of a new file or of memory; NULL and errno. */
static tl_bucketfile *maptable (tl_buckets *b, uint64_t capacity, const char *path, int *fd) {
  size_t size = mapsize(b, capacity);
  tl_bucketfile *h;
  *fd = -1;
  if (path != NULL) {
    *fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (*fd < 0) return NULL;
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0 || posix_fallocate(*fd, 0, (off_t)size) != 0) goto fail;
  }
  h = mmap(NULL, size, PROT_READ | PROT_WRITE,
           path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, *fd, 0);
  if (h == MAP_FAILED) goto fail;
  madvise(h, size, MADV_HUGEPAGE);   /* a miss of the TLB costs as much as the decision */
  h->capacity = capacity;
  return h;
fail:
  if (*fd >= 0) close(*fd);
  return NULL;
}


static void unmap (tl_buckets *b) {
  if (b->h != NULL) munmap(b->h, b->size);
  if (b->fd >= 0) close(b->fd);
  b->h = NULL;
  b->fd = -1;
}


static void copylive (tl_buckets *b, tl_bucketfile *to, int64_t now) {
  for (uint64_t i = 0; i < b->h->capacity; i++) {
    tl_ring *r = ringat(b, b->h, i);
    if (r->hash == 0 || tl_ring_dead(b->policy, r) < now) continue;
    memcpy(probe(b, to, r->hash, &now), r, b->stride);
    to->used++;
  }
}


static uint64_t countlive (const tl_buckets *b, int64_t now) {
  uint64_t n = 0;
  for (uint64_t i = 0; i < b->h->capacity; i++) {
    tl_ring *r = ringat(b, b->h, i);
    n += r->hash != 0 && tl_ring_dead(b->policy, r) >= now;
  }
  return n;
}


/* A table with room again; a file is replaced by rename: a kill leaves the old or the new one. */
static int grow (tl_buckets *b, int64_t now) {
  uint64_t live = countlive(b, now), capacity = live * 2 > LEAST ? live * 2 : LEAST;
  char temp[4096];
  tl_bucketfile keep = *b->h, *h;
  int fd;
  if (b->path != NULL) snprintf(temp, sizeof temp, "%s.new", b->path);
  h = maptable(b, capacity, b->path != NULL ? temp : NULL, &fd);
  if (h == NULL) return -1;
  keep.capacity = capacity;
  keep.used = 0;
  *h = keep;
  copylive(b, h, now);
  if (b->path != NULL && rename(temp, b->path) != 0) {
    munmap(h, mapsize(b, capacity));
    close(fd);
    return -1;
  }
  unmap(b);
  b->h = h;
  b->fd = fd;
  b->size = mapsize(b, capacity);
  return 0;
}

/* ----- files ----- */

static void readboot (char boot[40]) {
  FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
  memset(boot, 0, 40);
  if (f == NULL) return;
  if (fgets(boot, 37, f) == NULL) boot[0] = '\0';
  fclose(f);
}


static uint64_t fingerprint (const tl_policy *p) {
  static const uint64_t seed[2] = {0x74696465, 0x6c6f636b};
  uint64_t bucket[3] = {(uint64_t)p->burst, (uint64_t)p->every, p->log};
  return siphash(seed, (const char *)p->steps, p->nsteps * sizeof p->steps[0])
         ^ siphash(seed, (const char *)bucket, sizeof bucket);
}


static int freshtable (tl_buckets *b, int64_t now) {
  tl_bucketfile *h = maptable(b, LEAST, b->path, &b->fd);
  if (h == NULL) return -1;
  b->h = h;
  b->size = mapsize(b, LEAST);
  h->magic = MAGIC;
  h->ringsize = (uint32_t)b->stride;
  h->policy = fingerprint(b->policy);
  h->last = now;
  readboot(h->boot);
  return RAND_bytes((unsigned char *)h->seed, sizeof h->seed) == 1 ? 0 : -1;
}


/* Is what the file holds this policy's, of this boot, and whole? */
static int valid (const tl_buckets *b, const tl_bucketfile *h, size_t size) {
  char boot[40];
  readboot(boot);
  return size >= HEADER && h->magic == MAGIC && h->ringsize == b->stride && boot[0] != '\0'
      && memcmp(h->boot, boot, sizeof boot) == 0 && h->policy == fingerprint(b->policy)
      && h->capacity >= LEAST && h->capacity <= (size - HEADER) / b->stride && h->used < h->capacity
      && mapsize(b, h->capacity) == size;
}


/* 1: the file was taken over; 0: there is none that means anything now; -1: errno. */
static int takeover (tl_buckets *b) {
  struct stat stat;
  tl_bucketfile *h;
  int fd = open(b->path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &stat) != 0) goto fail;
  if (stat.st_size < HEADER) { close(fd); return 0; }
  h = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (h == MAP_FAILED) goto fail;
  if (!valid(b, h, (size_t)stat.st_size)) {
    munmap(h, (size_t)stat.st_size);
    close(fd);
    return 0;
  }
  b->h = h;
  b->fd = fd;
  b->size = (size_t)stat.st_size;
  return 1;
fail:
  close(fd);
  return -1;
}


int tl_buckets_open (tl_buckets *b, const tl_policy *p, const char *path, int fresh) {
  int got = 0;
  *b = (tl_buckets){.policy = p, .stride = tl_ring_size(p), .fd = -1};
  if (path != NULL && (b->path = strdup(path)) == NULL) return 0;
  if (path != NULL) got = takeover(b);
  if (got == 1) return 1;
  if (got < 0 || freshtable(b, 0) != 0) return 0;
  if (!fresh) b->h->open = tl_boottime() + p->span + p->hold;
  return 1;
}


void tl_buckets_close (tl_buckets *b) {
  unmap(b);
  free(b->path);
  b->path = NULL;
}

/* ----- decisions ----- */

int64_t tl_boottime (void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


int64_t tl_buckets_time (tl_buckets *b, int64_t now) {
  if (now > b->h->last) b->h->last = now;
  return b->h->last;
}


uint64_t tl_buckets_hash (const tl_buckets *b, const char *key, size_t len) {
  uint64_t hash = siphash(b->h->seed, key, len);
  return hash != 0 ? hash : 1;
}


tl_ring *tl_buckets_find (const tl_buckets *b, uint64_t hash) {
  return probe(b, b->h, hash, NULL);
}


tl_ring *tl_buckets_room (tl_buckets *b, uint64_t hash, int64_t now) {
  tl_ring *r = probe(b, b->h, hash, &now);
  if (r->hash == hash) return r;
  if (r->hash == 0) {
    if ((b->h->used + 1) * 4 > b->h->capacity * 3) {
      if (grow(b, now) != 0) return NULL;
      r = probe(b, b->h, hash, &now);
    }
    b->h->used += r->hash == 0;
  }
  memset(r, 0, b->stride);
  r->hash = hash;
  return r;
}


int64_t tl_buckets_wait (const tl_buckets *b, const tl_ring *r, int64_t now) {
  if (now < b->h->open) return b->h->open - now;
  return r == NULL ? 0 : tl_ring_wait(b->policy, r, now);
}


int64_t tl_buckets_take (tl_buckets *b, uint64_t hash, int64_t now, tl_ring **r) {
  int64_t wait;
  *r = tl_buckets_find(b, hash);
  wait = tl_buckets_wait(b, *r, now);
  if (wait > 0) return wait;
  if (*r == NULL && (*r = tl_buckets_room(b, hash, now)) == NULL) return -1;
  tl_ring_add(b->policy, *r, now + b->policy->hold);
  return 0;
}

/* tokenbucket.c -- tidelock.tokenbucket: limits by key, exact, in memory or in a file that outlives the process. */
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

#include <lauxlib.h>
#include <openssl/rand.h>

#include "bucket.h"
#include "fail.h"
#include "modules.h"

#define STORE "tidelock.tokenbucket"
#define POLICY "tidelock.tokenbucket.policy"
#define MAGIC 0x424b5431u   /* "1TKB" */
#define HEADER 4096         /* a page before the rings */
#define LEAST 64            /* rings of a new table */

__extension__ typedef unsigned __int128 wide;

typedef struct header {     /* the same in memory and in the file */
  uint32_t magic, ringsize;
  uint64_t policy;          /* hash of what the policy decides by */
  char boot[40];            /* times of another boot mean nothing now */
  uint64_t seed[2];         /* of the key hash: nobody outside can choose keys that collide */
  uint64_t capacity, used;
  int64_t last;             /* the latest time seen: time never goes back */
  int64_t open;             /* no request may start before */
} header;

typedef struct store {
  const tl_policy *policy;  /* user value 1 keeps it */
  header *h;                /* the mapping, or NULL when closed */
  size_t size, stride;
  int fd;                   /* -1: in memory */
  char *path;
} store;

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

static tl_ring *ringat (const store *st, const header *h, uint64_t i) {
  return (tl_ring *)((char *)h + HEADER + i * st->stride);
}


static uint64_t home (const header *h, uint64_t hash) {
  return (uint64_t)((wide)hash * h->capacity >> 64);
}


/* The key's ring; or, if `now` is not NULL, the first place it may take. NULL: not there. */
static tl_ring *probe (const store *st, const header *h, uint64_t hash, const int64_t *now) {
  tl_ring *reuse = NULL;
  for (uint64_t i = home(h, hash); ; i = i + 1 == h->capacity ? 0 : i + 1) {
    tl_ring *r = ringat(st, h, i);
    if (r->hash == hash) return r;
    if (r->hash == 0) return now == NULL ? NULL : reuse != NULL ? reuse : r;
    if (now != NULL && reuse == NULL && tl_ring_dead(st->policy, r) < *now) reuse = r;
  }
}


static size_t mapsize (const store *st, uint64_t capacity) {
  return HEADER + (size_t)capacity * st->stride;
}


/* A zeroed mapping for so many rings, of a new file beside the old one or of memory; NULL and errno. */
static header *maptable (store *st, uint64_t capacity, const char *path, int *fd) {
  size_t size = mapsize(st, capacity);
  header *h;
  *fd = -1;
  if (path != NULL) {
    *fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (*fd < 0) return NULL;
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0 || posix_fallocate(*fd, 0, (off_t)size) != 0) goto fail;
  }
  h = mmap(NULL, size, PROT_READ | PROT_WRITE, path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, *fd, 0);
  if (h == MAP_FAILED) goto fail;
  madvise(h, size, MADV_HUGEPAGE);   /* a million keys: a miss of the TLB costs as much as the decision */
  h->capacity = capacity;
  return h;
fail:
  if (*fd >= 0) close(*fd);
  return NULL;
}


static void unmap (store *st) {
  if (st->h != NULL) munmap(st->h, st->size);
  if (st->fd >= 0) close(st->fd);
  st->h = NULL;
  st->fd = -1;
}


static void copylive (store *st, header *to, int64_t now) {
  for (uint64_t i = 0; i < st->h->capacity; i++) {
    tl_ring *r = ringat(st, st->h, i);
    if (r->hash == 0 || tl_ring_dead(st->policy, r) < now) continue;
    memcpy(probe(st, to, r->hash, &now), r, st->stride);
    to->used++;
  }
}


static uint64_t countlive (const store *st, int64_t now) {
  uint64_t n = 0;
  for (uint64_t i = 0; i < st->h->capacity; i++) {
    tl_ring *r = ringat(st, st->h, i);
    n += r->hash != 0 && tl_ring_dead(st->policy, r) >= now;
  }
  return n;
}


/* A table with room again; the file is replaced by rename, so a kill leaves the old or the new one. */
static int grow (store *st, int64_t now) {
  uint64_t live = countlive(st, now), capacity = live * 2 > LEAST ? live * 2 : LEAST;
  char temp[4096];
  header keep = *st->h, *h;
  int fd;
  if (st->path != NULL) snprintf(temp, sizeof temp, "%s.new", st->path);
  h = maptable(st, capacity, st->path != NULL ? temp : NULL, &fd);
  if (h == NULL) return -1;
  keep.capacity = capacity;
  keep.used = 0;
  *h = keep;
  copylive(st, h, now);
  if (st->path != NULL && rename(temp, st->path) != 0) {
    munmap(h, mapsize(st, capacity));
    close(fd);
    return -1;
  }
  unmap(st);
  st->h = h;
  st->fd = fd;
  st->size = mapsize(st, capacity);
  return 0;
}

/* ----- time ----- */

static int64_t boottime (void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* The caller's time or the clock's; never earlier than one already seen. */
static int64_t timeof (lua_State *L, store *st, int arg) {
  int64_t now = lua_isnoneornil(L, arg) ? boottime() : luaL_checkinteger(L, arg);
  if (now > st->h->last) st->h->last = now;
  return st->h->last;
}


static void readboot (char boot[40]) {
  FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
  memset(boot, 0, 40);
  if (f == NULL) return;
  if (fgets(boot, 37, f) == NULL) boot[0] = '\0';
  fclose(f);
}

/* ----- policies ----- */

static int64_t fieldint (lua_State *L, int idx, const char *name, int64_t otherwise) {
  int64_t n;
  int isint;
  if (lua_getfield(L, idx, name) == LUA_TNIL) n = otherwise;
  else {
    n = lua_tointegerx(L, -1, &isint);
    if (!isint) luaL_error(L, "%s must be a whole number (times are in ms), not %s", name, luaL_typename(L, -1));
  }
  lua_pop(L, 1);
  return n;
}


static void readwindows (lua_State *L, tl_policy *p) {
  lua_Integer n;
  if (lua_getfield(L, 1, "windows") == LUA_TNIL) { lua_pop(L, 1); return; }
  luaL_checktype(L, -1, LUA_TTABLE);
  n = luaL_len(L, -1);
  if (n > TL_MAXRULES) luaL_error(L, "at most %d windows, not %d", TL_MAXRULES, (int)n);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, -1, i);
    luaL_checktype(L, -1, LUA_TTABLE);
    p->windows[p->nwindows].limit = fieldint(L, -1, "limit", 0);
    p->windows[p->nwindows++].ms = fieldint(L, -1, "ms", 0);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}


/*
** tokenbucket.policy{windows = {{limit = 10, ms = 60001}}, burst = 3, every = 6000, hold = 30000}
** -> policy | nil, err (err.code "policy": it could not be kept exactly, and why)
*/
static int newpolicy (lua_State *L) {
  char why[512];
  tl_policy *p;
  luaL_checktype(L, 1, LUA_TTABLE);
  p = lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  luaL_setmetatable(L, POLICY);
  readwindows(L, p);
  p->burst = fieldint(L, 1, "burst", 0);
  p->every = fieldint(L, 1, "every", 0);
  p->hold = fieldint(L, 1, "hold", 0);
  if (tl_policy_build(p, why, sizeof why) != NULL) return tl_fail(L, "policy", "%s", why);
  return 1;
}


/* policy:steps() -> {{k =, age =}, ...}: the ages that decide, for the Redis script and for people. */
static int policy_steps (lua_State *L) {
  const tl_policy *p = luaL_checkudata(L, 1, POLICY);
  lua_createtable(L, (int)p->nsteps, 0);
  for (uint32_t i = 0; i < p->nsteps; i++) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, p->steps[i].k);
    lua_setfield(L, -2, "k");
    lua_pushinteger(L, p->steps[i].age);
    lua_setfield(L, -2, "age");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* ----- stores ----- */

/* The methods have the stores' metatable at hand: to look it up by name costs as much as the decision. */
static store *check (lua_State *L) {
  store *st = lua_touserdata(L, 1);
  if (st == NULL || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(1)))
    luaL_checkudata(L, 1, STORE);   /* says what it is instead */
  lua_pop(L, 1);
  luaL_argcheck(L, st->h != NULL, 1, "the store is closed");
  return st;
}


static int store_close (lua_State *L) {
  store *st = luaL_checkudata(L, 1, STORE);
  unmap(st);
  free(st->path);
  st->path = NULL;
  return 0;
}


static uint64_t fingerprint (const tl_policy *p) {
  static const uint64_t seed[2] = {0x74696465, 0x6c6f636b};
  uint64_t bucket[3] = {(uint64_t)p->burst, (uint64_t)p->every, p->log};
  return siphash(seed, (const char *)p->steps, p->nsteps * sizeof p->steps[0])
         ^ siphash(seed, (const char *)bucket, sizeof bucket);
}


static int freshtable (store *st, int64_t now) {
  header *h = maptable(st, LEAST, st->path, &st->fd);
  if (h == NULL) return -1;
  st->h = h;
  st->size = mapsize(st, LEAST);
  h->magic = MAGIC;
  h->ringsize = (uint32_t)st->stride;
  h->policy = fingerprint(st->policy);
  h->last = now;
  readboot(h->boot);
  return RAND_bytes((unsigned char *)h->seed, sizeof h->seed) == 1 ? 0 : -1;
}


/* Is what the file holds this policy's, of this boot, and whole? */
static int valid (const store *st, const header *h, size_t size) {
  char boot[40];
  readboot(boot);
  return size >= HEADER && h->magic == MAGIC && h->ringsize == st->stride && boot[0] != '\0'
      && memcmp(h->boot, boot, sizeof boot) == 0 && h->policy == fingerprint(st->policy)
      && h->capacity >= LEAST && h->capacity <= (size - HEADER) / st->stride && h->used < h->capacity
      && mapsize(st, h->capacity) == size;
}


/* 1: the file was taken over; 0: there is none that means anything now; -1: errno. */
static int takeover (store *st) {
  struct stat stat;
  header *h;
  int fd = open(st->path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &stat) != 0) goto fail;
  if (stat.st_size < HEADER) { close(fd); return 0; }
  h = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (h == MAP_FAILED) goto fail;
  if (!valid(st, h, (size_t)stat.st_size)) {
    munmap(h, (size_t)stat.st_size);
    close(fd);
    return 0;
  }
  st->h = h;
  st->fd = fd;
  st->size = (size_t)stat.st_size;
  return 1;
fail:
  close(fd);
  return -1;
}


static int openfail (lua_State *L, store *st) {
  int error = errno;
  unmap(st);
  if (error == EWOULDBLOCK)
    return tl_fail(L, "locked", "the limiter's file %s is in use by another process: only one sender may use it", st->path);
  return tl_fail(L, "io", "could not open the limiter's file %s: %s", st->path ? st->path : "(memory)", strerror(error));
}


/*
** tokenbucket.store(policy [, {file = path, fresh = true}]) -> store | nil, err.
** Without a file of this boot the past is unknown: with `file` the store then
** refuses everything for the policy's longest span, unless `fresh`.
*/
static int newstore (lua_State *L) {
  const tl_policy *p = luaL_checkudata(L, 1, POLICY);
  const char *path = NULL;
  int fresh = 1, got;
  store *st;
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_getfield(L, 2, "file");
    path = luaL_optstring(L, -1, NULL);
    lua_getfield(L, 2, "fresh");
    fresh = path == NULL || lua_toboolean(L, -1);
  }
  st = lua_newuserdatauv(L, sizeof *st, 1);
  *st = (store){.policy = p, .stride = tl_ring_size(p), .fd = -1};
  luaL_setmetatable(L, STORE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  if (path != NULL && (st->path = strdup(path)) == NULL) return luaL_error(L, "not enough memory");
  got = path != NULL ? takeover(st) : 0;
  if (got == 1) return 1;
  if (got < 0 || freshtable(st, 0) != 0) return openfail(L, st);
  if (!fresh) st->h->open = boottime() + p->span + p->hold;
  return 1;
}


static uint64_t hashkey (lua_State *L, const store *st) {
  size_t len;
  const char *key = luaL_checklstring(L, 2, &len);
  uint64_t hash = siphash(st->h->seed, key, len);
  return hash != 0 ? hash : 1;
}


static int64_t waitfor (const store *st, const tl_ring *r, int64_t now) {
  if (now < st->h->open) return st->h->open - now;
  return r == NULL ? 0 : tl_ring_wait(st->policy, r, now);
}


/* The key's ring, made if needed; raises when there is no room to be had. */
static tl_ring *roomfor (lua_State *L, store *st, uint64_t hash, int64_t now) {
  tl_ring *r = probe(st, st->h, hash, &now);
  if (r->hash == hash) return r;
  if (r->hash == 0) {
    if ((st->h->used + 1) * 4 > st->h->capacity * 3) {
      if (grow(st, now) != 0) luaL_error(L, "the limiter has no room for another key: %s", strerror(errno));
      r = probe(st, st->h, hash, &now);
    }
    st->h->used += r->hash == 0;
  }
  memset(r, 0, st->stride);
  r->hash = hash;
  return r;
}


static int refuse (lua_State *L, const store *st, int64_t now, int64_t wait) {
  lua_pushboolean(L, 0);
  lua_pushinteger(L, wait);
  lua_pushstring(L, now < st->h->open ? "cooldown" : "limited");
  return 3;
}


/*
** store:take(key [, now]) -> true, stamp, left | false, wait in ms, "limited" or "cooldown".
** `stamp` is what the request counts as until `finish`: now + the policy's hold.
*/
static int store_take (lua_State *L) {
  store *st = check(L);
  uint64_t hash = hashkey(L, st);
  int64_t now = timeof(L, st, 3);
  tl_ring *r = probe(st, st->h, hash, NULL);
  int64_t wait = waitfor(st, r, now);
  if (wait > 0) return refuse(L, st, now, wait);
  if (r == NULL) r = roomfor(L, st, hash, now);
  tl_ring_add(st->policy, r, now + st->policy->hold);
  lua_pushboolean(L, 1);
  lua_pushinteger(L, now + st->policy->hold);
  lua_pushinteger(L, tl_ring_left(st->policy, r, now));
  return 3;
}


/* store:peek(key [, now]) -> ms until a request may start (0: at once), how many could start at once. Takes nothing. */
static int store_peek (lua_State *L) {
  store *st = check(L);
  uint64_t hash = hashkey(L, st);
  int64_t now = timeof(L, st, 3);
  tl_ring *r = probe(st, st->h, hash, NULL);
  int64_t wait = waitfor(st, r, now);
  static const tl_ring unseen = {.n = 0};
  lua_pushinteger(L, wait);
  lua_pushinteger(L, wait > 0 ? 0 : tl_ring_left(st->policy, r != NULL ? r : &unseen, now));
  return 2;
}


/* store:reserve(key [, now]) -> the ms at which the request may start, its stamp. Taken now, for then. */
static int store_reserve (lua_State *L) {
  store *st = check(L);
  uint64_t hash = hashkey(L, st);
  int64_t now = timeof(L, st, 3);
  int64_t start = now + waitfor(st, probe(st, st->h, hash, NULL), now);
  tl_ring_add(st->policy, roomfor(L, st, hash, now), start + st->policy->hold);
  lua_pushinteger(L, start);
  lua_pushinteger(L, start + st->policy->hold);
  return 2;
}


/* store:finish(key, stamp [, now]) -> true, or false if that stamp is not known: it counts as ended now. */
static int store_finish (lua_State *L) {
  store *st = check(L);
  uint64_t hash = hashkey(L, st);
  int64_t stamp = luaL_checkinteger(L, 3);
  int64_t now = timeof(L, st, 4);
  tl_ring *r = probe(st, st->h, hash, NULL);
  lua_pushboolean(L, r != NULL && tl_ring_lower(st->policy, r, stamp, now));
  return 1;
}


/* store:forget(key): as if it had never been seen. */
static int store_forget (lua_State *L) {
  store *st = check(L);
  tl_ring *r = probe(st, st->h, hashkey(L, st), NULL);
  if (r != NULL) r->n = 0, r->base = INT64_MIN / 2;
  lua_pushboolean(L, r != NULL);
  return 1;
}


/* store:stats() -> {keys =, places =, bytes =} */
static int store_stats (lua_State *L) {
  store *st = check(L);
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)st->h->used);
  lua_setfield(L, -2, "keys");
  lua_pushinteger(L, (lua_Integer)st->h->capacity);
  lua_setfield(L, -2, "places");
  lua_pushinteger(L, (lua_Integer)st->size);
  lua_setfield(L, -2, "bytes");
  return 1;
}


/* tokenbucket.now() -> ms since the machine started, suspend included: the stores' clock. */
static int now (lua_State *L) {
  lua_pushinteger(L, boottime());
  return 1;
}

static const luaL_Reg functions[] = {{"now", now}, {"policy", newpolicy}, {"store", newstore}, {NULL, NULL}};
static const luaL_Reg methods[] = {
  {"close", store_close}, {"finish", store_finish}, {"forget", store_forget}, {"peek", store_peek},
  {"reserve", store_reserve}, {"stats", store_stats}, {"take", store_take}, {NULL, NULL}
};
static const luaL_Reg meta[] = {{"__gc", store_close}, {"__close", store_close}, {NULL, NULL}};
static const luaL_Reg policymethods[] = {{"steps", policy_steps}, {NULL, NULL}};


int luaopen_tidelock_tokenbucket (lua_State *L) {
  luaL_newmetatable(L, STORE);
  luaL_setfuncs(L, meta, 0);
  luaL_newlibtable(L, methods);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, POLICY);
  luaL_newlib(L, policymethods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}

/* limiter.c -- decisions a second of the limiter's core, without Lua; built by limiter.lua. */
#include "buckets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 5
#define KEYSIZE 16

static volatile int64_t sink;   /* so that no loop is thought away */


/* Of this process: others that are at work on the machine don't count. */
static double seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


/* A ring by itself, full, the clock read for each decision: the prototype's figure. */
static double ring (const tl_policy *p, long n) {
  tl_ring *r = calloc(1, tl_ring_size(p));
  double from;
  if (r == NULL) return 0;
  for (uint32_t i = 0; i < p->log; i++) tl_ring_add(p, r, tl_boottime());
  from = seconds();
  for (long i = 0; i < n; i++) sink += tl_ring_wait(p, r, tl_boottime());
  free(r);
  return (double)n / (seconds() - from);
}


static int64_t decide (tl_buckets *b, const char *key, size_t len) {
  tl_ring *r;
  int64_t now = tl_buckets_time(b, tl_boottime());
  return tl_buckets_take(b, tl_buckets_hash(b, key, len), now, &r);
}


static double onekey (tl_buckets *b, long n) {
  double from = seconds();
  for (long i = 0; i < n; i++) sink += decide(b, "user-1234567", 12);
  return (double)n / (seconds() - from);
}


/* Each key once, in an order that no cache guesses. */
static double manykeys (tl_buckets *b, const char *keys, long n) {
  double from = seconds();
  for (long i = 0; i < n; i++) {
    const char *key = keys + i * 7919 % n * KEYSIZE;
    sink += decide(b, key, strlen(key));
  }
  return (double)n / (seconds() - from);
}


static double best (double a, double b) { return a > b ? a : b; }


/* usage: bench-limiter DECISIONS KEYS; prints ring, one key and keys a second, and bytes a key */
int main (int argc, char **argv) {
  static tl_policy p;
  static char why[512];
  long n = argc == 3 ? atol(argv[1]) : 0, keys = argc == 3 ? atol(argv[2]) : 0;
  double alone = 0, one = 0, many = 0;
  tl_buckets b;
  char *names = keys > 0 ? calloc((size_t)keys, KEYSIZE) : NULL;
  p.windows[p.nwindows++] = (tl_window){10, 60000};
  p.burst = 3;
  p.every = 6000;
  if (names == NULL || tl_policy_build(&p, why, sizeof why) || !tl_buckets_open(&b, &p, NULL, 1)) {
    fprintf(stderr, "limiter: no memory, or wrong arguments: limiter DECISIONS KEYS. %s\n", why);
    return 1;
  }
  for (long i = 0; i < keys; i++) snprintf(names + i * KEYSIZE, KEYSIZE, "user-%u", (unsigned)i);
  manykeys(&b, names, keys);   /* makes them */
  for (int i = 0; i < ROUNDS; i++) {
    alone = best(alone, ring(&p, n));
    one = best(one, onekey(&b, n));
    many = best(many, manykeys(&b, names, keys));
  }
  printf("%.0f %.0f %.0f %.1f\n", alone, one, many, (double)b.size / (double)b.h->used);
  tl_buckets_close(&b);
  free(names);
  return 0;
}

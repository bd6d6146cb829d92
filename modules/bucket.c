/* bucket.c -- the limiter's core: a policy and a ring of times in, a verdict out. No clock. */
#include "bucket.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400000   /* the longest window; all offsets fit in 32 bits with room for a hold */
#define LEEWAY 60000   /* what a window may be wider for clocks that disagree */

/* ----- the policy ----- */

static int uncovered (const tl_policy *p, uint32_t k, int64_t age) {
  for (uint32_t i = 0; i < p->nsteps; i++)
    if (p->steps[i].k <= k && p->steps[i].age >= age) return 0;
  return 1;
}


static void addstep (tl_policy *p, int64_t k, int64_t age) {
  if (!uncovered(p, (uint32_t)k, age)) return;
  p->steps[p->nsteps++] = (tl_step){(uint32_t)k, (uint32_t)age};
  if (age > p->span) p->span = (uint32_t)age;
  if (k > p->log) p->log = (uint32_t)k;
}


/* The window within which the bucket needs no state of its own, or NULL. */
static const tl_window *carrier (const tl_policy *p) {
  for (int i = 0; i < p->nwindows; i++)
    if (p->windows[i].limit * p->every <= p->windows[i].ms && p->burst <= p->windows[i].limit)
      return &p->windows[i];
  return NULL;
}


static const char *badwindow (const tl_policy *p, char *why, size_t size) {
  for (int i = 0; i < p->nwindows; i++) {
    tl_window w = p->windows[i];
    if (w.limit >= 1 && w.limit <= TL_MAXLOG && w.ms >= 1 && w.ms <= DAY + LEEWAY) continue;
    snprintf(why, size, "a window of %lld in %lld ms: the limit must be from 1 to %d, the window"
             " from 1 ms to a day", (long long)w.limit, (long long)w.ms, TL_MAXLOG);
    return why;
  }
  return NULL;
}


static const char *badbucket (const tl_policy *p, char *why, size_t size) {
  if (p->burst == 0 && p->nwindows > 0) return NULL;
  if (p->burst < 1 || p->burst > TL_MAXLOG || p->every < 1 || p->every > DAY)
    snprintf(why, size, "a bucket of %lld, one more every %lld ms: the size must be from 1 to %d,"
             " the time from 1 ms to a day", (long long)p->burst, (long long)p->every, TL_MAXLOG);
  else if (p->nwindows == 0 && p->burst * p->every > DAY)
    snprintf(why, size, "a bucket of %lld, one more every %lld ms, takes more than a day to fill",
             (long long)p->burst, (long long)p->every);
  else if (p->nwindows > 0 && carrier(p) == NULL)
    snprintf(why, size, "the bucket gives one every %lld ms, which is slower than its windows"
             " allow, or its burst of %lld is above them: the two together can't be kept exactly"
             " from a log of times. For each window of N in W choose N * every <= W and burst <= N",
             (long long)p->every, (long long)p->burst);
  else return NULL;
  return why;
}


const char *tl_policy_build (tl_policy *p, char *why, size_t size) {
  p->nsteps = p->log = p->span = 0;
  if (p->hold < 0 || p->hold > DAY) {
    snprintf(why, size, "a request can't be held for %lld ms: from 0 to a day", (long long)p->hold);
    return why;
  }
  if (badwindow(p, why, size) || badbucket(p, why, size)) return why;
  for (int i = 0; i < p->nwindows; i++) addstep(p, p->windows[i].limit, p->windows[i].ms);
  if (p->nwindows == 0) p->span = (uint32_t)(p->burst * p->every);
  if (p->burst == 0 || p->nwindows == 0) return NULL;
  for (int64_t k = p->burst; k <= carrier(p)->limit; k++)
    addstep(p, k, (k - p->burst + 1) * p->every);
  return NULL;
}

/* ----- the ring ----- */

/* Without windows a bucket is one time, GCRA's "theoretical arrival time": it lives in `base`. */
static int isplain (const tl_policy *p) {
  return p->nwindows == 0;
}


static int64_t plainwait (const tl_policy *p, const tl_ring *r, int64_t now) {
  int64_t wait = r->base - (p->burst - 1) * p->every - now;
  return r->n > 0 && wait > 0 ? wait : 0;
}


static void plainadd (const tl_policy *p, tl_ring *r, int64_t time) {
  r->base = (r->n > 0 && r->base > time ? r->base : time) + p->every;
  r->n = 1;
}


/* Whole cache lines: 64 bytes for ten times. */
size_t tl_ring_size (const tl_policy *p) {
  size_t size = sizeof(tl_ring) + p->log * sizeof(uint32_t);
  return (size + 63) / 64 * 64;
}


int64_t tl_ring_wait (const tl_policy *p, const tl_ring *r, int64_t now) {
  int64_t wait = (int64_t)r->ready - (now - r->base);
  if (isplain(p)) return plainwait(p, r, now);
  return r->n > 0 && wait > 0 ? wait : 0;
}


/* Offsets are at most INT32_MAX and ages little more than a day: the sums fit. */
static void foresee (const tl_policy *p, tl_ring *r) {
  r->ready = 0;
  for (uint32_t i = 0; i < p->nsteps; i++) {
    tl_step s = p->steps[i];
    if (s.k <= r->n && r->at[s.k - 1] + s.age > r->ready) r->ready = r->at[s.k - 1] + s.age;
  }
}


/* Moves the base up to `to`; what falls before it is older than the span of anything to come. */
static void rebase (tl_ring *r, int64_t to) {
  uint64_t by = (uint64_t)(to - r->base);
  for (uint32_t i = 0; i < r->n; i++) r->at[i] = r->at[i] > by ? (uint32_t)(r->at[i] - by) : 0;
  r->base = to;
}


static void insert (const tl_policy *p, tl_ring *r, uint32_t at) {
  uint32_t i = 0, keep = r->n < p->log ? r->n : p->log - 1;
  while (i < r->n && r->at[i] > at) i++;
  if (i == p->log) return;   /* older than all that are kept */
  memmove(&r->at[i + 1], &r->at[i], (keep > i ? keep - i : 0) * sizeof r->at[0]);
  r->at[i] = at;
  if (r->n < p->log) r->n++;
}


void tl_ring_add (const tl_policy *p, tl_ring *r, int64_t time) {
  if (isplain(p)) { plainadd(p, r, time); return; }
  if (r->n == 0) r->base = time - p->span - p->hold;   /* room for the lowering to come */
  if (time - r->base > INT32_MAX) rebase(r, time - p->span - p->hold);
  insert(p, r, time > r->base ? (uint32_t)(time - r->base) : 0);
  foresee(p, r);
}


int tl_ring_lower (const tl_policy *p, tl_ring *r, int64_t from, int64_t to) {
  int64_t at = from - r->base;
  if (isplain(p)) return 1;   /* counts starts: there is nothing to lower */
  for (uint32_t i = 0; i < r->n; i++) {
    if ((int64_t)r->at[i] != at) continue;
    if (to >= from) return 1;
    memmove(&r->at[i], &r->at[i + 1], (r->n - i - 1) * sizeof r->at[0]);
    r->n--;
    insert(p, r, to > r->base ? (uint32_t)(to - r->base) : 0);
    foresee(p, r);
    return 1;
  }
  return 0;
}


/* How many could start at `now`, one right after the other. */
int64_t tl_ring_left (const tl_policy *p, const tl_ring *r, int64_t now) {
  int64_t since = now - r->base, left = isplain(p) ? p->burst : p->log;
  if (isplain(p) && r->n > 0 && r->base > now)
    return (now + p->burst * p->every - r->base) / p->every;
  for (uint32_t i = 0; i < p->nsteps; i++) {
    tl_step s = p->steps[i];
    int64_t free = s.k;    /* starts before the k-th most recent of all would be one of them */
    while (free > 0 && s.k - free < r->n && (int64_t)r->at[s.k - free] + s.age > since) free--;
    if (free < left) left = free;
  }
  return left;
}


/* After this time no step can tell the key from one never seen. */
int64_t tl_ring_dead (const tl_policy *p, const tl_ring *r) {
  if (isplain(p)) return r->base;
  return r->n > 0 ? r->base + r->at[0] + p->span : INT64_MIN;
}

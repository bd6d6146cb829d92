/* bucket.h -- the limiter's core: a policy and a ring of times in, a verdict out. No clock. */
#ifndef TL_BUCKET_H
#define TL_BUCKET_H

#include <stddef.h>
#include <stdint.h>

#define TL_MAXRULES 4
#define TL_MAXLOG 4096

typedef struct tl_window { int64_t limit, ms; } tl_window;   /* at most `limit` in any `ms` */

/*
** A request may start when, for each step, the k-th most recent one is at
** least `age` old. With burst b refilled every T, and at most N in any W, the
** steps are (k, (k-b+1)T) for k = b..N and (N, W). They are exactly "bucket and
** window" as long as N*T <= W: then a time older than the last N can't decide.
*/
typedef struct tl_step { uint32_t k, age; } tl_step;

typedef struct tl_policy {
  tl_window windows[TL_MAXRULES];
  int nwindows;
  int64_t burst, every;          /* burst 0: no bucket */
  int64_t hold;                  /* ms a request is counted as in flight until `finish` lowers it */
  uint32_t log;                  /* times kept a key */
  uint32_t span;                 /* the greatest age: an older time never decides */
  uint32_t nsteps;
  tl_step steps[TL_MAXLOG + TL_MAXRULES];
} tl_policy;

/* NULL, or why the policy can't be kept exactly: a sentence in `why`. Fills log, span and steps. */
const char *tl_policy_build (tl_policy *p, char *why, size_t size);

/*
** A ring: offsets from `base`, newest first, of the last `n` times. Times that
** lie further back than the span are all the same to every step. `ready`, the
** offset at which the next may start, is kept with them: a refusal looks at
** one number, and only what changes the times pays for the steps.
*/
typedef struct tl_ring {
  uint64_t hash;                 /* of the key; 0: an empty place of the table */
  int64_t base;
  uint32_t n;
  uint32_t ready;
  uint32_t at[];                 /* policy->log of them */
} tl_ring;

size_t tl_ring_size (const tl_policy *p);
int64_t tl_ring_wait (const tl_policy *p, const tl_ring *r, int64_t now);    /* 0: may start */
void tl_ring_add (const tl_policy *p, tl_ring *r, int64_t time);
int tl_ring_lower (const tl_policy *p, tl_ring *r, int64_t from, int64_t to);   /* 0: unknown */
int64_t tl_ring_left (const tl_policy *p, const tl_ring *r, int64_t now);   /* may start now */
int64_t tl_ring_dead (const tl_policy *p, const tl_ring *r);             /* may be forgotten then */

#endif

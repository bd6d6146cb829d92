/* buckets.h -- the limiter's rings by key, in memory or in a file that outlives us. No Lua. */
#ifndef TL_BUCKETS_H
#define TL_BUCKETS_H

#include "bucket.h"

typedef struct tl_bucketfile {   /* the head of a table: the same in memory and in the file */
  uint32_t magic, ringsize;
  uint64_t policy;               /* hash of what the policy decides by */
  char boot[40];                 /* times of another boot mean nothing now */
  uint64_t seed[2];              /* of the key hash: nobody outside can choose keys that collide */
  uint64_t capacity, used;
  int64_t last;                  /* the latest time seen: time never goes back */
  int64_t open;                  /* no request may start before */
} tl_bucketfile;

typedef struct tl_buckets {
  const tl_policy *policy;       /* the caller's, for as long as the table lives */
  tl_bucketfile *h;              /* the mapping, or NULL when closed */
  size_t size, stride;
  int fd;                        /* -1: in memory */
  char *path;                    /* owned; NULL: in memory */
} tl_buckets;

int64_t tl_boottime (void);      /* ms since the machine started, suspend included */

/*
** Opens a table. With a path that has no file of this boot and policy the past is unknown:
** then nothing may start for the policy's longest span, unless `fresh`. False: errno says why,
** EWOULDBLOCK that another process has the file. `tl_buckets_close` frees what there is, also
** after a failure, and of a table whose fields are zero but for `fd`, -1.
*/
int tl_buckets_open (tl_buckets *b, const tl_policy *p, const char *path, int fresh);
void tl_buckets_close (tl_buckets *b);

uint64_t tl_buckets_hash (const tl_buckets *b, const char *key, size_t len);
int64_t tl_buckets_time (tl_buckets *b, int64_t now);           /* `now`, or the latest seen */
tl_ring *tl_buckets_find (const tl_buckets *b, uint64_t hash);  /* NULL: not there */
tl_ring *tl_buckets_room (tl_buckets *b, uint64_t hash, int64_t now);   /* NULL: errno */
int64_t tl_buckets_wait (const tl_buckets *b, const tl_ring *r, int64_t now);   /* r may be NULL */

/* One decision: 0 and the ring, or the ms to wait. -1: no room for another key, errno says why. */
int64_t tl_buckets_take (tl_buckets *b, uint64_t hash, int64_t now, tl_ring **r);

#endif

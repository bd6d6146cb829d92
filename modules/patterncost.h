/* patterncost.h -- what matching a pattern of Lua's costs, before the library does it. */
#ifndef TL_PATTERNCOST_H
#define TL_PATTERNCOST_H

#include <stddef.h>

typedef struct tl_pattern {
  const char *s, *p;      /* the text and the pattern, a ^ at its beginning taken off */
  size_t ls, lp, init;    /* init: where in the text to begin */
  int anchored;           /* it had one */
  long long matches;      /* after so many it is enough */
  long long most;         /* after so many steps too */
} tl_pattern;

/*
** Steps that it takes; more than `most` where it takes more than that. A pattern that is not one
** takes what it takes up to its fault: the library's matcher tells it. `end` is where the last
** match ends in the text, or -1.
*/
long long tl_patterncost (const tl_pattern *what, ptrdiff_t *end);

#endif

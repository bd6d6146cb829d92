/* patterncost.c -- what matching a pattern of Lua's costs, before the library does it. */
#include "patterncost.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/*
** The library's matcher can be stopped by nothing, and takes 2^n steps for ("a?"):rep(n). This one
** walks as that one does and counts; it keeps of a capture only what a back reference needs.
*/

#define CAPTURES 32       /* as many as the library has */
#define DEPTH 200         /* and as deep as it goes: beyond, it says "pattern too complex" */
#define OPEN (-1)
#define POSITION (-2)

typedef struct walk {
  const char *s, *end, *pend;
  long long steps, most;
  int depth, level, given_up;   /* for good: a fault of the pattern, or too much work */
  struct { const char *at; ptrdiff_t len; } capture[CAPTURES];
} walk;

static const char *match (walk *w, const char *s, const char *p);


/* A fault of the pattern, or work without an end: whoever sees NULL ends too. */
static const char *give_up (walk *w) {
  w->given_up = 1;
  return NULL;
}


static int spend (walk *w, ptrdiff_t steps) {
  w->steps += steps;
  if (w->steps > w->most) w->given_up = 1;
  return !w->given_up;
}


/* Behind the single class at `p`; NULL where it has no end. */
static const char *classend (walk *w, const char *p) {
  if (*p++ == '%') return p == w->pend ? give_up(w) : p + 1;
  if (p[-1] != '[') return p;
  if (p < w->pend && *p == '^') p++;
  do {   /* the first ] stands for itself */
    if (p == w->pend) return give_up(w);
    if (*p++ == '%') {
      if (p == w->pend) return give_up(w);
      p++;
    }
  } while (p == w->pend || *p != ']');
  return p + 1;
}


static int inclass (int c, int class) {
  int in;
  switch (tolower(class)) {
    case 'a': in = isalpha(c); break;
    case 'c': in = iscntrl(c); break;
    case 'd': in = isdigit(c); break;
    case 'g': in = isgraph(c); break;
    case 'l': in = islower(c); break;
    case 'p': in = ispunct(c); break;
    case 's': in = isspace(c); break;
    case 'u': in = isupper(c); break;
    case 'w': in = isalnum(c); break;
    case 'x': in = isxdigit(c); break;
    case 'z': in = c == 0; break;
    default: return class == c;
  }
  return isupper(class) ? !in : in != 0;
}


/* Whether the set at `p`, whose ] is at `close`, has the character. */
static int inset (int c, const char *p, const char *close) {
  int yes = 1;
  if (p[1] == '^') {
    yes = 0;
    p++;
  }
  while (++p < close) {
    if (*p == '%') {
      if (inclass(c, (unsigned char)*++p)) return yes;
    } else if (p[1] == '-' && p + 2 < close) {
      if ((unsigned char)*p <= c && c <= (unsigned char)p[2]) return yes;
      p += 2;
    } else if ((unsigned char)*p == c) {
      return yes;
    }
  }
  return !yes;
}


static int single (walk *w, const char *s, const char *p, const char *ep) {
  int c;
  if (s >= w->end || !spend(w, ep - p)) return 0;
  c = (unsigned char)*s;
  switch (*p) {
    case '.': return 1;
    case '%': return inclass(c, (unsigned char)p[1]);
    case '[': return inset(c, p, ep - 1);
    default: return (unsigned char)*p == c;
  }
}


static const char *balance (walk *w, const char *s, const char *p) {
  int open = 1;
  if (p + 1 >= w->pend) return give_up(w);
  if (s >= w->end || *s != *p) return NULL;
  while (++s < w->end && spend(w, 1)) {
    if (*s == p[1]) {
      if (--open == 0) return s + 1;
    } else if (*s == *p) {
      open++;
    }
  }
  return NULL;
}


static const char *longest (walk *w, const char *s, const char *p, const char *ep) {
  ptrdiff_t i = 0;
  while (single(w, s + i, p, ep)) i++;
  for (; i >= 0 && spend(w, 1); i--) {
    const char *e = match(w, s + i, ep + 1);
    if (e != NULL) return e;
  }
  return NULL;
}


static const char *shortest (walk *w, const char *s, const char *p, const char *ep) {
  while (spend(w, 1)) {
    const char *e = match(w, s, ep + 1);
    if (e != NULL) return e;
    if (!single(w, s, p, ep)) return NULL;
    s++;
  }
  return NULL;
}


static const char *begin (walk *w, const char *s, const char *p, ptrdiff_t what) {
  const char *e;
  if (w->level >= CAPTURES) return give_up(w);
  w->capture[w->level].at = s;
  w->capture[w->level++].len = what;
  e = match(w, s, p);
  if (e == NULL) w->level--;
  return e;
}


static const char *shut (walk *w, const char *s, const char *p) {
  const char *e;
  int i = w->level;
  do {
    if (--i < 0) return give_up(w);
  } while (w->capture[i].len != OPEN);
  w->capture[i].len = s - w->capture[i].at;
  e = match(w, s, p);
  if (e == NULL) w->capture[i].len = OPEN;
  return e;
}


static const char *backward (walk *w, const char *s, int digit) {
  int i = digit - '1';
  ptrdiff_t len;
  if (i < 0 || i >= w->level || w->capture[i].len == OPEN) return give_up(w);
  len = w->capture[i].len;
  /* a position is as long as nothing is */
  if (len == POSITION || len > w->end - s || !spend(w, len)) return NULL;
  return memcmp(w->capture[i].at, s, (size_t)len) == 0 ? s + len : NULL;
}


static int atfrontier (walk *w, const char *s, const char *p, const char *ep) {
  int before = s == w->s ? 0 : (unsigned char)s[-1], here = s < w->end ? (unsigned char)*s : 0;
  return spend(w, 2 * (ep - p)) && !inset(before, p, ep - 1) && inset(here, p, ep - 1);
}


/* What matches one character, and what may follow it: says where to go on, or the end. */
static int onechar (walk *w, const char **s, const char **p, const char **e) {
  const char *ep = classend(w, *p);
  int fits;
  *e = NULL;
  if (ep == NULL) return 0;
  fits = single(w, *s, *p, ep);
  switch (ep < w->pend ? *ep : '\0') {
    case '?':
      if (fits && (*e = match(w, *s + 1, ep + 1)) != NULL) return 0;
      *p = ep + 1;
      return !w->given_up;
    case '+':
      *e = fits ? longest(w, *s + 1, *p, ep) : NULL;
      return 0;
    case '*': case '-':
      if (fits) *e = *ep == '*' ? longest(w, *s, *p, ep) : shortest(w, *s, *p, ep);
      else *p = ep + 1;
      return !fits && !w->given_up;
    default:
      if (!fits) return 0;
      (*s)++;
      *p = ep;
      return 1;
  }
}


/* %b, %f and %1: says where to go on, or (0) the end. */
static int special (walk *w, const char **s, const char **p) {
  const char *ep;
  switch ((*p)[1]) {
    case 'b':
      *s = balance(w, *s, *p + 2);
      *p += 4;
      return *s != NULL;
    case 'f':
      *p += 2;
      if (*p >= w->pend || **p != '[' || (ep = classend(w, *p)) == NULL) return give_up(w), 0;
      if (!atfrontier(w, *s, *p, ep)) return 0;
      *p = ep;
      return 1;
    default:
      *s = backward(w, *s, (*p)[1]);
      *p += 2;
      return *s != NULL;
  }
}


static int isspecial (walk *w, const char *p) {
  if (*p != '%' || p + 1 == w->pend) return 0;
  return p[1] == 'b' || p[1] == 'f' || isdigit((unsigned char)p[1]);
}


static const char *follow (walk *w, const char *s, const char *p) {
  const char *e;
  while (p < w->pend) {
    if (!spend(w, 1)) return NULL;
    if (*p == '(') {
      int here = p + 1 < w->pend && p[1] == ')';
      return begin(w, s, p + 1 + here, here ? POSITION : OPEN);
    }
    if (*p == ')') return shut(w, s, p + 1);
    if (*p == '$' && p + 1 == w->pend) return s == w->end ? s : NULL;
    if (isspecial(w, p)) {
      if (!special(w, &s, &p)) return NULL;
    } else if (!onechar(w, &s, &p, &e)) {
      return e;
    }
  }
  return s;
}


static const char *match (walk *w, const char *s, const char *p) {
  const char *e;
  if (w->depth == DEPTH) return give_up(w);
  w->depth++;
  e = follow(w, s, p);
  w->depth--;
  return e;
}


long long tl_patterncost (const tl_pattern *a, ptrdiff_t *end) {
  walk w = {.s = a->s, .end = a->s + a->ls, .pend = a->p + a->lp, .most = a->most};
  const char *at = a->s + a->init, *last = NULL;
  long long left = a->matches;
  for (;;) {
    const char *e;
    w.level = w.depth = 0;
    e = match(&w, at, a->p);
    if (w.given_up) break;
    if (e != NULL && e != last) {
      at = last = e;
      if (--left <= 0) break;
    } else if (at++ >= w.end) {
      break;
    }
    if (a->anchored) break;
  }
  *end = last == NULL ? -1 : last - a->s;
  return w.steps;
}

/* sigv4canon.c -- the canonical request: what signer and service must spell alike. */
#include "sigv4.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FEW 24                  /* pairs that insertion sort handles faster than qsort */

/* Bit 0: may stand in a URI as it is. Bit 1: white space. */
static const unsigned char class[256] = {
  ['\t'] = 2, ['\n'] = 2, ['\v'] = 2, ['\f'] = 2, ['\r'] = 2, [' '] = 2,
  ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1,
  ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
  ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,
  ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1,
  ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1,
  ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1,
  ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1,
  ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1,
  ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1
};

#define NAME(literal) {literal, sizeof(literal) - 1}

/* Headers that proxies add, drop or change: signing them would break the signature on the way. */
static const tl_text skipped[] = {
  NAME("te"), NAME("expect"), NAME("baggage"), NAME("trailer"), NAME("upgrade"),
  NAME("connection"), NAME("keep-alive"), NAME("tracestate"), NAME("user-agent"),
  NAME("traceparent"), NAME("x-amzn-trace-id"), NAME("transfer-encoding"),
  NAME("proxy-authenticate"), NAME("proxy-authorization"), NAME("sec-websocket-key"),
  NAME("sec-websocket-version"), NAME("sec-websocket-protocol")
};

static const tl_text replaced[] = {
  NAME("authorization"), NAME("x-amz-date"), NAME("x-amz-security-token"),
  NAME("x-amz-region-set")
};


static int among (const tl_text *list, size_t n, tl_text name) {
  size_t i;
  for (i = 0; i < n; i++)
    if (list[i].n == name.n && strncasecmp(list[i].s, name.s, name.n) == 0) return 1;
  return 0;
}


/* Bit n is set if a header of n characters is in one of the lists: most are done with here. */
#define LENGTHS 0x7facc4u

tl_sigrole tl_sigrole_of (tl_text name) {
  if (name.n > 22 || !(LENGTHS >> name.n & 1)) return TL_SIGN;
  if (among(replaced, sizeof replaced / sizeof *replaced, name)) return TL_REPLACE;
  if (among(skipped, sizeof skipped / sizeof *skipped, name)) return TL_SKIP;
  return TL_SIGN;
}


tl_pair *tl_pairadd (tl_pairs *p, tl_text name, tl_text value) {
  tl_pair *pair;
  if (p->failed) return NULL;
  if (p->n == p->size) {
    size_t size = p->size ? 2 * p->size : 16;
    pair = realloc(p->at, size * sizeof *pair);
    if (pair == NULL) { p->failed = 1; return NULL; }
    p->at = pair;
    p->size = size;
  }
  pair = &p->at[p->n];
  *pair = (tl_pair){name, value, p->n++};
  return pair;
}


static int compare (tl_text a, tl_text b) {
  int c = memcmp(a.s, b.s, a.n < b.n ? a.n : b.n);
  return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}


static int byname (const void *a, const void *b) {
  const tl_pair *x = a, *y = b;
  int c = compare(x->name, y->name);
  return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}


static int bynamevalue (const void *a, const void *b) {
  const tl_pair *x = a, *y = b;
  int c = compare(x->name, y->name);
  return c != 0 ? c : compare(x->value, y->value);
}


void tl_pairsort (tl_pairs *p, int byvalue) {
  int (*before) (const void *, const void *) = byvalue ? bynamevalue : byname;
  size_t i, k;
  if (p->n > FEW) {
    qsort(p->at, p->n, sizeof *p->at, before);
    return;
  }
  for (i = 1; i < p->n; i++) {
    tl_pair pair = p->at[i];
    for (k = i; k > 0 && before(&pair, &p->at[k - 1]) < 0; k--) p->at[k] = p->at[k - 1];
    p->at[k] = pair;
  }
}


static char *escape (char *to, unsigned char c) {
  static const char digits[] = "0123456789ABCDEF";
  *to++ = '%';
  *to++ = digits[c >> 4];
  *to++ = digits[c & 15];
  return to;
}


void tl_siguri (tl_buf *b, tl_text s, int slash) {
  char *start = tl_bufroom(b, 3 * s.n), *to = start;
  size_t i;
  if (start == NULL) return;
  for (i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.s[i];
    if (class[c] & 1 || (slash && c == '/')) *to++ = (char)c;
    else to = escape(to, c);
  }
  b->len += (size_t)(to - start);
}


void tl_sigtrim (tl_buf *b, tl_text s) {
  const unsigned char *from = (const unsigned char *)s.s, *end = from + s.n;
  char *start = tl_bufroom(b, s.n), *to = start;
  if (start == NULL) return;
  while (from < end && class[*from] & 2) from++;
  while (from < end && class[end[-1]] & 2) end--;
  while (from < end) {
    if (class[*from] & 2) {
      *to++ = ' ';
      while (class[*from] & 2) from++;
    }
    else *to++ = (char)*from++;
  }
  b->len += (size_t)(to - start);
}


void tl_sigheader (tl_sig *s, tl_text name, tl_text value) {
  if (tl_sigrole_of(name) != TL_SIGN) return;
  if (name.n == 4 && strncasecmp(name.s, "host", 4) == 0) s->has_host = 1;
  else if (name.n == 20 && strncasecmp(name.s, "x-amz-content-sha256", 20) == 0) {
    if (s->payload.n > 0) return;              /* `payload` replaces the header */
    s->payload = value;
    s->has_sha = 1;
  }
  s->namebytes += name.n;
  tl_pairadd(&s->headers, name, value);
}


static void own (tl_sig *s, tl_text name, tl_text value) {
  s->namebytes += name.n;
  tl_pairadd(&s->headers, name, value);
}


void tl_sigown (tl_sig *s) {
  if (!s->has_host) own(s, TL_TEXT("host"), s->host);
  if (s->flags & TL_SIG_QUERY) return;
  own(s, TL_TEXT("x-amz-date"), (tl_text){s->date, 16});
  if (s->content_sha && !s->has_sha) own(s, TL_TEXT("x-amz-content-sha256"), s->payload);
  if (s->token.n > 0 && !(s->flags & TL_SIG_OMITTOKEN))
    own(s, TL_TEXT("x-amz-security-token"), s->token);
  if (s->asymmetric) own(s, TL_TEXT("x-amz-region-set"), s->region);
}


/* Names in lower case, all in one block, and `names` without repetition. */
void tl_signames (tl_sig *s) {
  char *to = tl_bufroom(&s->lower, s->namebytes);
  size_t i, k;
  if (to == NULL || s->headers.failed) return;
  for (i = 0; i < s->headers.n; i++) {
    tl_text *name = &s->headers.at[i].name;
    for (k = 0; k < name->n; k++) {
      char c = name->s[k];
      to[k] = 'A' <= c && c <= 'Z' ? (char)(c | 32) : c;
    }
    name->s = to;
    to += name->n;
  }
  tl_pairsort(&s->headers, 0);
  for (i = 0; i < s->headers.n; i++) {
    tl_text name = s->headers.at[i].name;
    if (i > 0 && compare(name, s->headers.at[i - 1].name) == 0) continue;
    if (s->names.len > 0) tl_bufchar(&s->names, ';');
    tl_bufadd(&s->names, name.s, name.n);
  }
}


static void canon_headers (tl_sig *s) {
  size_t i;
  if (s->headers.failed) return;
  for (i = 0; i < s->headers.n; i++) {
    const tl_pair *h = &s->headers.at[i];
    if (i > 0 && compare(h->name, h[-1].name) == 0) s->canonical.data[s->canonical.len - 1] = ',';
    else {
      tl_bufadd(&s->canonical, h->name.s, h->name.n);
      tl_bufchar(&s->canonical, ':');
    }
    tl_sigtrim(&s->canonical, h->value);
    tl_bufchar(&s->canonical, '\n');
    if (s->canonical.failed) return;
  }
  tl_bufchar(&s->canonical, '\n');
}


/* RFC 3986's dot segments, and empty ones; in place, since it only shrinks. */
static size_t normalize (char *path, size_t n) {
  size_t from = 0, to = 0;
  int slash = n > 0 && path[n - 1] == '/';
  while (from < n) {
    size_t start = from, len;
    while (from < n && path[from] != '/') from++;
    len = from - start;
    if (len == 2 && path[start] == '.' && path[start + 1] == '.') {
      while (to > 1 && path[to - 1] == '/') to--;
      while (to > 1 && path[to - 1] != '/') to--;
    }
    else if (len > 0 && !(len == 1 && path[start] == '.')) {
      memmove(path + to, path + start, len);
      to += len;
      if (from < n) path[to++] = '/';
    }
    else if (to == 0 && from < n) path[to++] = '/';
    from++;
  }
  return to > 1 && !slash && path[to - 1] == '/' ? to - 1 : to;
}


static void canon_path (tl_sig *s) {
  tl_text path = s->path.n > 0 ? s->path : TL_TEXT("/");
  if (s->flags & TL_SIG_NORMALIZE && path.n > 1) {
    tl_bufclear(&s->work);
    tl_bufadd(&s->work, path.s, path.n);
    if (s->work.failed) return;
    path = (tl_text){s->work.data, normalize(s->work.data, path.n)};
    if (path.n == 0) path = TL_TEXT("/");
  }
  if (s->flags & TL_SIG_DOUBLE) tl_siguri(&s->canonical, path, 1);
  else tl_bufadd(&s->canonical, path.s, path.n);
  tl_bufchar(&s->canonical, '\n');
}


static int hexvalue (char c) {
  if ('0' <= c && c <= '9') return c - '0';
  c |= 32;
  return 'a' <= c && c <= 'f' ? c - 'a' + 10 : -1;
}


/* Encoded once more from the decoded bytes, so that %7e, ~ and raw UTF-8 are spelt one way. */
static tl_text canon_part (char **room, tl_text s) {
  char *start = *room, *to = start;
  size_t i;
  for (i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.s[i];
    if (c == '%' && i + 2 < s.n && hexvalue(s.s[i + 1]) >= 0 && hexvalue(s.s[i + 2]) >= 0) {
      c = (unsigned char)(hexvalue(s.s[i + 1]) << 4 | hexvalue(s.s[i + 2]));
      i += 2;
    }
    if (class[c] & 1) *to++ = (char)c;
    else to = escape(to, c);
  }
  *room = to;
  return (tl_text){start, (size_t)(to - start)};
}


static void canon_params (tl_sig *s, tl_text query) {
  const char *at = query.s, *end = query.s + query.n;
  char *room;
  tl_bufclear(&s->work);
  room = tl_bufroom(&s->work, 3 * query.n);
  if (room == NULL) return;
  while (at < end) {
    const char *amp = memchr(at, '&', (size_t)(end - at)), *eq;
    if (amp == NULL) amp = end;
    eq = memchr(at, '=', (size_t)(amp - at));
    if (amp > at) {
      tl_text name = canon_part(&room, (tl_text){at, (size_t)((eq ? eq : amp) - at)});
      tl_text value = {room, 0};
      if (eq) value = canon_part(&room, (tl_text){eq + 1, (size_t)(amp - eq - 1)});
      tl_pairadd(&s->params, name, value);
    }
    at = amp + 1;
  }
  tl_pairsort(&s->params, 1);
}


static void canon_query (tl_sig *s) {
  tl_text query = s->flags & TL_SIG_QUERY ? (tl_text){s->wire.data, s->wire.len} : s->query;
  size_t i;
  if (query.n > 0) canon_params(s, query);
  for (i = 0; i < s->params.n; i++) {
    const tl_pair *p = &s->params.at[i];
    if (i > 0) tl_bufchar(&s->canonical, '&');
    tl_bufadd(&s->canonical, p->name.s, p->name.n);
    tl_bufchar(&s->canonical, '=');
    tl_bufadd(&s->canonical, p->value.s, p->value.n);
  }
  tl_bufchar(&s->canonical, '\n');
}


void tl_sigcanon (tl_sig *s) {
  tl_bufadd(&s->canonical, s->method.s, s->method.n);
  tl_bufchar(&s->canonical, '\n');
  canon_path(s);
  canon_query(s);
  canon_headers(s);
  tl_bufadd(&s->canonical, s->names.data, s->names.len);
  tl_bufchar(&s->canonical, '\n');
  tl_bufadd(&s->canonical, s->payload.s, s->payload.n);
}

/* endpointload.c -- checks every word of an endpoint program, so that running it needs no check. */
#include "endpoint.h"

#include <string.h>

#define WORD ((uint32_t)sizeof (uint32_t))

tl_text tl_estring (const tl_eprogram *p, uint32_t off) {
  tl_text t;
  uint32_t len;
  memcpy(&len, p->strings + off, sizeof len);
  t.len = len;
  t.s = p->strings + off + WORD;
  return t;
}


/* Length, bytes and a NUL lie within the strings. */
static int goodstring (const tl_eprogram *p, uint32_t off) {
  uint32_t len;
  if (p->h->nbytes < WORD || off >= p->h->nbytes - WORD) return 0;
  memcpy(&len, p->strings + off, sizeof len);
  return len < p->h->nbytes - WORD - off && p->strings[off + WORD + len] == '\0';
}


static int goodregister (const tl_eprogram *p, uint32_t payload) {
  uint32_t attr = payload >> 8 & 0xFF, n = payload >> 16 & 0xFF;
  return (payload & 0xFF) < p->h->nregs && attr < TL_E_NATTRS && payload >> 24 == 0
      && (attr != TL_E_ELEMENT || n != 0x80);
}


/* A template's pieces are text and registers only, so that templates cannot nest. */
static int goodtemplate (const tl_eprogram *p, uint32_t at) {
  uint32_t i, n;
  if (at < p->h->ncode || at >= p->h->nwords) return 0;
  n = p->words[at];
  if (n > TL_E_MAXPIECES || n > p->h->nwords - at - 1) return 0;
  for (i = 1; i <= n; i++) {
    uint32_t w = p->words[at + i], payload = w & 0xFFFFFFF;
    if (w >> 28 == TL_E_STRING ? !goodstring(p, payload)
        : w >> 28 != TL_E_REGISTER || !goodregister(p, payload)) return 0;
  }
  return 1;
}


static int goodoperand (const tl_eprogram *p, uint32_t w) {
  uint32_t payload = w & 0xFFFFFFF;
  switch (w >> 28) {
    case TL_E_NONE: return payload == 0;
    case TL_E_STRING: return goodstring(p, payload);
    case TL_E_REGISTER: return goodregister(p, payload);
    case TL_E_BOOL: return payload <= 1;
    case TL_E_INTEGER: return 1;
    case TL_E_TEMPLATE: return goodtemplate(p, payload);
    default: return 0;
  }
}


/* Leaves `*at` behind the node that is there. Nodes lie one after another, so the walk ends. */
static int goodnode (const tl_eprogram *p, uint32_t *at, int depth) {
  uint32_t w, i, n;
  if (depth == 0 || *at >= p->h->nwords) return 0;
  w = p->words[(*at)++];
  if (w >> 28 != TL_E_ARRAY && w >> 28 != TL_E_OBJECT) return goodoperand(p, w);
  n = w & 0xFFFFFFF;
  for (i = 0; i < n; i++) {
    if (w >> 28 == TL_E_OBJECT) {
      uint32_t key = *at < p->h->nwords ? p->words[(*at)++] : 0;
      if (key >> 28 != TL_E_STRING || !goodstring(p, key & 0xFFFFFFF)) return 0;
    }
    if (!goodnode(p, at, depth - 1)) return 0;
  }
  return 1;
}


static int goodtree (const tl_eprogram *p, uint32_t w) {
  uint32_t at = w & 0xFFFFFFF;
  if (w == TL_E_NONE) return 1;
  return w >> 28 == TL_E_TEMPLATE && at >= p->h->ncode && goodnode(p, &at, TL_E_MAXDEPTH);
}


static int goodargs (const tl_eprogram *p, uint32_t op, const uint32_t *args, uint32_t n) {
  uint32_t i;
  if (op == TL_E_END) return n == 0;
  if (op == TL_E_ERROR) return n == 1 && goodoperand(p, args[0]);
  if (op == TL_E_ENDPOINT)
    return n == 3 && goodoperand(p, args[0]) && goodtree(p, args[1]) && goodtree(p, args[2]);
  if (n < tl_efunctions[op].min || n > tl_efunctions[op].max || n > TL_E_MAXARGS) return 0;
  for (i = 0; i < n; i++)
    if (!goodoperand(p, args[i])) return 0;
  return 1;
}


static int goodinstruction (const tl_eprogram *p, uint32_t at) {
  uint32_t w = p->words[at], op = w & 0xFF, dst = w >> 24;
  return op < TL_E_NOPS && (w >> 8 & 0xFF) <= (TL_E_NOT | TL_E_PLAIN)
      && (dst < p->h->nregs || dst == TL_E_NOWHERE)
      && goodargs(p, op, p->words + at + 2, w >> 16 & 0xFF);
}


/* Instructions fill the code exactly and end in END; marks in `starts` where each one is. */
static const char *openinstructions (const tl_eprogram *p, uint32_t *starts) {
  uint32_t at, n = 0, ncode = p->h->ncode;
  for (at = 0; at < ncode; at += 2 + n) {
    if (ncode - at < 2) return "an instruction is cut short";
    n = p->words[at] >> 16 & 0xFF;
    if (n > ncode - at - 2) return "an instruction runs over the end of its code";
    if (!goodinstruction(p, at)) return "an instruction or its operands are not valid";
    if (n + 2 == ncode - at && (p->words[at] & 0xFF) != TL_E_END) return "its code does not end";
    starts[at / 32] |= 1u << at % 32;
  }
  return NULL;
}


/* All jumps lead ahead, to an instruction: so a run ends, and runs only what was checked. */
static const char *opencode (const tl_eprogram *p) {
  uint32_t starts[TL_E_MAXCODE / 32] = {0};
  const char *why = openinstructions(p, starts);
  uint32_t at;
  if (why != NULL) return why;
  for (at = 0; at < p->h->ncode; at += 2 + (p->words[at] >> 16 & 0xFF)) {
    uint32_t target = p->words[at + 1];
    if (target == 0 && (p->words[at] & 0xFF) <= TL_E_ERROR) continue;
    if (target <= at || target >= p->h->ncode || !(starts[target / 32] >> target % 32 & 1))
      return "a jump does not lead ahead to an instruction";
  }
  return NULL;
}


static const char *openparams (const tl_eprogram *p) {
  uint32_t i;
  for (i = 0; i < p->h->nparams; i++) {
    const tl_eparam *param = &p->params[i];
    uint32_t kind = param->fallback >> 28;
    if (!goodstring(p, param->name) || !goodstring(p, param->builtin)
        || param->type > TL_E_PSTRINGARRAY || kind == TL_E_REGISTER || kind == TL_E_TEMPLATE
        || !goodoperand(p, param->fallback))
      return "a parameter is not valid";
  }
  return NULL;
}


const char *tl_eopen (tl_eprogram *p, const void *bytes, size_t size) {
  const tl_eheader *h = bytes;
  const char *why;
  size_t params, words;
  if (size < sizeof *h || h->magic != TL_E_MAGIC) return "it is no endpoint program";
  if (h->version != TL_E_VERSION) return "it was compiled for another version of tidelock";
  if (h->nregs > TL_E_MAXREGS || h->nparams > h->nregs)
    return "it has more registers than a program may";
  params = h->nparams * sizeof (tl_eparam);
  words = (size_t)h->nwords * WORD;
  if (h->nwords >= 1u << 28 || h->nbytes >= 1u << 28
      || h->ncode == 0 || h->ncode > h->nwords || h->ncode > TL_E_MAXCODE
      || size != sizeof *h + params + words + h->nbytes)
    return "its parts do not add up to its size";
  p->h = h;
  p->params = (const tl_eparam *)(const void *)((const char *)bytes + sizeof *h);
  p->words = (const uint32_t *)(const void *)((const char *)p->params + params);
  p->strings = (const char *)p->words + words;
  if (!goodstring(p, 0) || tl_estring(p, 0).len != 0)
    return "its strings do not start with the empty one";
  if ((why = openparams(p)) != NULL) return why;
  return opencode(p);
}

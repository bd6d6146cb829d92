/* model.c -- one compiled service in memory: every offset is checked once, then trusted. */
#include <string.h>

#include "models.h"


/* ----- checks, once a service ----- */

static int within (const tl_model *m, uint64_t at, uint64_t len) {
  return at <= m->size && len <= m->size - at;
}


static int goodsection (const tl_model *m, uint32_t at, uint32_t n, size_t record) {
  return at % 8 == 0 && within(m, at, (uint64_t)n * record);
}


static int goodstring (const tl_model *m, uint32_t off) {
  uint64_t limit = m->h->nbytes;
  const char *s = m->bytes + m->h->strings + off;
  uint32_t len;
  if (off == 0) return 1;                      /* checked with the header */
  if ((uint64_t)off + sizeof len + 1 > limit) return 0;
  memcpy(&len, s, sizeof len);
  return len <= limit - off - sizeof len - 1 && s[sizeof len + len] == '\0';
}


static int goodinput (const tl_model *m, uint32_t i) {   /* or output */
  return i == TL_NONE || (i < m->h->nshapes && m->shapes[i].type == TL_STRUCTURE);
}


static int goodrange (uint32_t first, uint32_t count, uint32_t n) {
  return first <= n && count <= n - first;
}


static int goodheader (tl_model *m) {
  const tl_header *h = m->h;
  if (!goodsection(m, h->ops, h->nops, sizeof (tl_op))
      || !goodsection(m, h->shapes, h->nshapes, sizeof (tl_shape))
      || !goodsection(m, h->members, h->nmembers, sizeof (tl_member))
      || !goodsection(m, h->words, h->nwords, sizeof (uint32_t))
      || !goodsection(m, h->strings, h->nbytes, 1)
      || h->nbytes < 5 || memcmp(m->bytes + h->strings, "\0\0\0\0", 5) != 0)
    return 0;
  return h->protocol <= TL_RPC_CBOR && goodstring(m, h->metadata) && goodstring(m, h->apiversion)
      && goodstring(m, h->targetprefix) && goodstring(m, h->jsonversion) && goodstring(m, h->nsuri)
      && goodstring(m, h->paginators) && goodstring(m, h->waiters)
      && within(m, h->endpoint, h->endpointsize);
}


static int goodop (const tl_model *m, const tl_op *op) {
  const tl_header *h = m->h;
  if (!goodinput(m, op->input) || !goodinput(m, op->output)
      || !goodrange(op->errors, op->nerrors, h->nwords))
    return 0;
  for (uint32_t i = 0; i < op->nerrors; i++)
    if (m->words[op->errors + i] >= h->nshapes) return 0;
  return goodstring(m, op->name) && goodstring(m, op->snake) && goodstring(m, op->method)
      && goodstring(m, op->uri) && goodstring(m, op->inputwire) && goodstring(m, op->inputnsuri)
      && goodstring(m, op->inputnsprefix) && goodstring(m, op->outputwrapper)
      && goodstring(m, op->extra) && goodstring(m, op->hostprefix);
}


static int goodcount (const tl_shape *s) {
  if (s->type == TL_LIST) return s->count == 1;
  if (s->type == TL_MAP) return s->count == 2;
  return s->type == TL_STRUCTURE || s->count == 0;
}


static int goodshape (const tl_model *m, const tl_shape *s) {
  const tl_header *h = m->h;
  if (s->type > TL_BIGDECIMAL || s->stamp > TL_STAMP_UNIX || !goodcount(s)
      || !goodrange(s->first, s->count, h->nmembers))
    return 0;
  if (s->payload != TL_NONE && (s->payload < s->first || s->payload - s->first >= s->count))
    return 0;
  if (s->enums != TL_NONE) {
    if (!goodrange(s->enums, s->nenums, h->nwords)) return 0;
    for (uint32_t i = 0; i < s->nenums; i++)
      if (!goodstring(m, m->words[s->enums + i])) return 0;
  }
  return goodstring(m, s->name) && goodstring(m, s->wire) && goodstring(m, s->nsuri)
      && goodstring(m, s->nsprefix) && goodstring(m, s->errorcode);
}


static int goodmember (const tl_model *m, const tl_member *e) {
  return e->shape < m->h->nshapes && e->location <= TL_STATUSCODE && e->stamp <= TL_STAMP_UNIX
      && goodstring(m, e->name) && goodstring(m, e->wire) && goodstring(m, e->queryname)
      && goodstring(m, e->nsuri) && goodstring(m, e->nsprefix);
}


static int goodrecords (const tl_model *m) {
  for (uint32_t i = 0; i < m->h->nops; i++)
    if (!goodop(m, &m->ops[i])) return 0;
  for (uint32_t i = 0; i < m->h->nshapes; i++)
    if (!goodshape(m, &m->shapes[i])) return 0;
  for (uint32_t i = 0; i < m->h->nmembers; i++)
    if (!goodmember(m, &m->members[i])) return 0;
  return 1;
}


const char *tl_modeltrust (tl_model *m) {
  const tl_header *h = m->h = (const void *)m->bytes;
  if (m->size < sizeof *h || h->magic != TL_MODEL_MAGIC)
    return "the bytes are no compiled service model";
  if (h->version != TL_MODEL_VERSION)
    return "the service model was compiled for another version of tidelock";
  if (!goodheader(m)) return "the service model is damaged: a section lies outside of it";
  m->ops = (const void *)(m->bytes + h->ops);
  m->shapes = (const void *)(m->bytes + h->shapes);
  m->members = (const void *)(m->bytes + h->members);
  m->words = (const void *)(m->bytes + h->words);
  return NULL;
}


const char *tl_modelopen (tl_model *m) {
  const char *why = tl_modeltrust(m);
  if (why == NULL && !goodrecords(m))
    why = "the service model is damaged: a record points outside of it";
  return why;
}


/* ----- answers ----- */

const char *tl_modelstr (const tl_model *m, uint32_t off, size_t *len) {
  const char *s = m->bytes + m->h->strings + off;
  if (len != NULL) {
    uint32_t n;
    memcpy(&n, s, sizeof n);
    *len = n;
  }
  return s + sizeof (uint32_t);
}


/* How string `off` stands to the given bytes, in the order of Lua's byte-wise `<`. */
static int order (const tl_model *m, uint32_t off, const char *s, size_t len) {
  size_t n;
  const char *own = tl_modelstr(m, off, &n);
  int c = memcmp(own, s, n < len ? n : len);
  return c != 0 ? c : n == len ? 0 : n < len ? -1 : 1;
}


static int same (const tl_model *m, uint32_t off, const char *s, size_t len) {
  size_t n;
  const char *own = tl_modelstr(m, off, &n);
  return n == len && memcmp(own, s, n) == 0;
}


const tl_member *tl_findmember (const tl_model *m, const tl_shape *s, const char *name,
                                size_t len) {
  const tl_member *e = m->members + s->first;
  for (uint32_t i = 0; i < s->count; i++)
    if (same(m, e[i].name, name, len)) return &e[i];
  return NULL;
}


const tl_member *tl_findwire (const tl_model *m, const tl_shape *s, const char *name, size_t len) {
  const tl_member *e = m->members + s->first;
  for (uint32_t i = 0; i < s->count; i++)
    if (e[i].location == TL_BODY && same(m, e[i].wire, name, len)) return &e[i];
  return NULL;
}


const tl_shape *tl_findshape (const tl_model *m, const char *name, size_t len) {
  uint32_t low = 0, high = m->h->nshapes;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    int c = order(m, m->shapes[mid].name, name, len);
    if (c == 0) return &m->shapes[mid];
    if (c > 0) high = mid;
    else low = mid + 1;
  }
  return NULL;
}


const tl_op *tl_findop (const tl_model *m, const char *name, size_t len) {
  uint32_t low = 0, high = m->h->nops;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    int c = order(m, m->ops[mid].snake, name, len);
    if (c == 0) return &m->ops[mid];
    if (c > 0) high = mid;
    else low = mid + 1;
  }
  for (uint32_t i = 0; i < m->h->nops; i++)   /* CamelCase: rare, and then once an operation */
    if (same(m, m->ops[i].name, name, len)) return &m->ops[i];
  return NULL;
}

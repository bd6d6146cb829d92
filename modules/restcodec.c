/* restcodec.c -- a request by the REST protocols: URI labels, query string, headers, payload. */
#include "restcodec.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "json.h"
#include "uri.h"

/* stack slots while encoding */
enum { INPUT = 2, REQUEST = 3, BODY = 4, HEADERS = 5, QUERY = 6 };

/* ----- headers ----- */

static int stampof (const tl_member *m, int otherwise) {
  return m->stamp != TL_STAMP_DEFAULT ? m->stamp : otherwise;
}


/* An item with a comma or a quote is quoted, so that a list can be taken apart again. */
static void addquoted (tl_buf *out, const char *s, size_t len) {
  if (memchr(s, ',', len) == NULL && memchr(s, '"', len) == NULL) {
    tl_bufadd(out, s, len);
    return;
  }
  tl_bufchar(out, '"');
  for (size_t i = 0; i < len; i++) {
    if (s[i] == '"') tl_bufchar(out, '\\');
    tl_bufchar(out, s[i]);
  }
  tl_bufchar(out, '"');
}


static int addlistitem (tl_walk *w, const tl_member *m, void *ud) {
  const tl_shape *s = tl_shapeof(w, m);
  tl_buf *out = ud;
  const char *text;
  size_t len;
  if (tl_isjsonnull(w->L, -1)) return 0;
  if (out->len > 0) tl_bufadd(out, ", ", 2);
  if (s->type != TL_STRING) return tl_addtext(w, s, stampof(m, TL_STAMP_RFC822), out);
  if (tl_getstring(w, s, &text, &len) != 0) return -1;
  addquoted(out, text, len);
  return 0;
}


static int addjsonvalue (tl_walk *w, tl_buf *out) {
  tl_buf *json = tl_bufnew(w->L);
  int bad = tl_jsonadd(w->L, -2, json);
  if (bad == 0) tl_addbase64(out, json->data, json->len);
  else {
    tl_fault(w, "can't be written as JSON: %s", lua_tostring(w->L, -1));
    lua_pop(w->L, 1);
  }
  out->failed |= json->failed;
  tl_buffree(json);
  lua_pop(w->L, 1);
  return bad;
}


/* A line break would start a header of its own. */
static int checkheader (tl_walk *w, const tl_buf *b) {
  for (size_t i = 0; i < b->len; i++)
    if (b->data[i] == '\r' || b->data[i] == '\n' || b->data[i] == '\0')
      return tl_fault(w, "must not hold a line break or a NUL: it goes into a header");
  return 0;
}


/*
** The value is at the top; the header's name is pushed by the caller above the
** box: (value, box, name).
*/
static int setheader (tl_walk *w, const char *name, size_t len, const tl_buf *b) {
  if (checkheader(w, b) != 0) return -1;
  lua_pushlstring(w->L, name, len);
  lua_pushlstring(w->L, b->data ? b->data : "", b->len);
  lua_rawset(w->L, HEADERS);
  return 0;
}


/* Text at the top is taken where it stands: most members are text, and a box each is dear. */
static int borrow (tl_walk *w, const tl_shape *s, tl_buf *b) {
  const char *text;
  size_t len;
  if (tl_getstring(w, s, &text, &len) != 0) return -1;
  *b = (tl_buf){.data = (char *)(size_t)text, .len = len};
  return 0;
}


static int textheader (tl_walk *w, const tl_member *m) {
  tl_buf b;
  size_t len;
  const char *name = tl_modelstr(w->model, m->wire, &len);
  return borrow(w, tl_shapeof(w, m), &b) == 0 ? setheader(w, name, len, &b) : -1;
}


/* Runs with the value at the top and a box below it, which is freed after. */
static int headermember (tl_walk *w, const tl_member *m) {
  const tl_shape *s = tl_shapeof(w, m);
  tl_buf *b = tl_bufnew(w->L);
  size_t len;
  const char *name = tl_modelstr(w->model, m->wire, &len);
  int bad;
  lua_insert(w->L, -2);
  if (m->flags & TL_M_JSONVALUE) bad = addjsonvalue(w, b);
  else if (s->type == TL_LIST) bad = tl_items(w, s, addlistitem, b);
  else bad = tl_addtext(w, s, stampof(m, TL_STAMP_RFC822), b);
  if (bad == 0 && (s->type != TL_LIST || b->len > 0)) bad = setheader(w, name, len, b);
  w->out->failed |= b->failed;
  tl_buffree(b);
  lua_remove(w->L, -2);
  return bad;
}

typedef struct prefix { const char *s; size_t len; } prefix;

/* The name that a map's key makes: a colon or a space would end it early. */
static int checkname (tl_walk *w) {
  const char *s = w->at->name;
  for (size_t i = 0; i < w->at->len; i++)
    if ((unsigned char)s[i] <= ' ' || s[i] == ':' || s[i] == 0x7F)
      return tl_fault(w, "can't be part of a header's name: it holds a space, a colon or a control"
                      " character");
  return 0;
}


static int headerpair (tl_walk *w, const tl_member *m, void *ud) {
  const prefix *p = ud;
  tl_buf *b = tl_bufnew(w->L);
  const char *name;
  size_t len;
  int bad;
  lua_insert(w->L, -2);
  bad = tl_addtext(w, tl_shapeof(w, m), TL_STAMP_RFC822, b);
  lua_pushlstring(w->L, p->s, p->len);
  lua_pushlstring(w->L, w->at->name, w->at->len);
  lua_concat(w->L, 2);
  name = lua_tolstring(w->L, -1, &len);
  if (bad == 0) bad = checkname(w);
  if (bad == 0) bad = setheader(w, name, len, b);
  w->out->failed |= b->failed;
  tl_buffree(b);
  lua_pop(w->L, 1);
  lua_remove(w->L, -2);
  return bad;
}

/* ----- the query string ----- */

static void addparameter (tl_walk *w, tl_buf *query, const char *name, size_t len,
                          const tl_buf *value) {
  (void)w;
  if (query->len > 0) tl_bufchar(query, '&');
  tl_uriadd(query, name, len, "");
  tl_bufchar(query, '=');
  tl_uriadd(query, value->data ? value->data : "", value->len, "");
}


static int addscalar (tl_walk *w, const tl_member *m, const char *name, size_t len) {
  tl_buf *query = tl_bufcheck(w->L, QUERY), *b, text;
  int bad;
  if (tl_shapeof(w, m)->type == TL_STRING) {
    if (borrow(w, tl_shapeof(w, m), &text) != 0) return -1;
    addparameter(w, query, name, len, &text);
    return 0;
  }
  b = tl_bufnew(w->L);
  lua_insert(w->L, -2);
  bad = tl_addtext(w, tl_shapeof(w, m), stampof(m, TL_STAMP_ISO8601), b);
  if (bad == 0) addparameter(w, query, name, len, b);
  query->failed |= b->failed;
  tl_buffree(b);
  lua_remove(w->L, -2);
  return bad;
}


static int queryitem (tl_walk *w, const tl_member *m, void *ud) {
  const prefix *p = ud;
  return addscalar(w, m, p->s, p->len);
}


static int querylist (tl_walk *w, const tl_member *m, void *ud) {
  (void)ud;
  return addscalar(w, m, w->at->up->name, w->at->up->len);
}


/* Has the input a member of its own for this name? It outranks the map. */
static int named (tl_walk *w, const tl_shape *top, const char *name, size_t len) {
  for (uint32_t i = 0; i < top->count; i++) {
    const tl_member *m = tl_memberat(w, top, i);
    size_t n;
    const char *wire = tl_modelstr(w->model, m->wire, &n);
    int given;
    if (m->location != TL_QUERYSTRING || n != len || memcmp(wire, name, n) != 0) continue;
    lua_pushstring(w->L, tl_modelstr(w->model, m->name, NULL));
    given = lua_rawget(w->L, INPUT) != LUA_TNIL;
    lua_pop(w->L, 1);
    if (given) return 1;
  }
  return 0;
}


/* A map in the query string: its keys are the names, its values texts or lists of texts. */
static int querypair (tl_walk *w, const tl_member *m, void *ud) {
  const tl_shape *s = tl_shapeof(w, m);
  if (named(w, ud, w->at->name, w->at->len)) return 0;
  if (s->type == TL_LIST) return tl_items(w, s, querylist, NULL);
  return addscalar(w, m, w->at->name, w->at->len);
}


static int querymember (tl_walk *w, const tl_shape *top, const tl_member *m) {
  const tl_shape *s = tl_shapeof(w, m);
  prefix p;
  p.s = tl_modelstr(w->model, m->wire, &p.len);
  if (s->type == TL_LIST) return tl_items(w, s, queryitem, &p);
  if (s->type == TL_MAP) return tl_pairs(w, s, querypair, (void *)(size_t)top);
  return addscalar(w, m, p.s, p.len);
}

/* ----- the URI ----- */

static int addlabel (tl_walk *w, const tl_member *m, int greedy, tl_buf *path) {
  tl_buf *b = tl_bufnew(w->L);
  tl_at here = {.up = w->at};
  int bad;
  here.name = tl_modelstr(w->model, m->name, &here.len);
  lua_pushlstring(w->L, here.name, here.len);
  lua_rawget(w->L, INPUT);
  w->at = &here;
  bad = tl_addtext(w, tl_shapeof(w, m), stampof(m, TL_STAMP_ISO8601), b);
  if (bad == 0 && b->len == 0) bad = tl_fault(w, "must not be empty: it is part of the address");
  w->at = here.up;
  if (bad == 0) tl_uriadd(path, b->data, b->len, greedy ? "/" : "");
  path->failed |= b->failed;
  tl_buffree(b);
  lua_pop(w->L, 2);
  return bad;
}


static const tl_member *labelmember (tl_walk *w, const tl_shape *s, const char *name, size_t len) {
  for (uint32_t i = 0; i < s->count; i++) {
    const tl_member *m = tl_memberat(w, s, i);
    size_t n;
    const char *wire = tl_modelstr(w->model, m->wire, &n);
    if (m->location == TL_URI && n == len && memcmp(wire, name, len) == 0) return m;
  }
  return NULL;
}


/* "/{Bucket}/{Key+}?uploads": labels are filled in; what follows '?' begins the query string. */
static int addpath (tl_walk *w, const tl_shape *s, tl_buf *path) {
  const char *uri = tl_modelstr(w->model, w->op->uri, NULL), *close;
  for (; *uri != '\0' && *uri != '?'; uri++) {
    const tl_member *m;
    int greedy;
    if (*uri != '{' || (close = strchr(uri, '}')) == NULL) { tl_bufchar(path, *uri); continue; }
    greedy = close[-1] == '+';
    m = s ? labelmember(w, s, uri + 1, (size_t)(close - uri - 1 - greedy)) : NULL;
    if (m == NULL) return tl_fault(w, "has a model with an unknown label in '%s'", uri);
    if (addlabel(w, m, greedy, path) != 0) return -1;
    uri = close;
  }
  return 0;
}


static int setpath (tl_walk *w, const tl_shape *s) {
  tl_buf *path = tl_bufnew(w->L);
  if (addpath(w, s, path) != 0) return -1;
  tl_bufpush(w->L, path);
  lua_setfield(w->L, REQUEST, "path");
  tl_buffree(path);
  lua_pop(w->L, 1);
  return 0;
}

/* ----- the whole ----- */

typedef struct bound { const tl_shape *shape; const tl_member *payload; int body; } bound;

static int bind (tl_walk *w, const tl_member *m, void *ud) {
  bound *b = ud;
  prefix p;
  switch (m->location) {
    case TL_HEADER:
      if (tl_shapeof(w, m)->type == TL_STRING && !(m->flags & TL_M_JSONVALUE))
        return textheader(w, m);
      return headermember(w, m);
    case TL_QUERYSTRING: return querymember(w, b->shape, m);
    case TL_HEADERS:
      p.s = tl_modelstr(w->model, m->wire, &p.len);
      return tl_pairs(w, tl_shapeof(w, m), headerpair, &p);
    case TL_BODY: b->body = 1; return 0;
    default: return 0;
  }
}


static int israw (tl_walk *w, const tl_member *payload) {
  const tl_shape *s = tl_shapeof(w, payload);
  return s->type == TL_BLOB || s->type == TL_STRING;
}


/* Unless the caller gave one. */
static void contenttype (tl_walk *w, const char *type) {
  if (lua_getfield(w->L, HEADERS, "Content-Type") == LUA_TNIL) {
    lua_pushstring(w->L, type);
    lua_setfield(w->L, HEADERS, "Content-Type");
  }
  lua_pop(w->L, 1);
}


/* Bytes as they are; a table, which names a file, goes through untouched: lib/aws reads it. */
static int rawpayload (tl_walk *w, const tl_member *payload) {
  const char *s;
  size_t len;
  if (lua_istable(w->L, -1)) {
    lua_pushvalue(w->L, -1);
    lua_setfield(w->L, REQUEST, "body");
    return 0;
  }
  if (tl_getstring(w, tl_shapeof(w, payload), &s, &len) != 0) return -1;
  lua_pushlstring(w->L, s, len);
  lua_setfield(w->L, REQUEST, "body");
  if (tl_shapeof(w, payload)->type == TL_STRING) contenttype(w, "text/plain");
  else if (w->model->h->protocol == TL_REST_JSON) contenttype(w, "application/octet-stream");
  return 0;
}


static int encodepayload (tl_walk *w, const tl_format *format, const tl_member *m) {
  tl_at here = {.up = w->at};
  int given, bad = 0;
  here.name = tl_modelstr(w->model, m->name, &here.len);
  lua_pushlstring(w->L, here.name, here.len);
  lua_rawget(w->L, INPUT);
  given = !lua_isnil(w->L, -1) && !tl_isjsonnull(w->L, -1);
  w->at = &here;
  if (given && israw(w, m)) bad = rawpayload(w, m);
  else if (tl_shapeof(w, m)->flags & TL_S_EVENTSTREAM)
    contenttype(w, "application/vnd.amazon.eventstream");
  else if (given) {
    w->depth = 1;
    bad = format->encode(w, tl_shapeof(w, m), m);
    w->depth = 0;
  }
  else if (!israw(w, m) && format == &tl_json && !(tl_shapeof(w, m)->flags & TL_S_UNION))
    tl_bufstr(w->out, "{}");
  w->at = here.up;
  lua_pop(w->L, 1);
  return bad;
}


static int hasbodymembers (tl_walk *w, const tl_shape *s) {
  for (uint32_t i = 0; i < s->count; i++)
    if (tl_memberat(w, s, i)->location == TL_BODY) return 1;
  return 0;
}


static int encodebody (tl_walk *w, const tl_format *format, const tl_shape *s, const bound *b) {
  if (b->payload != NULL) return encodepayload(w, format, b->payload);
  if (!b->body && !(format == &tl_json && hasbodymembers(w, s))) return 0;
  lua_pushvalue(w->L, INPUT);
  return format->encode(w, s, NULL);
}


static void setbody (tl_walk *w, const char *type) {
  lua_State *L = w->L;
  if (w->out->len == 0 && !w->out->failed) return;
  tl_bufpush(L, w->out);
  lua_setfield(L, REQUEST, "body");
  contenttype(w, type);
}


static int encodeinput (tl_walk *w, const tl_format *format, const tl_shape *s) {
  static const tl_shape nothing = {.type = TL_STRUCTURE};
  bound b = {.shape = s};
  if (s != NULL && s->payload != TL_NONE) b.payload = w->model->members + s->payload;
  lua_pushvalue(w->L, INPUT);
  if (tl_members(w, s != NULL ? s : &nothing, bind, &b) != 0 || setpath(w, s) != 0) return -1;
  return s == NULL ? 0 : encodebody(w, format, s, &b);
}


int tl_restencode (tl_walk *w, const tl_format *format, const char *type) {
  lua_State *L = w->L;
  const tl_shape *s = w->op->input != TL_NONE ? w->model->shapes + w->op->input : NULL;
  const char *literal = strchr(tl_modelstr(w->model, w->op->uri, NULL), '?');
  tl_buf *query;
  lua_newtable(L);
  query = tl_bufnew(L);
  if (literal != NULL) tl_bufstr(query, literal + 1);
  if (encodeinput(w, format, s) != 0) return -1;
  setbody(w, type);
  tl_bufpush(L, query);
  lua_setfield(L, REQUEST, "query");
  tl_buffree(query);
  lua_pushvalue(L, HEADERS);
  lua_setfield(L, REQUEST, "headers");
  return 0;
}

/* ----- the host's prefix ----- */

/* As botocore: letters, digits, hyphens, and dots, for a label may be several. */
static int ishostlabel (const char *s, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z')
          || (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '.'))
      return 0;
  return len > 0;
}


static int addhostlabel (tl_walk *w, const char *name, size_t len, tl_buf *host) {
  const char *s;
  size_t n;
  lua_pushlstring(w->L, name, len);
  if (lua_rawget(w->L, 2) != LUA_TSTRING)
    return tl_fault(w, "lacks the required member '%.*s': it is part of the host's name", (int)len,
                    name);
  s = lua_tolstring(w->L, -1, &n);
  if (!ishostlabel(s, n))
    return tl_fault(w, "has a '%.*s' of '%.40s', which can't be part of a host's name", (int)len,
                    name, s);
  tl_bufadd(host, s, n);
  lua_pop(w->L, 1);
  return 0;
}


int tl_resthost (tl_walk *w) {
  const char *s = tl_modelstr(w->model, w->op->hostprefix, NULL), *close;
  tl_buf *host = tl_bufnew(w->L);
  for (; *s != '\0'; s++) {
    if (*s != '{' || (close = strchr(s, '}')) == NULL) { tl_bufchar(host, *s); continue; }
    if (addhostlabel(w, s + 1, (size_t)(close - s - 1), host) != 0) return -1;
    s = close;
  }
  tl_bufpush(w->L, host);
  return 0;
}

/* restanswer.c -- the bindings of the REST protocols, from an answer: headers, status, payload. */
#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#include "armor.h"
#include "json.h"
#include "restcodec.h"

#define HEADERS 4      /* stack slot of the answer's headers, names in lower case */
#define MAXHEADER 256

static int lowercase (char *to, const char *s, size_t len) {
  if (len >= MAXHEADER) return 0;
  for (size_t i = 0; i < len; i++) to[i] = (char)tolower((unsigned char)s[i]);
  to[len] = '\0';
  return 1;
}


/* Base64 of JSON, as API Gateway and Lex send it; anything else is given as it came. */
static void pushjsonvalue (lua_State *L, const char *text, size_t len) {
  tl_buf *b = tl_bufnew(L);
  char *to = tl_bufroom(b, TL_UNBASE64LEN(len) + 1);
  yyjson_read_err err;
  yyjson_doc *doc;
  size_t n;
  if (to == NULL) luaL_error(L, "not enough memory");
  if (!tl_unbase64(to, text, len, &n) || (doc = tl_docparse(L, to, n, &err)) == NULL) {
    lua_pushlstring(L, text, len);
    lua_remove(L, -2);
    return;
  }
  if (tl_jsonpush(L, yyjson_doc_get_root(doc), 1) != 0) lua_pushlstring(L, text, len);
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/* One item from `s`: up to a comma, quotes undone; an http date has a comma of its own. */
static const char *pushitem (tl_walk *w, const tl_member *m, const char *s, const char *end) {
  const tl_shape *shape = tl_shapeof(w, m);
  const char *from, *stop;
  while (s < end && *s == ' ') s++;
  if (s < end && *s == '"' && shape->type == TL_STRING) {
    luaL_Buffer b;
    luaL_buffinit(w->L, &b);
    for (s++; s < end && *s != '"'; s++) {
      if (*s == '\\' && s + 1 < end) s++;
      luaL_addchar(&b, *s);
    }
    luaL_pushresult(&b);
    stop = memchr(s, ',', (size_t)(end - s));
    return stop != NULL ? stop + 1 : end;
  }
  from = s;
  stop = memchr(s, ',', (size_t)(end - s));
  if (stop != NULL && shape->type == TL_TIMESTAMP && m->stamp != TL_STAMP_ISO8601
      && m->stamp != TL_STAMP_UNIX && isalpha((unsigned char)*s))
    stop = memchr(stop + 1, ',', (size_t)(end - stop - 1));
  if (stop == NULL) stop = end;
  s = stop;
  while (stop > from && stop[-1] == ' ') stop--;
  tl_pushtext(w, shape, from, (size_t)(stop - from));
  return s < end ? s + 1 : end;
}


static void pushlist (tl_walk *w, const tl_shape *s, const char *text, size_t len) {
  const tl_member *item = tl_memberat(w, s, 0);
  const char *end = text + len;
  lua_Integer n = 0;
  tl_pushlist(w, 4);
  while (text < end) {
    text = pushitem(w, item, text, end);
    lua_rawseti(w->L, -2, ++n);
  }
}


/* The member's name is at the top; sets it in the table below if the header is there. */
static void fromheader (tl_walk *w, const tl_member *m) {
  lua_State *L = w->L;
  char name[MAXHEADER];
  size_t len;
  const char *text = tl_modelstr(w->model, m->wire, &len);
  if (!lowercase(name, text, len) || lua_getfield(L, HEADERS, name) != LUA_TSTRING) {
    lua_settop(L, lua_gettop(L) - 2);
    return;
  }
  text = lua_tolstring(L, -1, &len);
  if (m->flags & TL_M_JSONVALUE) pushjsonvalue(L, text, len);
  else if (tl_shapeof(w, m)->type == TL_LIST) pushlist(w, tl_shapeof(w, m), text, len);
  else tl_pushtext(w, tl_shapeof(w, m), text, len);
  lua_remove(L, -2);
  lua_rawset(L, -3);
}


/* All headers with the prefix, which the map's keys go without. */
static void fromprefix (tl_walk *w, const tl_member *m) {
  lua_State *L = w->L;
  char prefix[MAXHEADER];
  size_t len, n;
  const char *s = tl_modelstr(w->model, m->wire, &len);
  if (!(m->flags & TL_M_HAS_WIRE)) len = 0;   /* no prefix was written: all headers */
  if (!lowercase(prefix, s, len)) { lua_pop(L, 1); return; }
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, HEADERS); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) continue;
    s = lua_tolstring(L, -2, &n);
    if (n < len || memcmp(s, prefix, len) != 0) continue;
    lua_pushlstring(L, s + len, n - len);
    lua_pushvalue(L, -2);
    lua_rawset(L, -5);
  }
  lua_rawset(L, -3);
}


static void bind (tl_walk *w, const tl_shape *s, lua_Integer status) {
  for (uint32_t i = 0; i < s->count; i++) {
    const tl_member *m = tl_memberat(w, s, i);
    size_t len;
    const char *name = tl_modelstr(w->model, m->name, &len);
    if (m->location != TL_HEADER && m->location != TL_HEADERS && m->location != TL_STATUSCODE)
      continue;
    luaL_checkstack(w->L, 12, "headers of an answer");
    lua_pushlstring(w->L, name, len);
    if (m->location == TL_HEADER) fromheader(w, m);
    else if (m->location == TL_HEADERS) fromprefix(w, m);
    else {
      lua_pushinteger(w->L, status);
      lua_rawset(w->L, -3);
    }
  }
}


static int document (tl_walk *w, const char *body, size_t len) {
  yyjson_read_err err;
  yyjson_doc *doc = tl_docparse(w->L, body, len, &err);
  int bad;
  if (doc == NULL)
    return tl_fault(w, "the JSON is broken after %zu of %zu bytes: %s", err.pos, len, err.msg);
  bad = tl_jsonpush(w->L, yyjson_doc_get_root(doc), 1);
  if (bad != 0) lua_pushnil(w->L);
  tl_docdrop(w->L, -2);
  lua_remove(w->L, -2);
  return bad == 0 ? 0 : tl_fault(w, "the JSON is nested too deep");
}


/* Pushes the payload's value; 0 or -1, nothing pushed then. */
static int pushpayload (tl_walk *w, const tl_format *format, const tl_shape *s, const char *body,
                        size_t len) {
  if (s->type == TL_BLOB || s->type == TL_STRING) {
    tl_pushstring(w, s, body, len);
    return 0;
  }
  if (format == &tl_json && (s->flags & TL_S_DOCUMENT || s->type != TL_STRUCTURE))
    return document(w, body, len);
  lua_newtable(w->L);
  w->rest = 0;
  if (format->decode(w, s, body, len) == 0) return 0;
  lua_pop(w->L, 1);
  return -1;
}


static int frompayload (tl_walk *w, const tl_format *format, const tl_member *m, const char *body,
                        size_t len) {
  const tl_shape *s = tl_shapeof(w, m);
  size_t n;
  const char *name = tl_modelstr(w->model, m->name, &n);
  if (len == 0 && !(m->flags & TL_M_STREAMING)) return 0;
  if (s->flags & TL_S_EVENTSTREAM) return 0;   /* read by its own iterator */
  lua_pushlstring(w->L, name, n);
  if (pushpayload(w, format, s, body, len) != 0) return lua_pop(w->L, 1), -1;
  lua_rawset(w->L, -3);
  return 0;
}


int tl_restdecode (tl_walk *w, const tl_format *format, const tl_shape *s, lua_Integer status,
                   const char *body, size_t len) {
  bind(w, s, status);
  if (s->payload != TL_NONE)
    return frompayload(w, format, w->model->members + s->payload, body, len);
  return format->decode(w, s, body, len);
}


void tl_resterrorheaders (tl_walk *w, lua_Integer status) {
  lua_State *L = w->L;
  const tl_shape *s = NULL;
  size_t len;
  const char *code;
  if (lua_getfield(L, -1, "code") == LUA_TSTRING) {
    code = lua_tolstring(L, -1, &len);
    s = tl_errorshape(w->model, w->op, code, len);
  }
  lua_pop(L, 1);
  if (s == NULL) return;
  if (lua_getfield(L, -1, "detail") != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "detail");
  }
  bind(w, s, status);
  lua_pop(L, 1);
}

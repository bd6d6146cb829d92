/* eventwrite.c -- an event as the caller writes it, {NAME = {members}}, to an event stream. */
#include <string.h>

#include <lauxlib.h>

#include "eventbody.h"

enum { EVENT = 2, MESSAGE, BODY, HEADERS };   /* stack slots of a call */


/* Appends {name, value, type} to the headers; the value is at the top, and stays. */
static void addheader (lua_State *L, const char *name, size_t len, const char *type) {
  lua_createtable(L, 3, 0);
  lua_pushlstring(L, name, len);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, 2);
  lua_pushstring(L, type);
  lua_rawseti(L, -2, 3);
  lua_rawseti(L, HEADERS, (lua_Integer)lua_rawlen(L, HEADERS) + 1);
}


static void addtext (lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  addheader(L, name, strlen(name), "string");
  lua_pop(L, 1);
}


/* Replaces the value at the top by the one that goes into the header; NULL where it is none. */
static const char *headertype (tl_walk *w, const tl_shape *s) {
  const char *text;
  size_t len;
  lua_Integer n;
  lua_Number seconds;
  int flag;
  switch (s->type) {
    case TL_BOOLEAN:
      if (tl_getboolean(w, &flag) != 0) return NULL;
      return flag ? "true" : "false";
    case TL_INTEGER: case TL_LONG:
      return tl_getinteger(w, s, &n) == 0 ? (s->type == TL_LONG ? "long" : "int") : NULL;
    case TL_TIMESTAMP:
      if (tl_getstamp(w, &seconds) != 0) return NULL;
      lua_pushnumber(w->L, seconds);
      lua_replace(w->L, -2);
      return "timestamp";
    case TL_STRING: case TL_BLOB:
      if (tl_getstring(w, s, &text, &len) != 0) return NULL;
      lua_pushlstring(w->L, text, len);       /* what was a secret is text now */
      lua_replace(w->L, -2);
      return s->type == TL_STRING ? "string" : "bytes";
    default: return tl_fault(w, "can't stand in a header"), NULL;
  }
}


static int toheader (tl_walk *w, const tl_member *m) {
  size_t len;
  const char *name = tl_modelstr(w->model, m->wire, &len), *type;
  lua_pushvalue(w->L, -1);
  type = headertype(w, tl_shapeof(w, m));
  if (type != NULL) addheader(w->L, name, len, type);
  lua_pop(w->L, 1);
  return type != NULL ? 0 : -1;
}


static const char *contenttype (const tl_model *m) {
  const tl_format *format = tl_eventformat(m);
  if (format == &tl_json) return "application/json";
  return format == &tl_cbor ? "application/cbor" : "application/xml";
}


/* The value at the top is the whole payload: bytes or text as they are, else a document. */
static int topayload (tl_walk *w, const tl_member *m) {
  const tl_shape *s = tl_shapeof(w, m);
  const char *text;
  size_t len;
  if (s->type != TL_STRING && s->type != TL_BLOB) {
    addtext(w->L, ":content-type", contenttype(w->model));
    return tl_eventformat(w->model)->encode(w, s, m);
  }
  if (tl_getstring(w, s, &text, &len) != 0) return -1;
  tl_bufadd(w->out, text, len);
  addtext(w->L, ":content-type", s->type == TL_STRING ? "text/plain" : "application/octet-stream");
  return 0;
}


static int member (tl_walk *w, const tl_member *m, void *ud) {
  (void)ud;
  if (m->flags & TL_M_EVENTHEADER) return toheader(w, m);
  return m->flags & TL_M_EVENTPAYLOAD ? topayload(w, m) : 0;
}


/*
** Is there a document of members in the payload? Not where one member is all of it, nor
** where all are headers.
*/
static int hasdocument (const tl_walk *w, const tl_shape *s) {
  uint32_t headers = 0;
  for (uint32_t i = 0; i < s->count; i++) {
    const tl_member *m = tl_memberat(w, s, i);
    if (m->flags & TL_M_EVENTPAYLOAD) return 0;
    headers += (m->flags & TL_M_EVENTHEADER) != 0;
  }
  return s->count == 0 || headers < s->count;
}


/* One event of the union, its members at the top. */
static int event (tl_walk *w, const tl_member *m, void *ud) {
  const tl_shape *s = tl_shapeof(w, m);
  int *events = ud;
  if (++*events > 1) return 0;
  if (s->flags & TL_S_EXCEPTION) return tl_fault(w, "is an error, which only the service sends");
  addtext(w->L, ":message-type", "event");
  addtext(w->L, ":event-type", tl_modelstr(w->model, m->name, NULL));
  if (tl_members(w, s, member, NULL) != 0) return -1;
  if (!hasdocument(w, s)) return 0;
  addtext(w->L, ":content-type", contenttype(w->model));
  return tl_eventformat(w->model)->encode(w, s, m);
}


static int fault (lua_State *L, const tl_walk *w) {
  lua_settop(L, EVENT);
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  lua_pushstring(L, w->path);
  lua_setfield(L, -2, "path");
  lua_pushstring(L, w->why);
  lua_setfield(L, -2, "message");
  return 2;
}


/*
** eventbody.encode(op, event) -> message | nil, fault. event = {NAME = {members}},
** one of those that the operation's input streams; the message is for
** eventstream.encode; fault = {path =, message =}.
*/
int tl_eventencode (lua_State *L) {
  tl_walk w = {.L = L};
  const tl_shape *s;
  int events = 0, bad;
  w.op = tl_checkop(L, 1, &w.model);
  lua_settop(L, EVENT);
  s = tl_eventstream(&w, w.op->input);
  luaL_argcheck(L, s != NULL, 1, "not an operation that takes events");
  lua_createtable(L, 0, 2);
  w.out = tl_bufnew(L);
  lua_createtable(L, 4, 0);
  lua_pushvalue(L, EVENT);
  bad = tl_members(&w, s, event, &events);
  if (bad == 0 && events != 1)
    bad = tl_fault(&w, "must be one event, {NAME = {...}}, and holds %d", events);
  if (bad != 0) return fault(L, &w);
  lua_settop(L, HEADERS);
  lua_setfield(L, MESSAGE, "headers");
  tl_bufpush(L, w.out);
  lua_setfield(L, MESSAGE, "payload");
  tl_buffree(w.out);
  lua_settop(L, MESSAGE);
  return 1;
}

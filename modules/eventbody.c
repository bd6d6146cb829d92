/* eventbody.c -- tidelock.eventbody: what a message of an event stream says, by the model. */
#include <string.h>

#include <lauxlib.h>

#include "eventbody.h"
#include "modules.h"

enum { MESSAGE = 2, OPTIONS, HEADERS, PAYLOAD };   /* stack slots of a call */

typedef struct text { const char *s; size_t len; } text;


const tl_format *tl_eventformat (const tl_model *m) {
  switch (m->h->protocol) {
    case TL_JSON: case TL_REST_JSON: return &tl_json;
    case TL_RPC_CBOR: return &tl_cbor;
    default: return &tl_xml;
  }
}


static int is (text t, const char *word) {
  return t.len == strlen(word) && memcmp(t.s, word, t.len) == 0;
}


/* A header's text, which the headers' table keeps alive; empty where there is none. */
static text header (lua_State *L, const char *name) {
  text t = {"", 0};
  if (lua_getfield(L, HEADERS, name) == LUA_TSTRING) t.s = lua_tolstring(L, -1, &t.len);
  lua_pop(L, 1);
  return t;
}


static text payload (lua_State *L) {
  text t;
  t.s = lua_tolstring(L, PAYLOAD, &t.len);
  return t;
}


static void setname (tl_walk *w, const tl_member *m) {   /* the value is on top, its table below */
  size_t len;
  const char *name = tl_modelstr(w->model, m->name, &len);
  lua_pushlstring(w->L, name, len);
  lua_insert(w->L, -2);
  lua_rawset(w->L, -3);
}

/* ----- one event ----- */

static int frompayload (tl_walk *w, const tl_member *m) {
  const tl_shape *s = tl_shapeof(w, m);
  text t = payload(w->L);
  if (s->type == TL_STRUCTURE) {
    lua_newtable(w->L);
    if (tl_eventformat(w->model)->decode(w, s, t.s, t.len) != 0) return -1;
  }
  else tl_pushstring(w, s, t.s, t.len);
  setname(w, m);
  return 0;
}


static void fromheader (tl_walk *w, const tl_member *m) {
  size_t len;
  const char *wire = tl_modelstr(w->model, m->wire, &len);
  lua_pushlstring(w->L, wire, len);
  if (lua_rawget(w->L, HEADERS) == LUA_TNIL) lua_pop(w->L, 1);
  else setname(w, m);
}


/* Adds to the table on top what the payload holds: one member, or all that are no headers. */
static int readevent (tl_walk *w, const tl_shape *s) {
  uint32_t others = 0;
  text t = payload(w->L);
  for (uint32_t i = 0; i < s->count; i++) {
    const tl_member *m = tl_memberat(w, s, i);
    if (m->flags & TL_M_EVENTPAYLOAD) return frompayload(w, m);
    others += !(m->flags & TL_M_EVENTHEADER);
  }
  return others > 0 ? tl_eventformat(w->model)->decode(w, s, t.s, t.len) : 0;
}


static int readheaders (tl_walk *w, const tl_shape *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    const tl_member *m = tl_memberat(w, s, i);
    if (m->flags & TL_M_EVENTHEADER) fromheader(w, m);
  }
  return 0;
}


/* Pushes the members of a structure that came as a message. */
static int pushevent (tl_walk *w, const tl_shape *s) {
  lua_newtable(w->L);
  readheaders(w, s);
  return readevent(w, s);
}

/* ----- which event ----- */

static const tl_shape *outputof (const tl_walk *w) {
  return w->op->output != TL_NONE ? w->model->shapes + w->op->output : NULL;
}


const tl_shape *tl_eventstream (const tl_walk *w, uint32_t shape) {
  const tl_shape *s = shape != TL_NONE ? w->model->shapes + shape : NULL;
  for (uint32_t i = 0; s != NULL && i < s->count; i++) {
    const tl_shape *each = tl_shapeof(w, tl_memberat(w, s, i));
    if (each->flags & TL_S_EVENTSTREAM && each->type == TL_STRUCTURE) return each;
  }
  return NULL;
}


static const tl_shape *streamof (const tl_walk *w) {
  return tl_eventstream(w, w->op->output);
}


static const tl_member *eventof (const tl_walk *w, const tl_shape *stream, text name) {
  const tl_member *m = tl_findmember(w->model, stream, name.s, name.len);
  if (m == NULL || tl_shapeof(w, m)->type != TL_STRUCTURE) return NULL;
  return m;
}


static void setfield (lua_State *L, const char *key, text t) {
  lua_pushlstring(L, t.s, t.len);
  lua_setfield(L, -2, key);
}


static int broken (tl_walk *w, text name) {
  lua_State *L = w->L;
  lua_settop(L, PAYLOAD);
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  lua_pushliteral(L, "BadResponse");
  lua_setfield(L, -2, "code");
  lua_pushlstring(L, name.s, name.len);
  lua_pushfstring(L, "an event '%s' of the stream can't be read: %s", lua_tostring(L, -1), w->why);
  lua_setfield(L, -3, "message");
  lua_pop(L, 1);
  return 2;
}


/* {SDK_UNKNOWN_MEMBER = {name = ...}}: an event that is younger than this model. */
static int unknown (lua_State *L, text name) {
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, 1);
  setfield(L, "name", name);
  lua_setfield(L, -2, "SDK_UNKNOWN_MEMBER");
  return 1;
}


static int event (tl_walk *w, text name) {
  const tl_member *m = eventof(w, streamof(w), name);
  if (m == NULL) return unknown(w->L, name);
  lua_createtable(w->L, 0, 1);
  if (pushevent(w, tl_shapeof(w, m)) != 0) return broken(w, name);
  setname(w, m);
  return 1;
}


/* The output's own members, where a protocol has no headers for them: before all events. */
static int initial (tl_walk *w, text name) {
  lua_newtable(w->L);
  if (tl_eventformat(w->model)->decode(w, outputof(w), payload(w->L).s, payload(w->L).len) != 0)
    return broken(w, name);
  lua_pushliteral(w->L, "initial");
  return 2;
}

/* ----- errors ----- */

static void unmodelled (tl_walk *w) {   /* adds to the error on top what its body says */
  text t = payload(w->L);
  const tl_format *format = tl_eventformat(w->model);
  if (format == &tl_json) tl_jsonerror(w, t.s, t.len);
  else if (format == &tl_cbor) tl_cborerror(w, t.s, t.len);
  else tl_xmlerror(w, t.s, t.len);
}


static void setmessage (lua_State *L) {   /* of the error below from its detail on top */
  if (lua_getfield(L, -1, "message") != LUA_TSTRING) {
    lua_pop(L, 1);
    lua_getfield(L, -1, "Message");
  }
  if (lua_type(L, -1) == LUA_TSTRING) lua_setfield(L, -3, "message");
  else lua_pop(L, 1);
}


static int exception (tl_walk *w, text name) {
  lua_State *L = w->L;
  const tl_member *m = eventof(w, streamof(w), name);
  lua_pushnil(L);
  lua_createtable(L, 0, 4);
  setfield(L, "code", name);
  if (m == NULL) {
    unmodelled(w);
    return 2;
  }
  if (pushevent(w, tl_shapeof(w, m)) != 0) return broken(w, name);
  setmessage(L);
  lua_setfield(L, -2, "detail");
  return 2;
}


static int failure (lua_State *L) {
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  setfield(L, "code", header(L, ":error-code"));
  setfield(L, "message", header(L, ":error-message"));
  return 2;
}


/*
** eventbody.decode(op, message [, {secrets = bool}]) -> event | nil, error.
** `message` is one of tidelock.eventstream. event = {NAME = {members}}, or
** {SDK_UNKNOWN_MEMBER = {name =}}. The first message may be the output's own
** members instead: then "initial" follows. error = {code =, message =, detail =}
** is what the service sent as one, or says that the message can't be read.
*/
static int eventbody_decode (lua_State *L) {
  tl_walk w = {.L = L};
  text kind;
  w.op = tl_checkop(L, 1, &w.model);
  luaL_checktype(L, MESSAGE, LUA_TTABLE);
  lua_settop(L, OPTIONS);
  w.secrets = lua_istable(L, OPTIONS)
           && (lua_getfield(L, OPTIONS, "secrets"), lua_toboolean(L, -1));
  lua_settop(L, OPTIONS);
  luaL_argcheck(L, streamof(&w) != NULL, 1, "not an operation that answers with events");
  luaL_argcheck(L, lua_getfield(L, MESSAGE, "headers") == LUA_TTABLE
                && lua_getfield(L, MESSAGE, "payload") == LUA_TSTRING, MESSAGE,
                "not a message of an event stream");
  kind = header(L, ":message-type");
  if (is(kind, "error")) return failure(L);
  if (is(kind, "exception")) return exception(&w, header(L, ":exception-type"));
  kind = header(L, ":event-type");
  return is(kind, "initial-response") ? initial(&w, kind) : event(&w, kind);
}

static const luaL_Reg functions[] = {
  {"decode", eventbody_decode}, {"encode", tl_eventencode}, {NULL, NULL}
};

int luaopen_tidelock_eventbody (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

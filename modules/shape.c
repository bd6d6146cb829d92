/* shape.c -- what the records of a shape say, as a plain Lua table. */
#include "shape.h"

#include <lauxlib.h>

static const char *const types[] = {
  "structure", "list", "map", "string", "integer", "long", "float", "double", "boolean", "blob",
  "timestamp", "bigdecimal"
};
static const char *const locations[] = {
  NULL, "uri", "querystring", "header", "headers", "statusCode"
};
static const char *const stamps[] = {NULL, "iso8601", "rfc822", "unixTimestamp"};

typedef struct flagname {
  int flag;
  const char *name;
} flagname;

static const flagname shapeflags[] = {
  {TL_S_SENSITIVE, "sensitive"}, {TL_S_STREAMING, "streaming"}, {TL_S_EVENTSTREAM, "eventstream"},
  {TL_S_DOCUMENT, "document"}, {TL_S_UNION, "union"}, {TL_S_FLATTENED, "flattened"},
  {TL_S_EXCEPTION, "exception"}, {TL_S_FAULT, "fault"}, {TL_S_EVENT, "event"},
  {TL_S_WRAPPER, "wrapper"}, {TL_S_REQUIRES_LENGTH, "requires_length"},
  {TL_S_RETRYABLE, "retryable"}, {TL_S_THROTTLING, "throttling"}, {0, NULL}
};
static const flagname memberflags[] = {
  {TL_M_REQUIRED, "required"}, {TL_M_IDEMPOTENCY, "idempotency"}, {TL_M_SENSITIVE, "sensitive"},
  {TL_M_STREAMING, "streaming"}, {TL_M_FLATTENED, "flattened"}, {TL_M_XMLATTRIBUTE, "attribute"},
  {TL_M_JSONVALUE, "jsonvalue"}, {TL_M_HOSTLABEL, "hostlabel"}, {TL_M_EVENTPAYLOAD, "eventpayload"},
  {TL_M_EVENTHEADER, "eventheader"}, {TL_M_DEPRECATED, "deprecated"}, {0, NULL}
};


void tl_pushmodelstr (lua_State *L, const tl_model *m, uint32_t off) {
  size_t len;
  const char *s = tl_modelstr(m, off, &len);
  if (off == 0) lua_pushnil(L);
  else lua_pushlstring(L, s, len);
}


static void setstr (lua_State *L, const char *key, const tl_model *m, uint32_t off) {
  if (off == 0) return;
  tl_pushmodelstr(L, m, off);
  lua_setfield(L, -2, key);
}


static void setname (lua_State *L, const char *key, const char *name) {
  if (name == NULL) return;
  lua_pushstring(L, name);
  lua_setfield(L, -2, key);
}


static void setint (lua_State *L, const char *key, lua_Integer n, lua_Integer absent) {
  if (n == absent) return;
  lua_pushinteger(L, n);
  lua_setfield(L, -2, key);
}


static void setflags (lua_State *L, int flags, const flagname *names) {
  for (; names->name != NULL; names++) {
    if (!(flags & names->flag)) continue;
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, names->name);
  }
}


static void pushmember (lua_State *L, const tl_model *m, const tl_member *e) {
  lua_createtable(L, 0, 6);
  setstr(L, "name", m, e->name);
  setstr(L, "shape", m, m->shapes[e->shape].name);
  setname(L, "type", types[m->shapes[e->shape].type]);
  setstr(L, "wire", m, e->wire);
  setstr(L, "queryname", m, e->queryname);
  setname(L, "location", locations[e->location]);
  setname(L, "stamp", stamps[e->stamp]);
  setstr(L, "nsuri", m, e->nsuri);
  setstr(L, "nsprefix", m, e->nsprefix);
  setflags(L, e->flags, memberflags);
}


static void setmembers (lua_State *L, const tl_model *m, const tl_shape *s) {
  const tl_member *e = m->members + s->first;
  if (s->type == TL_LIST) setstr(L, "member", m, m->shapes[e[0].shape].name);
  if (s->type == TL_MAP) {
    setstr(L, "key", m, m->shapes[e[0].shape].name);
    setstr(L, "value", m, m->shapes[e[1].shape].name);
  }
  if (s->count == 0 && s->type != TL_STRUCTURE) return;
  lua_createtable(L, s->count <= INT32_MAX ? (int)s->count : 0, 0);
  for (uint32_t i = 0; i < s->count; i++) {
    pushmember(L, m, &e[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, s->type == TL_STRUCTURE ? "members" : "items");
}


static void setenum (lua_State *L, const tl_model *m, const tl_shape *s) {
  if (s->enums == TL_NONE) return;
  lua_createtable(L, (int)s->nenums, 0);
  for (uint32_t i = 0; i < s->nenums; i++) {
    tl_pushmodelstr(L, m, m->words[s->enums + i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "enum");
}


void tl_pushshape (lua_State *L, const tl_model *m, const tl_shape *s) {
  luaL_checkstack(L, 8, "shape");
  lua_createtable(L, 0, 4);
  setstr(L, "name", m, s->name);
  setname(L, "type", types[s->type]);
  setname(L, "stamp", stamps[s->stamp]);
  setstr(L, "nsuri", m, s->nsuri);
  setstr(L, "nsprefix", m, s->nsprefix);
  setstr(L, "wire", m, s->wire);
  if (s->payload != TL_NONE) setstr(L, "payload", m, m->members[s->payload].name);
  setstr(L, "code", m, s->errorcode);
  setint(L, "status", s->status, 0);
  setint(L, "min", s->min, INT64_MIN);
  setint(L, "max", s->max, INT64_MAX);
  setflags(L, s->flags, shapeflags);
  setenum(L, m, s);
  setmembers(L, m, s);
}

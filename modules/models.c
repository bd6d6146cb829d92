/* models.c -- tidelock.models: AWS services, operations, shapes, from the pack or from bytes. */
#include "models.h"

#include <string.h>

#include <lauxlib.h>

#include "fail.h"
#include "json.h"
#include "modules.h"
#include "pack.h"
#include "shape.h"

#define SERVICE "tidelock.models.service"
#define OP "tidelock.models.op"
#define NOTREAD "the model of %s could not be read: not enough memory, or a damaged program file"

typedef struct service {   /* its compiled bytes follow, aligned to 8, or lie in the pack */
  tl_model model;
} service;

enum {CACHE = 1, OPS, SHAPES};   /* user values of a service: what was already made of it */

typedef struct operation {       /* user values: its service, fields already made */
  const tl_model *model;
  const tl_op *op;
} operation;

typedef struct field {
  const char *name;
  void (*push) (lua_State *L, const operation *o);
} field;

static const char *const protocols[] = {
  "json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"
};

/* ----- values of records ----- */

static void pushshapename (lua_State *L, const tl_model *m, uint32_t shape) {
  if (shape == TL_NONE) lua_pushnil(L);
  else tl_pushmodelstr(L, m, m->shapes[shape].name);
}


/* Pushes the value of a JSON text of the model, nil where there is none. */
static void pushjson (lua_State *L, const tl_model *m, uint32_t off) {
  if (off == 0) {
    lua_pushnil(L);
    return;
  }
  luaL_checkstack(L, 6, "model text");
  lua_getglobal(L, "require");
  lua_pushliteral(L, "tidelock.json");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "decode");
  lua_remove(L, -2);
  tl_pushmodelstr(L, m, off);
  lua_call(L, 1, 1);
  if (lua_isnil(L, -1)) luaL_error(L, "the service model is damaged: a text of it is not JSON");
}


/* ----- shapes ----- */

/* Pushes the description of a shape of the service at `idx`, made once. */
static int cachedshape (lua_State *L, int idx, const tl_model *m, const tl_shape *s) {
  lua_getiuservalue(L, idx, SHAPES);
  if (lua_rawgetp(L, -1, s) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  tl_pushshape(L, m, s);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, -3, s);
  return 1;
}


/* ----- operations ----- */

static operation *checkop (lua_State *L, int idx) {
  return luaL_checkudata(L, idx, OP);
}


const tl_op *tl_checkop (lua_State *L, int idx, const tl_model **m) {
  operation *o = checkop(L, idx);
  *m = o->model;
  return o->op;
}


#define TEXT(field, slot) \
  static void push_##field (lua_State *L, const operation *o) { \
    tl_pushmodelstr(L, o->model, o->op->slot); \
  }
TEXT(name, name)
TEXT(snake, snake)
TEXT(method, method)
TEXT(uri, uri)
TEXT(host_prefix, hostprefix)

#define SHAPE(field) \
  static void push_##field (lua_State *L, const operation *o) { \
    pushshapename(L, o->model, o->op->field); \
  }
SHAPE(input)
SHAPE(output)

#define FLAG(field, bit) \
  static void push_##field (lua_State *L, const operation *o) { \
    lua_pushboolean(L, (o->op->flags & (bit)) != 0); \
  }
FLAG(deprecated, TL_O_DEPRECATED)
FLAG(readonly, TL_O_READONLY)
FLAG(idempotent, TL_O_IDEMPOTENT)
FLAG(no_auth, TL_O_NO_AUTH)
FLAG(unsigned_payload, TL_O_UNSIGNED_PAYLOAD)
FLAG(checksum_required, TL_O_CHECKSUM_REQUIRED)
FLAG(gzip, TL_O_COMPRESS_GZIP)
FLAG(streaming_input, TL_O_INPUT_STREAM)
FLAG(streaming_output, TL_O_OUTPUT_STREAM)
FLAG(event_input, TL_O_INPUT_EVENTS)
FLAG(event_output, TL_O_OUTPUT_EVENTS)


static void push_service (lua_State *L, const operation *o) {
  (void)o;
  lua_getiuservalue(L, 1, 1);
}


static void push_code (lua_State *L, const operation *o) {
  if (o->op->code == 0) lua_pushnil(L);
  else lua_pushinteger(L, o->op->code);
}


static void push_errors (lua_State *L, const operation *o) {
  lua_createtable(L, (int)o->op->nerrors, 0);
  for (uint32_t i = 0; i < o->op->nerrors; i++) {
    pushshapename(L, o->model, o->model->words[o->op->errors + i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}


/* The members of the input that get a fresh token where the caller gives none. */
static void push_idempotency (lua_State *L, const operation *o) {
  const tl_shape *s = o->op->input == TL_NONE ? NULL : &o->model->shapes[o->op->input];
  lua_Integer n = 0;
  lua_newtable(L);
  for (uint32_t i = 0; s != NULL && i < s->count; i++) {
    const tl_member *e = &o->model->members[s->first + i];
    if (!(e->flags & TL_M_IDEMPOTENCY)) continue;
    tl_pushmodelstr(L, o->model, e->name);
    lua_rawseti(L, -2, ++n);
  }
}


/* Pushes what `extra` holds under `key`; the decoded text is kept in the cache. */
static void pushextra (lua_State *L, const operation *o, const char *key) {
  if (o->op->extra == 0) {
    lua_pushnil(L);
    return;
  }
  lua_getiuservalue(L, 1, 2);
  if (lua_rawgetp(L, -1, o->op) != LUA_TTABLE) {
    lua_pop(L, 1);
    pushjson(L, o->model, o->op->extra);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, -3, o->op);
  }
  lua_getfield(L, -1, key);
}

#define EXTRA(field, key) \
  static void push_##field (lua_State *L, const operation *o) { pushextra(L, o, key); }
EXTRA(auth, "auth")
EXTRA(authtype, "authtype")
EXTRA(checksum, "checksum")
EXTRA(compression, "compression")
EXTRA(context_params, "contextParams")
EXTRA(static_params, "staticContextParams")
EXTRA(operation_params, "operationContextParams")
EXTRA(endpoint_discovery, "endpointdiscovery")
EXTRA(endpoint_operation, "endpointoperation")
EXTRA(deprecated_message, "deprecated")

#define FIELD(name) {#name, push_##name}
static const field fields[] = {
  FIELD(name), FIELD(snake), FIELD(service), FIELD(input), FIELD(output), FIELD(method), FIELD(uri),
  FIELD(host_prefix), FIELD(code), FIELD(errors), FIELD(idempotency), FIELD(auth), FIELD(authtype),
  FIELD(no_auth), FIELD(unsigned_payload), FIELD(checksum), FIELD(checksum_required),
  FIELD(context_params), FIELD(static_params), FIELD(operation_params), FIELD(streaming_input),
  FIELD(streaming_output), FIELD(event_input), FIELD(event_output), FIELD(readonly),
  FIELD(idempotent), FIELD(gzip), FIELD(compression), FIELD(endpoint_discovery),
  FIELD(endpoint_operation), FIELD(deprecated), FIELD(deprecated_message), {NULL, NULL}
};


/* Methods come from upvalue 1; fields are made on demand, and kept where they cost a table. */
static int op_index (lua_State *L) {
  operation *o = checkop(L, 1);
  const char *key;
  lua_settop(L, 2);
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  lua_getiuservalue(L, 1, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, 4) != LUA_TNIL) return 1;
  key = lua_tostring(L, 2);
  for (const field *f = fields; f->name != NULL; f++) {
    if (strcmp(f->name, key) != 0) continue;
    f->push(L, o);
    if (!lua_istable(L, -1)) return 1;
    lua_pushvalue(L, -1);
    lua_setfield(L, 4, key);
    return 1;
  }
  return 0;
}


static int opshape (lua_State *L, uint32_t shape) {
  operation *o = checkop(L, 1);
  if (shape == TL_NONE) return 0;
  lua_getiuservalue(L, 1, 1);
  return cachedshape(L, lua_gettop(L), o->model, &o->model->shapes[shape]);
}


static int op_input_shape (lua_State *L) {
  return opshape(L, checkop(L, 1)->op->input);
}


static int op_output_shape (lua_State *L) {
  return opshape(L, checkop(L, 1)->op->output);
}


static int op_tostring (lua_State *L) {
  operation *o = checkop(L, 1);
  lua_getiuservalue(L, 1, 1);
  lua_getiuservalue(L, -1, CACHE);
  lua_getfield(L, -1, "name");
  lua_pushfstring(L, "%s.%s", lua_tostring(L, -1), tl_modelstr(o->model, o->op->snake, NULL));
  return 1;
}


/* Pushes the operation of the service at `idx`, always the same userdata. */
static int pushop (lua_State *L, int idx, const tl_model *m, const tl_op *op) {
  operation *o;
  lua_getiuservalue(L, idx, OPS);
  if (lua_rawgetp(L, -1, op) != LUA_TNIL) return 1;
  o = lua_newuserdatauv(L, sizeof *o, 2);
  o->model = m;
  o->op = op;
  lua_pushvalue(L, idx);
  lua_setiuservalue(L, -2, 1);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 2);
  luaL_setmetatable(L, OP);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, -4, op);
  return 1;
}


/* ----- services ----- */

static const tl_model *checkservice (lua_State *L, int idx) {
  return &((service *)luaL_checkudata(L, idx, SERVICE))->model;
}


/* Pushes a service with room for `size` bytes of model: it gets its metatable when it is open. */
static service *newservice (lua_State *L, size_t size) {
  service *s;
  if (size > (size_t)-1 - sizeof *s) luaL_error(L, "not enough memory");
  s = lua_newuserdatauv(L, sizeof *s + size, 3);
  s->model.bytes = (const char *)(s + 1);
  s->model.size = size;
  for (int i = CACHE; i <= SHAPES; i++) {
    lua_newtable(L);
    lua_setiuservalue(L, -2, i);
  }
  return s;
}


/* Gives the service on top of the stack, which is open, its name and its metatable. */
static void finishservice (lua_State *L, const char *name) {
  lua_getiuservalue(L, -1, CACHE);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  lua_pop(L, 1);
  luaL_setmetatable(L, SERVICE);
}


/* Methods come from upvalue 1, then what is cached, then what is made on demand. */
static int service_index (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  const char *key;
  lua_settop(L, 2);
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  lua_getiuservalue(L, 1, CACHE);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, 4) != LUA_TNIL) return 1;
  key = lua_tostring(L, 2);
  if (strcmp(key, "metadata") == 0) {
    pushjson(L, m, m->h->metadata);
    lua_pushvalue(L, -1);
    lua_setfield(L, 4, key);
  }
  else if (strcmp(key, "protocol") == 0) lua_pushstring(L, protocols[m->h->protocol]);
  else if (strcmp(key, "api_version") == 0) tl_pushmodelstr(L, m, m->h->apiversion);
  else return 0;
  return 1;
}


static int service_operations (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  lua_createtable(L, (int)m->h->nops, 0);
  for (uint32_t i = 0; i < m->h->nops; i++) {
    tl_pushmodelstr(L, m, m->ops[i].name);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}


static int service_shapes (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  lua_createtable(L, (int)m->h->nshapes, 0);
  for (uint32_t i = 0; i < m->h->nshapes; i++) {
    tl_pushmodelstr(L, m, m->shapes[i].name);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}


static int service_operation (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  size_t len;
  const char *name = luaL_checklstring(L, 2, &len);
  const tl_op *op = tl_findop(m, name, len);
  return op == NULL ? 0 : pushop(L, 1, m, op);
}


static int service_shape (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  size_t len;
  const char *name = luaL_checklstring(L, 2, &len);
  const tl_shape *s = tl_findshape(m, name, len);
  return s == NULL ? 0 : cachedshape(L, 1, m, s);
}


static int service_endpoint (lua_State *L) {  /* for tidelock.endpoint.load; nil if it has none */
  const tl_model *m = checkservice(L, 1);
  if (m->h->endpointsize == 0) return 0;
  lua_pushlstring(L, m->bytes + m->h->endpoint, m->h->endpointsize);
  return 1;
}


/* Pushes the decoded text at `*off`, an empty table where there is none, made once. */
static int cachedjson (lua_State *L, const tl_model *m, const uint32_t *off) {
  lua_getiuservalue(L, 1, CACHE);
  if (lua_rawgetp(L, -1, off) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  if (*off == 0) lua_newtable(L);
  else pushjson(L, m, *off);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, -3, off);
  return 1;
}


static int service_paginators (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  return cachedjson(L, m, &m->h->paginators);
}


/* paginator(operation) -> its rule or nil, without making tables of all the others. */
static int service_paginator (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  const char *name = luaL_checkstring(L, 2), *text;
  yyjson_read_err err;
  yyjson_doc *doc;
  yyjson_val *rule;
  size_t len;
  text = tl_modelstr(m, m->h->paginators, &len);
  if (len == 0) return 0;
  if ((doc = tl_docparse(L, text, len, &err)) == NULL)
    return luaL_error(L, "the service model is damaged: its paginators are not JSON");
  rule = yyjson_obj_get(yyjson_doc_get_root(doc), name);
  if (rule == NULL || tl_jsonpush(L, rule, 0) != 0) lua_pushnil(L);
  tl_docdrop(L, 3);
  return 1;
}


static int service_waiters (lua_State *L) {
  const tl_model *m = checkservice(L, 1);
  return cachedjson(L, m, &m->h->waiters);
}


static int service_tostring (lua_State *L) {
  checkservice(L, 1);
  lua_getiuservalue(L, 1, CACHE);
  lua_getfield(L, -1, "name");
  lua_pushfstring(L, "service %s", lua_tostring(L, -1));
  return 1;
}


/* ----- the module ----- */

/* The linked pack; raises if there is none, which only the build's own stage tool ever sees. */
static const tl_packheader *checkpack (lua_State *L) {
  const char *why = NULL;
  const tl_packheader *h = tl_packopen(&why);
  if (h == NULL) luaL_error(L, "%s", why);
  return h;
}


static void pushpackstr (lua_State *L, uint32_t off) {
  size_t len;
  const char *s = tl_packstr(off, &len);
  lua_pushlstring(L, s, len);
}


static int models_version (lua_State *L) {  /* version() -> botocore's, the pack's */
  const tl_packheader *h = checkpack(L);
  pushpackstr(L, h->botocore);
  lua_pushinteger(L, h->version);
  return 2;
}


static int models_services (lua_State *L) {
  uint32_t n;
  const tl_packentry *e;
  checkpack(L);
  e = tl_packlist(TL_PACK_SERVICES, &n);
  lua_createtable(L, (int)n, 0);
  for (uint32_t i = 0; i < n; i++) {
    pushpackstr(L, e[i].name);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}


/* Pushes the service of an entry and keeps it in upvalue 1. Large ones are read where they lie. */
static int openentry (lua_State *L, const tl_packentry *e) {
  const char *plain = tl_packplain(e);
  service *s = newservice(L, plain != NULL ? 0 : e->size);
  size_t len;
  if (plain != NULL) {
    s->model.bytes = plain;
    s->model.size = e->size;
  }
  else if (tl_packinflate(e, s + 1) != 0) return luaL_error(L, NOTREAD, tl_packstr(e->name, &len));
  if (tl_modeltrust(&s->model) != NULL) return luaL_error(L, NOTREAD, tl_packstr(e->name, &len));
  finishservice(L, tl_packstr(e->name, &len));
  lua_pushvalue(L, -1);
  lua_rawsetp(L, lua_upvalueindex(1), e);
  return 1;
}


static int models_service (lua_State *L) {  /* service(name) -> service | nil, err */
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  const tl_packheader *h = checkpack(L);
  const tl_packentry *e = tl_packfind(TL_PACK_SERVICES, name, len);
  if (e == NULL)
    return tl_fail(L, "unknown_service",
                   "there is no AWS service called %s in the models of botocore %s", name,
                   tl_packstr(h->botocore, &len));
  if (lua_rawgetp(L, lua_upvalueindex(1), e) != LUA_TNIL) return 1;
  return openentry(L, e);
}


static void setpackstr (lua_State *L, const char *key, uint32_t off) {
  pushpackstr(L, off);
  lua_setfield(L, -2, key);
}


static int models_info (lua_State *L) {  /* info(name) -> what the directory says of it, or nil */
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  const tl_packentry *e;
  checkpack(L);
  e = tl_packfind(TL_PACK_SERVICES, name, len);
  if (e == NULL) return 0;
  lua_createtable(L, 0, 8);
  setpackstr(L, "name", e->name);
  setpackstr(L, "service_id", e->serviceid);
  setpackstr(L, "full_name", e->fullname);
  setpackstr(L, "endpoint_prefix", e->endpointprefix);
  setpackstr(L, "signing_name", e->signingname);
  setpackstr(L, "api_version", e->apiversion);
  setpackstr(L, "protocol", e->protocol);
  lua_pushinteger(L, e->nops);
  lua_setfield(L, -2, "operations");
  return 1;
}


static int models_data (lua_State *L) {  /* data(name) -> JSON text, or nil */
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  const tl_packentry *e;
  void *out;
  checkpack(L);
  e = tl_packfind(TL_PACK_DATA, name, len);
  if (e == NULL) return 0;
  out = lua_newuserdatauv(L, e->size, 0);
  if (tl_packinflate(e, out) != 0)
    return luaL_error(L, NOTREAD, name);
  lua_pushlstring(L, out, e->size);
  return 1;
}


static int models_load (lua_State *L) {  /* load(bytes [, name]) -> service | nil, err */
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size);
  const char *name = luaL_optstring(L, 2, "loaded");
  service *s = newservice(L, size);
  const char *why;
  memcpy(s + 1, bytes, size);
  why = tl_modelopen(&s->model);
  if (why != NULL) return tl_fail(L, "damaged", "%s", why);
  finishservice(L, name);
  return 1;
}


static const luaL_Reg opmethods[] = {
  {"input_shape", op_input_shape}, {"output_shape", op_output_shape}, {NULL, NULL}
};
static const luaL_Reg servicemethods[] = {
  {"operations", service_operations}, {"operation", service_operation}, {"shape", service_shape},
  {"shapes", service_shapes},
  {"endpoint", service_endpoint}, {"paginator", service_paginator},
  {"paginators", service_paginators}, {"waiters", service_waiters},
  {NULL, NULL}
};
static const luaL_Reg functions[] = {
  {"version", models_version}, {"services", models_services}, {"service", models_service},
  {"info", models_info}, {"data", models_data}, {"load", models_load}, {NULL, NULL}
};


/* A metatable whose __index knows the methods by its upvalue. */
static void newtype (lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction index,
                     lua_CFunction tostring) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
}


int luaopen_tidelock_models (lua_State *L) {
  newtype(L, OP, opmethods, op_index, op_tostring);
  newtype(L, SERVICE, servicemethods, service_index, service_tostring);
  luaL_newlibtable(L, functions);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 1);
  return 1;
}

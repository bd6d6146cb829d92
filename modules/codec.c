/* codec.c -- tidelock.codec: a call's input to a request, the answer to output, by the model. */
#include "codec.h"

#include <string.h>

#include <lauxlib.h>

#include "json.h"
#include "modules.h"
#include "restcodec.h"

#define LONGBODY 4096     /* bytes from which names are kept while decoding */

typedef struct protocol {
  const tl_format *format;
  int rest;                   /* members may stand in the URI, the query string and headers */
  const char *contenttype;    /* of a body of members; NULL: none is sent */
} protocol;

static const protocol protocols[] = {
  [TL_JSON]      = {&tl_json, 0, NULL},   /* its version is part of the type: see rpcheaders */
  [TL_QUERY]     = {&tl_query, 0, "application/x-www-form-urlencoded"},
  [TL_EC2]       = {&tl_ec2, 0, "application/x-www-form-urlencoded"},
  [TL_REST_JSON] = {&tl_json, 1, "application/json"},
  [TL_REST_XML]  = {&tl_xml, 1, "application/xml"},
  [TL_RPC_CBOR]  = {&tl_cbor, 0, "application/cbor"}
};


static const protocol *protocolof (const tl_model *m) {
  return &protocols[m->h->protocol];
}


static void setfield (lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

/* ----- encode ----- */

static int fault (lua_State *L, const tl_walk *w) {
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_createtable(L, 0, 2);
  setfield(L, "path", w->path);
  setfield(L, "message", w->why);
  return 2;
}


/* The request's headers are at the top. */
static void rpcheaders (lua_State *L, const tl_model *m, const tl_op *op, const char *contenttype) {
  if (m->h->protocol == TL_JSON) {
    const char *version = tl_modelstr(m, m->h->jsonversion, NULL);
    lua_pushfstring(L, "%s.%s", tl_modelstr(m, m->h->targetprefix, NULL),
                    tl_modelstr(m, op->name, NULL));
    lua_setfield(L, -2, "X-Amz-Target");
    lua_pushfstring(L, "application/x-amz-json-%s", *version ? version : "1.0");
    lua_setfield(L, -2, "Content-Type");
  }
  else if (m->h->protocol != TL_RPC_CBOR || op->input != TL_NONE)
    setfield(L, "Content-Type", contenttype);
  if (m->h->protocol == TL_RPC_CBOR) {
    setfield(L, "smithy-protocol", "rpc-v2-cbor");
    setfield(L, "Accept", "application/cbor");
  }
  if (m->h->flags & TL_H_QUERY_COMPATIBLE) setfield(L, "x-amzn-query-mode", "true");
}


static void rpcpath (lua_State *L, const tl_model *m, const tl_op *op) {
  if (m->h->protocol == TL_RPC_CBOR)
    lua_pushfstring(L, "/service/%s/operation/%s", tl_modelstr(m, m->h->targetprefix, NULL),
                    tl_modelstr(m, op->name, NULL));
  else lua_pushliteral(L, "/");
  lua_setfield(L, -2, "path");
}


/*
** Body and headers of a protocol that has one path for all; the request is at slot
** 3, the buffer at 4.
*/
static int encoderpc (tl_walk *w, const protocol *p) {
  lua_State *L = w->L;
  const tl_shape *s = w->op->input != TL_NONE ? w->model->shapes + w->op->input : NULL;
  int form = w->model->h->protocol == TL_QUERY || w->model->h->protocol == TL_EC2;
  static const tl_shape nothing = {.type = TL_STRUCTURE};
  lua_pushvalue(L, 2);
  /* refuses what is given for nothing */
  if (s == NULL && tl_members(w, &nothing, NULL, NULL) != 0) return -1;
  if (s != NULL || form) { if (p->format->encode(w, s, NULL) != 0) return -1; }
  else if (w->model->h->protocol == TL_JSON) tl_bufstr(w->out, "{}");
  lua_settop(L, 4);
  lua_pushvalue(L, 3);
  rpcpath(L, w->model, w->op);
  setfield(L, "query", "");
  tl_bufpush(L, w->out);
  if (lua_rawlen(L, -1) > 0 || w->model->h->protocol != TL_RPC_CBOR) lua_setfield(L, -2, "body");
  else lua_pop(L, 1);
  lua_newtable(L);
  rpcheaders(L, w->model, w->op, p->contenttype);
  lua_setfield(L, -2, "headers");
  return 0;
}


static int hostprefix (tl_walk *w) {
  if (w->op->hostprefix == 0) return 0;
  lua_pushvalue(w->L, 2);
  if (tl_resthost(w) != 0) return -1;
  lua_setfield(w->L, 3, "host_prefix");
  return 0;
}


/*
** codec.encode(op, input) -> request | nil, fault. request = {method =, path =
** (encoded), query = (encoded, "" for none), headers = {}, body = string or the
** caller's stream or nil, host_prefix = nil or "x."}; fault = {path =, message =}.
*/
static int codec_encode (lua_State *L) {
  tl_walk w = {.L = L};
  const protocol *p;
  int bad;
  w.op = tl_checkop(L, 1, &w.model);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  p = protocolof(w.model);
  w.rest = p->rest;
  lua_createtable(L, 0, 6);
  w.out = tl_bufnew(L);
  bad = p->rest ? tl_restencode(&w, p->format, p->contenttype) : encoderpc(&w, p);
  lua_settop(L, 4);
  if (bad == 0) bad = hostprefix(&w);
  if (bad != 0) return fault(L, &w);
  lua_pushvalue(L, 3);
  setfield(L, "method", tl_modelstr(w.model, w.op->method, NULL));
  tl_buffree(w.out);
  return 1;
}

/* ----- decode ----- */

/* The answer's parts: status, and the body's bytes, which stay on the stack at slot 3. */
static const char *answer (lua_State *L, lua_Integer *status, size_t *len) {
  const char *body;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_getfield(L, 2, "status");
  *status = luaL_checkinteger(L, -1);
  lua_pop(L, 1);
  if (lua_getfield(L, 2, "body") == LUA_TSTRING) body = lua_tolstring(L, -1, len);
  else { body = ""; *len = 0; }
  if (lua_getfield(L, 2, "headers") != LUA_TTABLE) luaL_error(L, "the answer has no headers");
  return body;
}


static int header (lua_State *L, const char *name) {
  if (lua_getfield(L, 4, name) == LUA_TSTRING) return 1;
  lua_pop(L, 1);
  return 0;
}


static void setrequestid (lua_State *L) {
  static const char *const names[] = {"x-amzn-requestid", "x-amz-request-id", "x-amz-id-2"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!header(L, names[i])) continue;
    lua_setfield(L, -2, "request_id");
    return;
  }
}


/* The error table is at the top. "ns#Code:http://..." in a header outranks the body. */
static void codefromheader (lua_State *L) {
  const char *s, *hash, *colon;
  size_t len;
  if (!header(L, "x-amzn-errortype")) return;
  s = lua_tolstring(L, -1, &len);
  if ((colon = memchr(s, ':', len)) != NULL) len = (size_t)(colon - s);
  if ((hash = memrchr(s, '#', len)) != NULL) {
    len -= (size_t)(hash + 1 - s);
    s = hash + 1;
  }
  lua_pushlstring(L, s, len);
  lua_setfield(L, -3, "code");
  lua_pop(L, 1);
}


/* "AWS.SimpleQueueService.NonExistentQueue;Sender": the code that the service's Query form had. */
static void querycompatible (lua_State *L) {
  const char *s, *semicolon;
  size_t len;
  if (!header(L, "x-amzn-query-error")) return;
  s = lua_tolstring(L, -1, &len);
  semicolon = memchr(s, ';', len);
  if (semicolon != NULL && semicolon > s) {
    lua_getfield(L, -2, "code");
    lua_setfield(L, -3, "query_error_code");
    lua_pushlstring(L, s, (size_t)(semicolon - s));
    lua_setfield(L, -3, "code");
    lua_pushstring(L, semicolon + 1);
    lua_setfield(L, -3, "type");
  }
  lua_pop(L, 1);
}


/*
** Emulators and gateways answer JSON services in XML: the first byte decides, not
** the type they claim.
*/
static int errorbody (tl_walk *w, const char *body, size_t len) {
  size_t i = 0;
  while (i < len && strchr(" \t\r\n", body[i]) != NULL && body[i] != '\0') i++;
  if (i == len) return 0;
  if (body[i] == '{') return tl_jsonerror(w, body, len);
  if (body[i] == '<') return tl_xmlerror(w, body, len);
  return (body[i] & 0xe0) == 0xa0 ? tl_cborerror(w, body, len) : 0;   /* a map of CBOR */
}


static int decodeerror (tl_walk *w, lua_Integer status, const char *body, size_t len) {
  lua_State *L = w->L;
  const protocol *p = protocolof(w->model);
  lua_pushnil(L);
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, status);
  lua_setfield(L, -2, "status");
  setrequestid(L);
  codefromheader(L);
  errorbody(w, body, len);
  if (lua_getfield(L, -1, "code") == LUA_TNIL) {
    lua_pushfstring(L, "%I", status);
    lua_setfield(L, -3, "code");
  }
  lua_pop(L, 1);
  if (p->rest) tl_resterrorheaders(w, status);
  querycompatible(L);
  return 2;
}


static int broken (tl_walk *w, lua_Integer status, size_t len) {
  lua_State *L = w->L;
  lua_pushnil(L);
  lua_createtable(L, 0, 4);
  setfield(L, "code", "BadResponse");
  lua_pushinteger(L, status);
  lua_setfield(L, -2, "status");
  lua_pushfstring(L, "the answer (status %I, %d bytes) can't be read: %s", status, (int)len,
                  w->why);
  lua_setfield(L, -2, "message");
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "retryable");
  return 2;
}


/*
** codec.decode(op, response [, {secrets = bool}]) -> output | nil, error.
** `secrets`: sensitive members come as secrets. response = {status =,
** headers = {lower-case names}, body =}; error = {code =, message =, status =,
** request_id =, detail = the modelled members}. Times are seconds since 1970,
** blobs byte strings, members that the model does not know are left out.
*/
static int codec_decode (lua_State *L) {
  tl_walk w = {.L = L};
  lua_Integer status;
  size_t len;
  const char *body;
  const protocol *p;
  const tl_shape *s;
  int bad = 0;
  w.op = tl_checkop(L, 1, &w.model);
  w.secrets = lua_istable(L, 3) && (lua_getfield(L, 3, "secrets"), lua_toboolean(L, -1));
  body = answer(L, &status, &len);
  p = protocolof(w.model);
  w.rest = p->rest;
  if (status >= 300 || status < 200) return decodeerror(&w, status, body, len);
  if (len > LONGBODY) tl_keepnames(&w);
  lua_newtable(L);
  if (w.op->output == TL_NONE) return 1;
  s = w.model->shapes + w.op->output;
  if (p->rest) bad = tl_restdecode(&w, p->format, s, status, body, len);
  else bad = p->format->decode(&w, s, body, len);
  return bad == 0 ? 1 : broken(&w, status, len);
}

static const luaL_Reg functions[] = {
  {"decode", codec_decode}, {"encode", codec_encode}, {NULL, NULL}
};


int luaopen_tidelock_codec (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

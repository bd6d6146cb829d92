/* http.c -- tidelock.http: requests on libcurl's multi interface. */
#include "http.h"

#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#include "fail.h"
#include "modules.h"

#define TRANSFER TL_HTTP_TRANSFER
#define UPLOAD "tidelock.http.upload"

/* ----- the response as Lua values ----- */

static size_t trim (const char **s, const char *end) {
  while (*s < end && isspace((unsigned char)**s)) ++*s;
  while (end > *s && isspace((unsigned char)end[-1])) --end;
  return (size_t)(end - *s);
}


/* One line into the table at the top; a name that came before gets its value joined. */
static void addheader (lua_State *L, char *line, char *end) {
  char *colon = memchr(line, ':', (size_t)(end - line));
  const char *value;
  size_t len;
  if (colon == NULL || colon == line || *line == ' ' || *line == '\t') return;
  for (char *c = line; c < colon; c++) *c = (char)tolower((unsigned char)*c);
  value = colon + 1;
  len = trim(&value, end);
  lua_pushlstring(L, line, (size_t)(colon - line));
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, len);
  }
  else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, len);
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}


static void pushheaders (lua_State *L, char *s, char *end) {
  lua_createtable(L, 0, 8);
  while (s < end) {
    char *next = memchr(s, '\n', (size_t)(end - s));
    next = next ? next + 1 : end;
    addheader(L, s, next);
    s = next;
  }
}


static const char *versionof (tl_transfer *t) {
  long version = CURL_HTTP_VERSION_NONE;
  curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
  return version == CURL_HTTP_VERSION_2_0 ? "2" : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1";
}


/* {status, version, headers}, and the trailers if some came. */
void tl_http_pushhead (lua_State *L, tl_transfer *t) {
  char *s = t->headers.data;
  size_t head = t->headend ? t->headend - 1 : t->headers.len;
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, t->status);
  lua_setfield(L, -2, "status");
  lua_pushstring(L, versionof(t));
  lua_setfield(L, -2, "version");
  pushheaders(L, s, s + head);
  lua_setfield(L, -2, "headers");
  if (t->headers.len == head) return;
  pushheaders(L, s + head, s + t->headers.len);
  lua_setfield(L, -2, "trailers");
}

/* ----- send ----- */

/*
** Begins request 1 with options 2; leaves the transfer's box at 3 and what the
** transfer points into above it. NULL when nil, err was pushed instead.
*/
tl_transfer *tl_http_begin (lua_State *L, tl_httphow how) {
  tl_engine **e = lua_touserdata(L, lua_upvalueindex(1));
  tl_transfer *t;
  lua_settop(L, 2);
  tl_mustwait(L);
  t = tl_engine_acquire(L, *e);
  t->stream = how == TL_HTTP_STREAM || how == TL_HTTP_TALK;
  t->feed = how == TL_HTTP_FEED || how == TL_HTTP_TALK;
  tl_request_read(L, t);
  if (tl_transfer_prepare(t) != CURLE_OK) {
    tl_transfer_fail(L, t);
    return NULL;
  }
  tl_hold(L, &t->wait);
  if ((t->code = tl_engine_start(t)) == CURLE_OK) return t;
  tl_drop(&t->wait);
  tl_transfer_fail(L, t);
  return NULL;
}


static int sent (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = (tl_transfer *)ctx;
  int n = 1;
  (void)status;
  if (t->code != CURLE_OK) n = tl_transfer_fail(L, t);
  else {
    tl_http_pushhead(L, t);
    lua_pushlstring(L, t->data.data ? t->data.data : "", t->data.len);
    lua_setfield(L, -2, "body");
  }
  tl_engine_release(t);
  return n;
}


/*
--- Sends a request and waits for the whole response.
-- request = {method, scheme, host, path, query, headers, body}; body is a string or
-- {path=, offset=, length=}. Returns {status, version, headers, body}, version being HTTP's ("1.0",
-- "1.1", "2"), or nil, {code, message, remedy, sent}.
*/
static int http_send (lua_State *L) {
  tl_transfer *t = tl_http_begin(L, TL_HTTP_WHOLE);
  if (t == NULL) return 2;
  return lua_yieldk(L, 0, (lua_KContext)t, sent);
}

/* ----- open: the body by pieces ----- */

/*
** The response is a table with its transfer's box at 1, which is empty once
** closed or failed, and false there when all was read: NULL is returned then.
*/
static tl_transfer **checkstream (lua_State *L) {
  tl_transfer **box;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_rawgeti(L, 1, 1);
  box = luaL_testudata(L, -1, TRANSFER);
  luaL_argcheck(L, box != NULL || lua_isboolean(L, -1), 1, "not a response of http.open");
  lua_pop(L, 1);
  luaL_argcheck(L, box == NULL || *box == NULL || (*box)->wait.co == NULL, 1,
                "another task reads from this response");
  return box;
}


/* The table at the top gets the box, and what its transfer points into. */
void tl_http_keep (lua_State *L, const char *kind) {
  for (int i = 3, top = lua_gettop(L); i < top; i++) {
    lua_pushvalue(L, i);
    lua_rawseti(L, -2, i - 2);
  }
  luaL_setmetatable(L, kind);
}


/*
** Gives the next piece of the body to the sender; who brought it waits until it is gone,
** and keeps it on its stack as long.
*/
void tl_http_feed (lua_State *L, tl_transfer *t, const char *piece, size_t len) {
  tl_hold(L, t->feeder);
  t->body = piece;
  t->left = len;
  tl_engine_resume(t);
}


static int opened (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = (tl_transfer *)ctx;
  (void)status;
  if (t->code != CURLE_OK && t->headend == 0) {
    int n = tl_transfer_fail(L, t);
    tl_engine_release(t);
    return n;
  }
  tl_http_pushhead(L, t);
  tl_http_keep(L, TL_HTTP_RESPONSE);
  return 1;
}


/*
--- Sends a request and waits for the response's head only: {status, version, headers}, whose
-- :read() gives the body by pieces. The sender is held back while nobody reads.
*/
static int http_open (lua_State *L) {
  tl_transfer *t = tl_http_begin(L, TL_HTTP_STREAM);
  if (t == NULL) return 2;
  return lua_yieldk(L, 0, (lua_KContext)t, opened);
}


/* Pushes up to `n` of the bytes held, and lets the sender go on if there is room again. */
static int take (lua_State *L, tl_transfer **box, size_t n) {
  tl_transfer *t = *box;
  size_t held = t->data.len - t->taken;
  if (n > held) n = held;
  lua_pushlstring(L, t->data.data ? t->data.data + t->taken : "", n);
  t->taken += n;
  t->need = 1;
  if (t->taken == t->data.len || t->taken >= TL_HTTP_WINDOW) {
    t->data.len -= t->taken;
    if (t->data.len > 0) memmove(t->data.data, t->data.data + t->taken, t->data.len);
    t->taken = 0;
  }
  if (t->data.len - t->taken <= TL_HTTP_WINDOW / 2) tl_engine_resume(t);
  return 1;
}


/* Stack: 1 response, 2 what read was asked for. */
static int reading (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer **box = (tl_transfer **)ctx, *t = *box;
  size_t held = t->data.len - t->taken;
  (void)status;
  if (!t->done && held < t->need) {
    tl_hold(L, &t->wait);
    tl_engine_resume(t);
    return lua_yieldk(L, 0, ctx, reading);
  }
  if (t->done && t->code != CURLE_OK && held < t->need) {
    int n = tl_transfer_fail(L, t);
    tl_engine_release(t);
    return n;
  }
  if (held > 0) return take(L, box, lua_isnil(L, 2) ? held : t->need);
  tl_engine_release(t);
  lua_pushboolean(L, 0);
  lua_rawseti(L, 1, 1);
  lua_pushnil(L);
  return 1;
}


/*
--- The next piece of the body; with `n`, exactly `n` bytes unless the end comes first.
-- Returns nil at the end, or nil, err when the body was cut short.
*/
static int response_read (lua_State *L) {
  tl_transfer **box = checkstream(L);
  lua_Integer n = luaL_optinteger(L, 2, 1);
  luaL_argcheck(L, n > 0 && n <= TL_HTTP_MAXBODY, 2, "must be from 1 byte to 64 MB");
  lua_settop(L, 2);
  if (box == NULL) return lua_pushnil(L), 1;
  if (*box == NULL) return tl_fail(L, "closed", "can't read: the response is closed already");
  lua_rawgeti(L, 1, 1);            /* the box stays on the stack while we wait */
  (*box)->need = (size_t)n;
  return reading(L, LUA_OK, (lua_KContext)box);
}


/*
--- Ends the response; what is left of the body is not read, and its connection is closed.
*/
static int response_close (lua_State *L) {
  tl_transfer **box = checkstream(L);
  if (box != NULL && *box != NULL) tl_engine_release(*box);
  return 0;
}

/* ----- upload: the request's body by pieces ----- */

/* The upload is a table with its transfer's box at 1, which is empty once closed or answered. */
static tl_transfer *checkupload (lua_State *L) {
  tl_transfer **box;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_rawgeti(L, 1, 1);
  box = luaL_testudata(L, -1, TRANSFER);
  luaL_argcheck(L, box != NULL, 1, "not an upload");
  lua_pop(L, 1);
  luaL_argcheck(L, *box == NULL || (*box)->wait.co == NULL, 1,
                "another task writes to this upload");
  return *box;
}


static int begun (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = (tl_transfer *)ctx;
  (void)status;
  if (t->code != CURLE_OK) {
    int n = tl_transfer_fail(L, t);
    tl_engine_release(t);
    return n;
  }
  lua_createtable(L, 4, 0);
  tl_http_keep(L, UPLOAD);
  return 1;
}


/*
--- Begins a request whose body, of `request.body.length` bytes, comes by pieces: up:write(piece),
-- and up:finish() for the response. Returns it when the server is there to take it, or nil, err.
*/
static int http_upload (lua_State *L) {
  tl_transfer *t = tl_http_begin(L, TL_HTTP_FEED);
  if (t == NULL) return 2;
  return lua_yieldk(L, 0, (lua_KContext)t, begun);
}


static int wrote (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = (tl_transfer *)ctx;
  (void)status;
  t->body = NULL;                  /* the piece is no longer ours */
  t->left = 0;
  if (t->done && t->code != CURLE_OK) {
    int n = tl_transfer_fail(L, t);
    tl_engine_release(t);
    return n;
  }
  lua_pushboolean(L, !t->done || t->sent == t->length);
  return 1;
}


/*
--- Sends the next piece of the body. True; false where the server has answered before it had all,
-- which finish gives; or nil, err.
*/
static int upload_write (lua_State *L) {
  tl_transfer *t = checkupload(L);
  size_t len;
  const char *piece = luaL_checklstring(L, 2, &len);
  lua_settop(L, 2);
  if (t == NULL) return tl_fail(L, "closed", "can't write: the upload is closed already");
  luaL_argcheck(L, (curl_off_t)len <= t->length - t->sent, 2, "more than the length of the body");
  if (t->done || len == 0) return wrote(L, LUA_OK, (lua_KContext)t);
  tl_http_feed(L, t, piece, len);
  return lua_yieldk(L, 0, (lua_KContext)t, wrote);
}


static int answered (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = (tl_transfer *)ctx;
  if (t->done) return sent(L, status, ctx);
  tl_hold(L, &t->wait);            /* woken for more, and there is none */
  return lua_yieldk(L, 0, ctx, answered);
}


/*
--- Waits for the response: as http.send. The body must be whole, unless the server has answered
-- already.
*/
static int upload_finish (lua_State *L) {
  tl_transfer *t = checkupload(L);
  lua_settop(L, 1);
  if (t == NULL) return tl_fail(L, "closed", "can't finish: the upload is closed already");
  luaL_argcheck(L, t->done || t->sent == t->length, 1, "the body is not whole yet");
  return answered(L, LUA_OK, (lua_KContext)t);
}


static int upload_close (lua_State *L) {
  tl_transfer *t = checkupload(L);
  if (t != NULL) tl_engine_release(t);
  return 0;
}

/* ----- tables ----- */

static const luaL_Reg functions[] = {
  {"converse", tl_http_converse}, {"open", http_open}, {"send", http_send},
  {"upload", http_upload}, {NULL, NULL}
};

static const luaL_Reg methods[] = {
  {"close", response_close}, {"read", response_read}, {NULL, NULL}
};

static const luaL_Reg meta[] = {{"__close", response_close}, {NULL, NULL}};

static const luaL_Reg uploadmethods[] = {
  {"close", upload_close}, {"finish", upload_finish}, {"write", upload_write}, {NULL, NULL}
};

static const luaL_Reg uploadmeta[] = {{"__close", upload_close}, {NULL, NULL}};


static void newclass (lua_State *L, const char *name, const luaL_Reg *of, const luaL_Reg *own) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, of, 0);
  lua_newtable(L);
  luaL_setfuncs(L, own, 0);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}


int luaopen_tidelock_http (lua_State *L) {
  newclass(L, TL_HTTP_RESPONSE, meta, methods);
  newclass(L, UPLOAD, uploadmeta, uploadmethods);
  newclass(L, TL_HTTP_CONVERSATION, tl_http_talkmeta, tl_http_talkmethods);
  luaL_newlibtable(L, functions);
  tl_engine_new(L);
  luaL_setfuncs(L, functions, 1);
  return 1;
}

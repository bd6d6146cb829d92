/* sigv4stream.c -- signatures of a body in pieces: chunks, trailers, events, each on the last. */
#include "sigv4lua.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "armor.h"
#include "secret.h"

#define STREAM "tidelock.sigstream"

#define HASH SHA256_DIGEST_LENGTH
#define CHUNKSIG ";chunk-signature="
#define TRAILERSIG "x-amz-trailer-signature:"

/* User values of a stream; the secret is kept as it was given and read at each signature. */
enum { KEYID = 1, SECRET, REGION, SERVICE, VALUES = SERVICE };

typedef struct stream {
  int64_t time;
  int asymmetric;
  char previous[TL_SIGMAX];
  size_t prevlen;
} stream;


static stream *check (lua_State *L) {
  return luaL_checkudata(L, 1, STREAM);
}


/* Fills the signer from the stream; pushes the values, which anchor what it borrows. */
static tl_sig *begin (lua_State *L, const stream *st, int64_t time) {
  tl_signer *g = lua_touserdata(L, lua_upvalueindex(1));
  tl_sig *s = &g->sig;
  const char *why;
  int i, top = lua_gettop(L);
  luaL_checkstack(L, VALUES + 4, "signing");
  for (i = 1; i <= VALUES; i++) lua_getiuservalue(L, 1, i);
  tl_sigclear(s);
  s->keyid.s = lua_tolstring(L, top + KEYID, &s->keyid.n);
  s->secret.s = tl_tosecret(L, top + SECRET, &s->secret.n);
  s->region.s = lua_tolstring(L, top + REGION, &s->region.n);
  s->service.s = lua_tolstring(L, top + SERVICE, &s->service.n);
  s->asymmetric = st->asymmetric;
  s->time = time;
  why = tl_sigdate(s);
  if (why != NULL) luaL_error(L, "cannot sign: %s", why);
  return s;
}


static void add_hash (tl_buf *b, const void *s, size_t n) {
  unsigned char hash[HASH];
  char hex[2 * HASH];
  tl_sha256(s, n, hash);
  tl_hex(hex, hash, HASH);
  tl_bufadd(b, hex, sizeof hex);
}


/* The lines that all three kinds of string to sign begin with. */
static void add_head (tl_sig *s, const stream *st, const char *kind) {
  tl_buf *b = &s->tosign;
  tl_bufstr(b, s->asymmetric ? "AWS4-ECDSA-P256-SHA256-" : "AWS4-HMAC-SHA256-");
  tl_bufstr(b, kind);
  tl_bufchar(b, '\n');
  tl_bufadd(b, s->date, 16);
  tl_bufchar(b, '\n');
  tl_bufadd(b, s->scope.data, s->scope.len);
  tl_bufchar(b, '\n');
  tl_bufadd(b, st->previous, st->prevlen);
  tl_bufchar(b, '\n');
}


static void end (lua_State *L, stream *st, tl_sig *s) {
  tl_signer *g = lua_touserdata(L, lua_upvalueindex(1));
  const char *why = tl_sigstring(s, &g->keys);
  if (why != NULL) luaL_error(L, "cannot sign: %s", why);
  memcpy(st->previous, s->signature, s->siglen);
  st->prevlen = s->siglen;
}


static void sign_chunk (lua_State *L, stream *st, const char *data, size_t n) {
  tl_sig *s = begin(L, st, st->time);
  add_head(s, st, "PAYLOAD");
  tl_bufstr(&s->tosign, TL_EMPTYHASH "\n");
  add_hash(&s->tosign, data, n);
  end(L, st, s);
}


/* Pairs of a table of strings; the table stays at `idx` and owns them. */
static void add_trailers (lua_State *L, tl_sig *s, int idx) {
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    tl_text name, value;
    luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING, idx,
                  "trailers must be a table of strings by name");
    name.s = lua_tolstring(L, -2, &name.n);
    value.s = lua_tolstring(L, -1, &value.n);
    s->namebytes += name.n;
    tl_pairadd(&s->headers, name, value);
    lua_pop(L, 1);
  }
}


static void sign_trailers (lua_State *L, stream *st, int idx) {
  tl_sig *s = begin(L, st, st->time);
  size_t i;
  add_trailers(L, s, idx);
  tl_signames(s);
  for (i = 0; !s->headers.failed && i < s->headers.n; i++) {
    tl_bufadd(&s->work, s->headers.at[i].name.s, s->headers.at[i].name.n);
    tl_bufchar(&s->work, ':');
    tl_sigtrim(&s->work, s->headers.at[i].value);
    tl_bufchar(&s->work, '\n');
  }
  add_head(s, st, "TRAILER");
  add_hash(&s->tosign, s->work.data, s->work.len);
  end(L, st, s);
}



/*
** SigV4a's signatures vary in length: in a chunk they are filled up, so that its
** length does not.
*/
static void add_signature (tl_buf *b, const stream *st) {
  size_t i;
  tl_bufadd(b, st->previous, st->prevlen);
  for (i = st->prevlen; st->asymmetric && i < TL_SIGMAX; i++) tl_bufchar(b, '*');
}


static int push_signature (lua_State *L, const stream *st) {
  tl_buf *b = tl_bufnew(L);
  add_signature(b, st);
  tl_bufpush(L, b);
  return 1;
}


/* stream:chunk(data) -> signature. The last chunk is the empty one. */
static int stream_chunk (lua_State *L) {
  stream *st = check(L);
  size_t n;
  const char *data = luaL_checklstring(L, 2, &n);
  sign_chunk(L, st, data, n);
  return push_signature(L, st);
}


/* stream:trailer{["x-amz-checksum-crc32c"] = "..."} -> signature, after the empty chunk. */
static int stream_trailer (lua_State *L) {
  stream *st = check(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  sign_trailers(L, st, 2);
  return push_signature(L, st);
}


/*
** stream:event(headers, payload [, time]) -> signature in hexadecimal. `headers` is
** the encoded :date header, `payload` the encoded message inside, `time` its date.
*/
static int stream_event (lua_State *L) {
  stream *st = check(L);
  size_t nh, n;
  const char *headers = luaL_checklstring(L, 2, &nh), *payload = luaL_checklstring(L, 3, &n);
  lua_Integer time = luaL_optinteger(L, 4, st->time);
  tl_sig *s = begin(L, st, time);
  add_head(s, st, "PAYLOAD");
  add_hash(&s->tosign, headers, nh);
  tl_bufchar(&s->tosign, '\n');
  add_hash(&s->tosign, payload, n);
  end(L, st, s);
  lua_pushlstring(L, st->previous, st->prevlen);
  return 1;
}


static void frame (lua_State *L, stream *st, tl_buf *b, const char *data, size_t n) {
  char size[24];
  sign_chunk(L, st, data, n);
  tl_bufadd(b, size, (size_t)snprintf(size, sizeof size, "%zx", n));
  tl_bufstr(b, CHUNKSIG);
  add_signature(b, st);
  tl_bufstr(b, "\r\n");
}


/* stream:frame(data) -> the chunk as aws-chunked sends it; data is not empty. */
static int stream_frame (lua_State *L) {
  stream *st = check(L);
  size_t n;
  const char *data = luaL_checklstring(L, 2, &n);
  tl_buf *b;
  luaL_argcheck(L, n > 0, 2, "an empty chunk ends the body: call finish");
  b = tl_bufnew(L);
  frame(L, st, b, data, n);
  tl_bufadd(b, data, n);
  tl_bufstr(b, "\r\n");
  tl_bufpush(L, b);
  return 1;
}


static void add_trailer_lines (lua_State *L, tl_buf *b, int idx) {
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    size_t nn, nv;
    const char *name = lua_tolstring(L, -2, &nn), *value = lua_tolstring(L, -1, &nv);
    tl_bufadd(b, name, nn);
    tl_bufchar(b, ':');
    tl_bufadd(b, value, nv);
    tl_bufstr(b, "\r\n");
    lua_pop(L, 1);
  }
}


/* stream:finish([trailers]) -> the bytes that end the body: the empty chunk and the trailers. */
static int stream_finish (lua_State *L) {
  stream *st = check(L);
  int trailers = !lua_isnoneornil(L, 2);
  tl_buf *b;
  if (trailers) luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  b = tl_bufnew(L);
  frame(L, st, b, "", 0);
  if (trailers) {
    sign_trailers(L, st, 2);           /* refuses what is not a string */
    add_trailer_lines(L, b, 2);
    tl_bufstr(b, TRAILERSIG);
    add_signature(b, st);
    tl_bufstr(b, "\r\n");
  }
  tl_bufstr(b, "\r\n");
  tl_bufpush(L, b);
  return 1;
}


static const luaL_Reg methods[] = {
  {"chunk", stream_chunk}, {"event", stream_event}, {"finish", stream_finish},
  {"frame", stream_frame}, {"trailer", stream_trailer}, {NULL, NULL}
};


static void take (lua_State *L, int box, int value, int table, const char *name, int secret) {
  lua_getfield(L, table, name);
  if (lua_type(L, -1) != LUA_TSTRING && !(secret && tl_tosecret(L, -1, NULL) != NULL))
    luaL_error(L, "cannot sign a stream: %s must be a string%s, not %s", name,
               secret ? " or a secret" : "", luaL_typename(L, -1));
  lua_setiuservalue(L, box, value);
}


/*
** stream(credentials, options, seed): signs what follows a request whose signature
** is `seed`, each piece on the one before. Credentials and options are sign's.
*/
static int l_stream (lua_State *L) {
  stream *st;
  size_t n;
  const char *seed = luaL_checklstring(L, 3, &n);
  int isnum;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, n <= TL_SIGMAX, 3, "is not a signature");
  lua_settop(L, 3);
  st = lua_newuserdatauv(L, sizeof *st, VALUES);
  *st = (stream){.prevlen = n};
  memcpy(st->previous, seed, n);
  luaL_setmetatable(L, STREAM);
  lua_getfield(L, 2, "region_set");
  st->asymmetric = lua_toboolean(L, -1);
  lua_getfield(L, 2, "time");
  st->time = lua_tointegerx(L, -1, &isnum);
  if (!isnum) return luaL_error(L, "cannot sign a stream: time must be an integer");
  take(L, 4, KEYID, 1, "access_key_id", 0);
  take(L, 4, SECRET, 1, "secret_access_key", 1);
  take(L, 4, REGION, 2, st->asymmetric ? "region_set" : "region", 0);
  take(L, 4, SERVICE, 2, "service", 0);
  lua_settop(L, 4);
  return 1;
}


static lua_Integer framed (lua_Integer n, lua_Integer siglen) {
  char size[24];
  int digits = snprintf(size, sizeof size, "%llx", (unsigned long long)n);
  return digits + (lua_Integer)sizeof CHUNKSIG - 1 + siglen + 2 + n + 2;
}


/*
** framed_length(length, chunk [, trailers [, options]]) -> Content-Length of a body
** of `length` bytes framed `chunk` bytes at a time. Trailers' values count by length.
*/
static int l_framed_length (lua_State *L) {
  lua_Integer length = luaL_checkinteger(L, 1), chunk = luaL_checkinteger(L, 2), total;
  lua_Integer siglen = 2 * HASH;
  luaL_argcheck(L, 0 <= length && length <= (lua_Integer)1 << 50, 1, "is not a length");
  luaL_argcheck(L, chunk >= 1, 2, "must be at least 1");
  if (lua_istable(L, 4)) {
    lua_getfield(L, 4, "region_set");
    if (lua_toboolean(L, -1)) siglen = TL_SIGMAX;
  }
  lua_settop(L, 3);
  total = length / chunk * framed(chunk, siglen) + framed(0, siglen);
  if (length % chunk > 0) total += framed(length % chunk, siglen);
  if (lua_istable(L, 3)) {
    lua_pushnil(L);
    while (lua_next(L, 3)) {
      total += (lua_Integer)lua_rawlen(L, -2) + (lua_Integer)lua_rawlen(L, -1) + 3;
      lua_pop(L, 1);
    }
    total += (lua_Integer)sizeof TRAILERSIG - 1 + siglen + 2;
  }
  lua_pushinteger(L, total);
  return 1;
}


void tl_sigstream_open (lua_State *L) {
  luaL_newmetatable(L, STREAM);
  luaL_newlibtable(L, methods);
  lua_pushvalue(L, -3);                /* the signer */
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, l_stream);
  lua_setfield(L, -3, "stream");
  lua_pushcfunction(L, l_framed_length);
  lua_setfield(L, -3, "framed_length");
}

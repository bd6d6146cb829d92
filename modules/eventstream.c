/* eventstream.c -- tidelock.eventstream: frames of vnd.amazon.eventstream, both ways. */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "buf.h"
#include "crc.h"
#include "fail.h"
#include "modules.h"

/*
** A message: its length and its headers' length, the CRC of these 8 bytes,
** headers, payload, and the CRC of all that. Numbers are big-endian. A header:
** length and bytes of its name, its type, its value.
*/
#define PRELUDE 12
#define FRAME (PRELUDE + 4)            /* bytes that an empty message has */
#define MAXMESSAGE (24u << 20)
#define MAXHEADERS (128u << 10)
#define MAXVALUE 32767                 /* as AWS's own encoders hold it */
#define KEEP (1u << 20)                /* memory that a decoder keeps between messages */
#define DECODER "tidelock.eventstream.decoder"

enum { H_TRUE, H_FALSE, H_BYTE, H_SHORT, H_INT, H_LONG, H_BYTES, H_STRING, H_TIMESTAMP, H_UUID };

static const char *const types[] = {
  "true", "false", "byte", "short", "int", "long", "bytes", "string", "timestamp", "uuid", NULL
};

typedef struct decoder {
  tl_buf rest;                         /* the beginning of a message that is not all here yet */
  const char *code;                    /* what broke the stream, or NULL */
  char why[160];
} decoder;

typedef struct span { const unsigned char *at, *end; } span;


/* ----- numbers ----- */

static uint64_t big (const unsigned char *s, size_t size) {
  uint64_t n = 0;
  for (size_t i = 0; i < size; i++) n = n << 8 | s[i];
  return n;
}


static void putbig (unsigned char *to, uint64_t n, size_t size) {
  for (; size > 0; n >>= 8) to[--size] = (unsigned char)n;
}


static uint32_t crc32 (const unsigned char *s, size_t n) {
  return (uint32_t)tl_crc(TL_CRC32, 0, s, n);
}


/* ----- decode ----- */

static int broken (decoder *d, const char *code, const char *fmt, ...) {
  va_list args;
  d->code = code;
  va_start(args, fmt);
  vsnprintf(d->why, sizeof d->why, fmt, args);
  va_end(args);
  return -1;
}


static int cutheader (decoder *d) {
  return broken(d, "protocol", "a message of the event stream has a header that is cut short");
}


static void pushuuid (lua_State *L, const unsigned char *s) {
  static const char hex[] = "0123456789abcdef";
  char text[36], *to = text;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    *to++ = hex[s[i] >> 4];
    *to++ = hex[s[i] & 15];
  }
  lua_pushlstring(L, text, sizeof text);
}


static void pushtime (lua_State *L, int64_t ms) {
  if (ms % 1000 == 0) lua_pushinteger(L, ms / 1000);
  else lua_pushnumber(L, (lua_Number)ms / 1000);
}


static void pushint (lua_State *L, const unsigned char *s, size_t size) {
  uint64_t sign = (uint64_t)1 << (8 * size - 1);
  lua_pushinteger(L, (lua_Integer)((big(s, size) ^ sign) - sign));
}


/* Pushes the value of `size` bytes. */
static void pushvalue (lua_State *L, int type, const unsigned char *s, size_t size) {
  switch (type) {
    case H_TRUE: case H_FALSE: lua_pushboolean(L, type == H_TRUE); break;
    case H_BYTES: case H_STRING: lua_pushlstring(L, (const char *)s, size); break;
    case H_TIMESTAMP: pushtime(L, (int64_t)big(s, size)); break;
    case H_UUID: pushuuid(L, s); break;
    default: pushint(L, s, size); break;
  }
}


/* Sets one header in the table on top. */
static int readheader (lua_State *L, decoder *d, span *in) {
  static const unsigned char sizes[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};
  size_t left = (size_t)(in->end - in->at), size = in->at[0];
  const unsigned char *name = in->at + 1;
  int type;
  if (size == 0)
    return broken(d, "protocol", "a message of the event stream has a header without a name");
  if (left < 1 + size + 1) return cutheader(d);
  type = name[size];
  if (type > H_UUID)
    return broken(d, "protocol", "a message of the event stream has a header of type %d, which is"
                  " none that AWS documents", type);
  lua_pushlstring(L, (const char *)name, size);
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) != LUA_TNIL)
    return broken(d, "protocol", "a message of the event stream has two headers '%.60s'",
                  lua_tostring(L, -2));
  lua_pop(L, 1);
  in->at = name + size + 1;
  left -= 1 + size + 1;
  size = sizes[type];
  if (type == H_BYTES || type == H_STRING) {
    if (left < 2) return cutheader(d);
    size = big(in->at, 2);
    in->at += 2;
    left -= 2;
  }
  if (left < size) return cutheader(d);
  pushvalue(L, type, in->at, size);
  lua_rawset(L, -3);
  in->at += size;
  return 0;
}


/* Appends the message to the list at the top of the stack; a broken one may leave values there. */
static int readmessage (lua_State *L, decoder *d, const unsigned char *s, size_t total) {
  size_t headers = big(s + 4, 4);
  span in = {s + PRELUDE, s + PRELUDE + headers};
  lua_createtable(L, 0, 2);
  lua_createtable(L, 0, 4);
  while (in.at < in.end)
    if (readheader(L, d, &in) != 0) return -1;
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, (const char *)in.end, total - FRAME - headers);
  lua_setfield(L, -2, "payload");
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  return 0;
}


/* The length of the whole message that the bytes begin with; 0: more are needed; -1: broken. */
static int64_t measure (decoder *d, const unsigned char *s, size_t n) {
  uint32_t total, headers;
  if (n < PRELUDE) return 0;
  total = (uint32_t)big(s, 4);
  headers = (uint32_t)big(s + 4, 4);
  if (crc32(s, 8) != big(s + 8, 4))
    return broken(d, "checksum", "the event stream is damaged: the lengths of a message do not"
                  " match their checksum");
  if (total > MAXMESSAGE)
    return broken(d, "too_large", "a message of the event stream has %u bytes; 24 MB are the most",
                  total);
  if (headers > MAXHEADERS)
    return broken(d, "too_large", "a message of the event stream has %u bytes of headers; 128 KB"
                  " are the most", headers);
  if (total < FRAME || headers > total - FRAME)
    return broken(d, "protocol", "a message of the event stream is of %u bytes, with %u bytes of"
                  " headers: that cannot be", total, headers);
  if (n < total) return 0;
  if (crc32(s, total - 4) != big(s + total - 4, 4))
    return broken(d, "checksum", "the event stream is damaged: a message of %u bytes does not match"
                  " its checksum", total);
  return total;
}


/* Appends every whole message to the list at `list`; returns how many bytes they had. */
static size_t readall (lua_State *L, decoder *d, int list, const unsigned char *s, size_t n) {
  size_t used = 0;
  while (used < n) {
    int64_t total = measure(d, s + used, n - used);
    if (total <= 0 || readmessage(L, d, s + used, (size_t)total) != 0) break;
    used += (size_t)total;
  }
  lua_settop(L, list);
  return used;
}


static void keeprest (decoder *d, const unsigned char *s, size_t n) {
  if (n == 0 && d->rest.size > KEEP) tl_buffree(&d->rest);
  else if (d->rest.len == 0) tl_bufadd(&d->rest, (const char *)s, n);
  else {
    memmove(d->rest.data, s, n);
    d->rest.len = n;
  }
}


static const char nomemory[] = "memory";

/*
** Between two messages the bytes are read where they are; only a rest of one
** is copied. The stream counts as broken meanwhile: a raise leaves it so.
*/
static void feed (lua_State *L, decoder *d, const char *s, size_t n) {
  const unsigned char *from = (const unsigned char *)s;
  size_t used;
  broken(d, nomemory, "the event stream can't go on: memory ran out in the middle of a message");
  if (d->rest.len > 0) {
    tl_bufadd(&d->rest, s, n);
    if (d->rest.failed) luaL_error(L, "not enough memory");
    from = (const unsigned char *)d->rest.data;
    n = d->rest.len;
  }
  used = readall(L, d, lua_gettop(L), from, n);
  if (d->code != nomemory) {
    tl_buffree(&d->rest);
    return;
  }
  keeprest(d, from + used, n - used);
  if (d->rest.failed) luaL_error(L, "not enough memory");
  d->code = NULL;
}


static decoder *checkdecoder (lua_State *L) {
  return luaL_checkudata(L, 1, DECODER);
}


/*** d:feed(bytes) -> list of messages {headers = {name = value}, payload = bytes} | nil, err.
** The bytes may be cut anywhere. Messages before the damage are handed out first;
** the call after that, and every later one, says what is wrong.
*/
static int decoder_feed (lua_State *L) {
  decoder *d = checkdecoder(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  lua_settop(L, 2);
  lua_newtable(L);
  if (d->code == NULL) feed(L, d, s, n);
  if (d->code != NULL && lua_rawlen(L, 3) == 0) return tl_fail(L, d->code, "%s", d->why);
  return 1;
}


/*** d:finish() -> true | nil, err where the stream broke or ended inside of a message. */
static int decoder_finish (lua_State *L) {
  decoder *d = checkdecoder(L);
  if (d->code != NULL) return tl_fail(L, d->code, "%s", d->why);
  if (d->rest.len > 0)
    return tl_fail(L, "closed", "the event stream ended %I bytes into a message: the connection was"
                   " cut", (LUAI_UACINT)d->rest.len);
  lua_pushboolean(L, 1);
  return 1;
}


static int decoder_gc (lua_State *L) {
  tl_buffree(&checkdecoder(L)->rest);
  return 0;
}


/*** eventstream.decoder() -> d, which takes the bytes of one stream. */
static int eventstream_decoder (lua_State *L) {
  decoder *d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = (decoder){0};
  luaL_setmetatable(L, DECODER);
  return 1;
}


/* ----- encode: the name is at -2, the value on top of the stack ----- */

static int wrongheader (lua_State *L, const char *why) {
  return luaL_error(L, "the header '%s' of an event-stream message %s", lua_tostring(L, -2), why);
}


static int typeofvalue (lua_State *L) {
  switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN: return lua_toboolean(L, -1) ? H_TRUE : H_FALSE;
    case LUA_TSTRING: return H_STRING;
    case LUA_TNUMBER: {
      lua_Integer n = lua_tointeger(L, -1);
      if (!lua_isinteger(L, -1)) break;
      return n >= INT32_MIN && n <= INT32_MAX ? H_INT : H_LONG;
    }
    default: break;
  }
  return wrongheader(L, "must be true, false, a whole number or text");
}


static void addbig (tl_buf *b, uint64_t n, size_t size) {
  char *to = tl_bufroom(b, size);
  if (to == NULL) return;
  putbig((unsigned char *)to, n, size);
  b->len += size;
}


static void addtext (lua_State *L, tl_buf *b) {
  size_t len;
  const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
  if (s == NULL) wrongheader(L, "must be text");
  else if (len > MAXVALUE) wrongheader(L, "is longer than 32767 bytes");
  else {
    addbig(b, len, 2);
    tl_bufadd(b, s, len);
  }
}


static void addint (lua_State *L, tl_buf *b, size_t size) {
  int64_t n, most = INT64_MAX >> (64 - 8 * size);
  int isint = 0;
  n = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &isint) : 0;
  if (!isint) wrongheader(L, "must be a whole number");
  if (n > most || n < -most - 1) wrongheader(L, "does not fit in its type");
  addbig(b, (uint64_t)n, size);
}


static void addtime (lua_State *L, tl_buf *b) {
  lua_Number n = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : (lua_Number)NAN;
  if (!(n > -9e15 && n < 9e15)) wrongheader(L, "must be a time in seconds since 1970");
  addbig(b, (uint64_t)llround(n * 1000), 8);
}


static int unhex (char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


static void adduuid (lua_State *L, tl_buf *b) {
  size_t len = 0, at = 0;
  const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";
  unsigned char raw[16];
  for (int i = 0; len == 36 && i < 16; i++, at += 2) {
    int high, low;
    if ((i == 4 || i == 6 || i == 8 || i == 10) && s[at++] != '-') break;
    high = unhex(s[at]);
    low = unhex(s[at + 1]);
    if (high < 0 || low < 0) break;
    raw[i] = (unsigned char)(high << 4 | low);
  }
  if (at != 36) wrongheader(L, "must be a UUID: 8-4-4-4-12 hexadecimal digits");
  tl_bufadd(b, (const char *)raw, sizeof raw);
}


static void addvalue (lua_State *L, tl_buf *b, int type) {
  switch (type) {
    case H_TRUE: case H_FALSE: break;
    case H_BYTE: addint(L, b, 1); break;
    case H_SHORT: addint(L, b, 2); break;
    case H_INT: addint(L, b, 4); break;
    case H_LONG: addint(L, b, 8); break;
    case H_TIMESTAMP: addtime(L, b); break;
    case H_UUID: adduuid(L, b); break;
    default: addtext(L, b); break;
  }
}


static void addheader (lua_State *L, tl_buf *b, int type) {
  size_t len;
  const char *name = lua_tolstring(L, -2, &len);
  if (len == 0 || len > 255)
    luaL_error(L, "a header's name of an event-stream message must have 1 to 255 bytes");
  tl_bufchar(b, (char)len);
  tl_bufadd(b, name, len);
  tl_bufchar(b, (char)type);
  addvalue(L, b, type);
}


static int comparenames (lua_State *L, int a, int b) {
  size_t n, m;
  const char *s = lua_tolstring(L, a, &n), *t = lua_tolstring(L, b, &m);
  int c = memcmp(s, t, n < m ? n : m);
  return c != 0 ? c : n == m ? 0 : n < m ? -1 : 1;
}


/* Stack: name and value of the header before, nil at first; they become the next ones by name. */
static int nextheader (lua_State *L, int headers) {
  int last = lua_gettop(L) - 1;
  lua_pushnil(L);                      /* last + 2: the best name so far */
  for (lua_pushnil(L); lua_next(L, headers); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "the headers' names of an event-stream message must be text");
    if (!lua_isnil(L, last) && comparenames(L, -2, last) <= 0) continue;
    if (lua_isnil(L, last + 2) || comparenames(L, -2, last + 2) < 0) {
      lua_pushvalue(L, -2);
      lua_replace(L, last + 2);
    }
  }
  lua_replace(L, last);
  if (lua_isnil(L, last)) return 0;
  lua_pushvalue(L, last);
  lua_rawget(L, headers);
  lua_replace(L, last + 1);
  return 1;
}


/* {name = value}: in the order of their names, so that the same message gives the same bytes. */
static void addmap (lua_State *L, tl_buf *b, int headers) {
  lua_pushnil(L);
  lua_pushnil(L);
  while (nextheader(L, headers)) addheader(L, b, typeofvalue(L));
  lua_pop(L, 2);
}


/* {{name, value, type}, ...}: as they stand. */
static void addlist (lua_State *L, tl_buf *b, int headers) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, headers);
  for (lua_Integer i = 1; i <= n; i++) {
    int type;
    if (lua_rawgeti(L, headers, i) != LUA_TTABLE || lua_rawgeti(L, -1, 1) != LUA_TSTRING)
      luaL_error(L, "the headers of an event-stream message must be {name = value} or"
                 " {{name, value, type}, ...}");
    lua_rawgeti(L, -2, 3);
    lua_rawgeti(L, -3, 2);
    lua_insert(L, -2);                 /* row, name, value, type */
    type = lua_isnil(L, -1) ? -1 : luaL_checkoption(L, -1, NULL, types);
    lua_pop(L, 1);
    addheader(L, b, type >= 0 ? type : typeofvalue(L));
    lua_pop(L, 3);
  }
}


static void addheaders (lua_State *L, tl_buf *b) {
  int headers;
  lua_getfield(L, 1, "headers");
  headers = lua_gettop(L);
  if (lua_istable(L, headers) && lua_rawlen(L, headers) > 0) addlist(L, b, headers);
  else if (lua_istable(L, headers)) addmap(L, b, headers);
  else if (!lua_isnil(L, headers))
    luaL_error(L, "the headers of an event-stream message must be a table");
  lua_settop(L, headers - 1);
}


static void addpayload (lua_State *L, tl_buf *b) {
  size_t len;
  const char *s;
  lua_getfield(L, 1, "payload");
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "the payload of an event-stream message must be bytes");
  s = lua_tolstring(L, -1, &len);
  if (s != NULL && len > MAXMESSAGE - FRAME - (b->len - PRELUDE))
    luaL_error(L, "the event-stream message is larger than 24 MB");
  if (s != NULL) tl_bufadd(b, s, len);
  lua_pop(L, 1);
}


static void seal (tl_buf *b, size_t headers) {
  unsigned char *s = (unsigned char *)b->data;
  putbig(s, b->len + 4, 4);
  putbig(s + 4, headers, 4);
  putbig(s + 8, crc32(s, 8), 4);
  addbig(b, crc32(s, b->len), 4);
}


/*** eventstream.encode(message) -> bytes. `message` is {headers =, payload =}, both optional;
** headers are {name = value} (booleans, whole numbers, text), or a list of {name, value, type}
** where order or type matters: byte, short, int, long, bytes, string, timestamp (seconds), uuid.
*/
static int eventstream_encode (lua_State *L) {
  tl_buf *b;
  size_t headers;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  b = tl_bufnew(L);
  addbig(b, 0, PRELUDE);
  addheaders(L, b);
  if (b->failed) return luaL_error(L, "not enough memory");
  headers = b->len - PRELUDE;
  if (headers > MAXHEADERS)
    return luaL_error(L, "the event-stream message has more than 128 KB of headers");
  addpayload(L, b);
  if (tl_bufroom(b, 4) != NULL) seal(b, headers);
  tl_bufpush(L, b);
  tl_buffree(b);
  return 1;
}


static const luaL_Reg functions[] = {
  {"decoder", eventstream_decoder}, {"encode", eventstream_encode}, {NULL, NULL}
};

static const luaL_Reg methods[] = {
  {"feed", decoder_feed}, {"finish", decoder_finish}, {NULL, NULL}
};


int luaopen_tidelock_eventstream (lua_State *L) {
  luaL_newmetatable(L, DECODER);
  lua_pushcfunction(L, decoder_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}

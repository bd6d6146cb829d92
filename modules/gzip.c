/* gzip.c -- tidelock.gzip: gzip of whole strings, for requests that services take compressed. */
#define ZLIB_CONST                 /* inputs are not written to */

#include <limits.h>

#include <lauxlib.h>
#include <zlib.h>

#include "fail.h"
#include "modules.h"

#define DEFLATE "tidelock.gzip.deflate"
#define INFLATE "tidelock.gzip.inflate"
#define GZIP (16 + MAX_WBITS)      /* to zlib: with a header and trailer of gzip */
#define HEADER 18                  /* bytes of gzip's header and trailer */


/* A stream that was never begun, or has ended, has no state: ending it again is harmless. */
static int deflate_close (lua_State *L) {
  deflateEnd(luaL_checkudata(L, 1, DEFLATE));
  return 0;
}


static int inflate_close (lua_State *L) {
  inflateEnd(luaL_checkudata(L, 1, INFLATE));
  return 0;
}


static z_stream *newstream (lua_State *L, const char *kind) {
  z_stream *z = lua_newuserdatauv(L, sizeof *z, 0);
  *z = (z_stream){.zalloc = Z_NULL};
  luaL_setmetatable(L, kind);
  return z;
}


/* compress(bytes [, level]) -> gzip. No time and no name in it: the same bytes give the same. */
static int gzip_compress (lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  lua_Integer level = luaL_optinteger(L, 2, Z_DEFAULT_COMPRESSION);
  z_stream *z;
  uLong room;
  void *out;
  luaL_argcheck(L, -1 <= level && level <= 9, 2, "must be a level of gzip, 0 to 9");
  luaL_argcheck(L, len <= INT_MAX, 1, "too long to compress whole");
  z = newstream(L, DEFLATE);
  if (deflateInit2(z, (int)level, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return luaL_error(L, "not enough memory");
  room = deflateBound(z, (uLong)len) + HEADER;
  out = lua_newuserdatauv(L, room, 0);
  z->next_in = (const Bytef *)bytes;
  z->avail_in = (uInt)len;
  z->next_out = out;
  z->avail_out = (uInt)room;
  if (deflate(z, Z_FINISH) != Z_STREAM_END) return luaL_error(L, "gzip could not compress");
  lua_pushlstring(L, out, z->total_out);
  deflateEnd(z);
  return 1;
}


/*
** Runs inflate over all input into `b`, which may not grow past `max`; Z_BUF_ERROR
** says it would.
*/
static int inflate_into (z_stream *z, luaL_Buffer *b, size_t max) {
  size_t had = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    char *to = luaL_prepbuffer(b);
    z->next_out = (Bytef *)to;
    z->avail_out = LUAL_BUFFERSIZE;
    code = inflate(z, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END) return code == Z_BUF_ERROR ? Z_DATA_ERROR : code;
    luaL_addsize(b, LUAL_BUFFERSIZE - z->avail_out);
    had += LUAL_BUFFERSIZE - z->avail_out;
    if (had > max) return Z_BUF_ERROR;
  }
  return code;
}


/* decompress(gzip, max) -> bytes | nil, err: never more than `max` of them */
static int gzip_decompress (lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  lua_Integer max = luaL_checkinteger(L, 2);
  z_stream *z;
  luaL_Buffer b;
  int code;
  luaL_argcheck(L, max >= 0, 2, "must not be negative");
  luaL_argcheck(L, len <= INT_MAX, 1, "too long to decompress whole");
  z = newstream(L, INFLATE);
  if (inflateInit2(z, GZIP) != Z_OK) return luaL_error(L, "not enough memory");
  z->next_in = (const Bytef *)bytes;
  z->avail_in = (uInt)len;
  luaL_buffinit(L, &b);
  code = inflate_into(z, &b, (size_t)max);
  luaL_pushresult(&b);
  inflateEnd(z);
  if (code == Z_STREAM_END && z->avail_in == 0) return 1;
  if (code == Z_MEM_ERROR) return luaL_error(L, "not enough memory");
  if (code == Z_BUF_ERROR)
    return tl_fail(L, "too_large", "the gzip holds more than the %I bytes allowed",
                   (LUAI_UACINT)max);
  return tl_fail(L, "corrupt", code == Z_STREAM_END ? "something follows the end of the gzip"
                                                    : "the bytes are no whole gzip");
}


static const luaL_Reg functions[] = {
  {"compress", gzip_compress}, {"decompress", gzip_decompress}, {NULL, NULL}
};
static const luaL_Reg deflatemeta[] = {{"__gc", deflate_close}, {NULL, NULL}};
static const luaL_Reg inflatemeta[] = {{"__gc", inflate_close}, {NULL, NULL}};


int luaopen_tidelock_gzip (lua_State *L) {
  if (luaL_newmetatable(L, DEFLATE)) luaL_setfuncs(L, deflatemeta, 0);
  if (luaL_newmetatable(L, INFLATE)) luaL_setfuncs(L, inflatemeta, 0);
  lua_settop(L, 0);
  luaL_newlib(L, functions);
  return 1;
}

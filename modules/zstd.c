/* zstd.c -- tidelock.zstd: Zstandard frames, with or without a dictionary that many share. */
#include <stdint.h>

#include <lauxlib.h>
#include <lua.h>
#include <zdict.h>
#include <zstd.h>

#include "fail.h"
#include "modules.h"

#define CCTX "tidelock.zstd.cctx"
#define DCTX "tidelock.zstd.dctx"
#define MAXTRAIN ((lua_Integer)1 << 26)


/*
** A context is far larger than the collector can know from its box, so each is
** freed as soon as it is done with; __gc is for a raise in between.
*/
static void free_cctx (ZSTD_CCtx **box) {
  ZSTD_freeCCtx(*box);
  *box = NULL;
}


static void free_dctx (ZSTD_DCtx **box) {
  ZSTD_freeDCtx(*box);
  *box = NULL;
}


static int cctx_close (lua_State *L) {
  free_cctx(luaL_checkudata(L, 1, CCTX));
  return 0;
}


static int dctx_close (lua_State *L) {
  free_dctx(luaL_checkudata(L, 1, DCTX));
  return 0;
}


static ZSTD_CCtx **newcctx (lua_State *L) {
  ZSTD_CCtx **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, CCTX);
  *box = ZSTD_createCCtx();
  if (*box == NULL) luaL_error(L, "not enough memory");
  return box;
}


static ZSTD_DCtx **newdctx (lua_State *L) {
  ZSTD_DCtx **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, DCTX);
  *box = ZSTD_createDCtx();
  if (*box == NULL) luaL_error(L, "not enough memory");
  return box;
}


static int zstd_compress (lua_State *L) {  /* compress(bytes [, level [, dictionary]]) -> frame */
  size_t len, dictlen, room, n;
  const char *bytes = luaL_checklstring(L, 1, &len);
  lua_Integer level = luaL_optinteger(L, 2, ZSTD_CLEVEL_DEFAULT);
  const char *dict = luaL_optlstring(L, 3, "", &dictlen);
  ZSTD_CCtx **ctx;
  void *out;
  luaL_argcheck(L, 1 <= level && level <= ZSTD_maxCLevel(), 2, "not a level of zstd");
  room = ZSTD_compressBound(len);
  luaL_argcheck(L, !ZSTD_isError(room), 1, "too long for one frame");
  ctx = newcctx(L);
  out = lua_newuserdatauv(L, room, 0);
  n = ZSTD_compress_usingDict(*ctx, out, room, bytes, len, dict, dictlen, (int)level);
  free_cctx(ctx);
  if (ZSTD_isError(n)) return luaL_error(L, "zstd could not compress: %s", ZSTD_getErrorName(n));
  lua_pushlstring(L, out, n);
  return 1;
}


/* decompress(frame, max [, dictionary]) -> bytes | nil, err: never more than `max` of them */
static int zstd_decompress (lua_State *L) {
  size_t len, dictlen, n;
  const char *bytes = luaL_checklstring(L, 1, &len);
  lua_Integer max = luaL_checkinteger(L, 2);
  const char *dict = luaL_optlstring(L, 3, "", &dictlen);
  unsigned long long size = ZSTD_getFrameContentSize(bytes, len);
  ZSTD_DCtx **ctx;
  void *out;
  luaL_argcheck(L, max >= 0, 2, "must not be negative");
  if (size == ZSTD_CONTENTSIZE_ERROR)
    return tl_fail(L, "corrupt", "the bytes do not begin a zstd frame");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) size = (unsigned long long)max;
  if (size > (unsigned long long)max)
    return tl_fail(L, "too_large", "the zstd frame holds more than the %I bytes allowed",
                   (LUAI_UACINT)max);
  ctx = newdctx(L);
  out = lua_newuserdatauv(L, (size_t)size, 0);
  n = ZSTD_decompress_usingDict(*ctx, out, (size_t)size, bytes, len, dict, dictlen);
  free_dctx(ctx);
  if (ZSTD_isError(n))
    return tl_fail(L, "corrupt", "the zstd frame cannot be read: %s", ZSTD_getErrorName(n));
  lua_pushlstring(L, out, n);
  return 1;
}


/* Lays the strings of the list at 1 end to end in `out`, their lengths in `sizes`. */
static void gather (lua_State *L, char *out, size_t *sizes, lua_Integer n) {
  for (lua_Integer i = 1; i <= n; i++) {
    size_t len;
    const char *s;
    lua_rawgeti(L, 1, i);
    s = lua_tolstring(L, -1, &len);
    for (size_t j = 0; j < len; j++) *out++ = s[j];
    sizes[i - 1] = len;
    lua_pop(L, 1);
  }
}


/*
** train(samples, size) -> dictionary | nil, err. For the build alone: libzstd's
** trainer does not look whether its own allocations failed (1.5.4, ZDICT_analyzeEntropy).
*/
static int zstd_train (lua_State *L) {
  lua_Integer size = luaL_checkinteger(L, 2);
  lua_Integer n;
  size_t total = 0, made, *sizes;
  char *samples, *dict;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argcheck(L, 256 <= size && size <= MAXTRAIN, 2, "not a size for a dictionary");
  n = (lua_Integer)lua_rawlen(L, 1);
  luaL_argcheck(L, n <= UINT32_MAX, 1, "too many samples");
  for (lua_Integer i = 1; i <= n; i++) {
    luaL_argcheck(L, lua_rawgeti(L, 1, i) == LUA_TSTRING, 1, "samples must be strings");
    total += lua_rawlen(L, -1);
    lua_pop(L, 1);
  }
  sizes = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *sizes, 0);
  samples = lua_newuserdatauv(L, total + 1, 0);
  dict = lua_newuserdatauv(L, (size_t)size, 0);
  gather(L, samples, sizes, n);
  made = ZDICT_trainFromBuffer(dict, (size_t)size, samples, sizes, (unsigned)n);
  if (ZDICT_isError(made))
    return tl_fail(L, "untrained", "zstd could not make a dictionary of %I samples: %s",
                   (LUAI_UACINT)n, ZDICT_getErrorName(made));
  lua_pushlstring(L, dict, made);
  return 1;
}


static const luaL_Reg functions[] = {
  {"compress", zstd_compress}, {"decompress", zstd_decompress}, {"train", zstd_train}, {NULL, NULL}
};
static const luaL_Reg cctxmeta[] = {{"__gc", cctx_close}, {NULL, NULL}};
static const luaL_Reg dctxmeta[] = {{"__gc", dctx_close}, {NULL, NULL}};


int luaopen_tidelock_zstd (lua_State *L) {
  if (luaL_newmetatable(L, CCTX)) luaL_setfuncs(L, cctxmeta, 0);
  if (luaL_newmetatable(L, DCTX)) luaL_setfuncs(L, dctxmeta, 0);
  lua_settop(L, 0);
  luaL_newlib(L, functions);
  return 1;
}

/* secret.c -- tidelock.secret: bytes that are never printed, and are wiped when dropped. */
#include "secret.h"
#include "modules.h"

#include <string.h>

#include <lauxlib.h>
#include <openssl/crypto.h>

#define SECRET "tidelock.secret"

typedef struct secret {
  size_t len;
  char bytes[];
} secret;


const char *tl_tosecret (lua_State *L, int idx, size_t *len) {
  secret *s;
  if (lua_type(L, idx) == LUA_TSTRING) return lua_tolstring(L, idx, len);
  s = luaL_testudata(L, idx, SECRET);
  if (s == NULL) return NULL;
  if (len != NULL) *len = s->len;
  return s->bytes;
}


static int secret_gc (lua_State *L) {
  secret *s = luaL_checkudata(L, 1, SECRET);
  OPENSSL_cleanse(s->bytes, s->len);
  s->len = 0;
  return 0;
}


static int secret_tostring (lua_State *L) {
  lua_pushliteral(L, "<secret>");
  return 1;
}


static int secret_concat (lua_State *L) {
  return luaL_error(L, "a secret cannot be joined to text, where it would be printed or logged; "
                       "pass it on as it is: what sends it sends its bytes");
}


static int secret_eq (lua_State *L) {
  secret *a = luaL_testudata(L, 1, SECRET), *b = luaL_testudata(L, 2, SECRET);
  lua_pushboolean(L, a != NULL && b != NULL && a->len == b->len &&
                     CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0);
  return 1;
}

static const luaL_Reg meta[] = {
  {"__gc", secret_gc}, {"__close", secret_gc}, {"__tostring", secret_tostring},
  {"__concat", secret_concat}, {"__eq", secret_eq}, {NULL, NULL}
};



/* Registered only when whole: running out of memory half-way must not leave secrets printable. */
static void pushmeta (lua_State *L) {
  if (luaL_getmetatable(L, SECRET) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 7);
  luaL_setfuncs(L, meta, 0);
  lua_pushliteral(L, "secret");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "secret");        /* getmetatable answers this, not the table */
  lua_setfield(L, -2, "__metatable");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, SECRET);
}


char *tl_newsecret (lua_State *L, size_t len) {
  secret *s;
  if (len > (size_t)-1 - sizeof *s) luaL_error(L, "not enough memory");
  s = lua_newuserdatauv(L, sizeof *s + len, 0);
  s->len = len;
  memset(s->bytes, 0, len);
  pushmeta(L);
  lua_setmetatable(L, -2);
  return s->bytes;
}


/* secret.new(text): Lua's own copy of `text` lives until it is collected, so read secrets late. */
static int secret_new (lua_State *L) {
  size_t len;
  const char *s;
  luaL_checktype(L, 1, LUA_TSTRING);
  s = lua_tolstring(L, 1, &len);
  memcpy(tl_newsecret(L, len), s, len);
  return 1;
}


static int secret_reveal (lua_State *L) {
  size_t len;
  const char *s = tl_tosecret(L, 1, &len);
  luaL_argexpected(L, s != NULL, 1, "secret or string");
  lua_pushlstring(L, s, len);
  return 1;
}


static int secret_is (lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, luaL_testudata(L, 1, SECRET) != NULL);
  return 1;
}

static const luaL_Reg functions[] = {
  {"new", secret_new}, {"reveal", secret_reveal}, {"is", secret_is}, {NULL, NULL}
};


int luaopen_tidelock_secret (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

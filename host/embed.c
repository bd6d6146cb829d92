/* embed.c -- `require` for the Lua libraries that host/embed.lua packed and the linker put in. */
#include "embed.h"

#include <stdint.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

/*
** <u32 length of the names>, <u32 length, name, u32 offset, u32 length> for each,
** then the chunks.
*/
extern const char tl_lib[];

typedef struct piece { const char *data; uint32_t len; } piece;

/* Not aligned, hence the copy. */
static const char *number (const char *at, uint32_t *n) {
  memcpy(n, at, sizeof *n);
  return at + sizeof *n;
}


static int find (const char *name, size_t len, piece *code) {
  uint32_t n, offset;
  const char *at = number(tl_lib, &n), *chunks = at + n;
  while (at < chunks) {
    const char *each = number(at, &n);
    at = number(number(each + n, &offset), &code->len);
    code->data = chunks + offset;
    if (n == len && memcmp(each, name, len) == 0) return 1;
  }
  return 0;
}


static int searcher (lua_State *L) {
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  piece code;
  if (!find(name, len, &code)) {
    lua_pushfstring(L, "no module '%s' in the program", name);
    return 1;
  }
  if (luaL_loadbufferx(L, code.data, code.len, name, "b") != LUA_OK) return lua_error(L);
  lua_pushliteral(L, ":embedded:");
  return 2;
}


/* Only preload and this one: no module of the program ever comes from the disk. */
void tl_embed_searcher (lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  lua_pushcfunction(L, searcher);
  lua_rawseti(L, -2, 2);
  for (int i = (int)lua_rawlen(L, -1); i > 2; i--) {
    lua_pushnil(L);
    lua_rawseti(L, -2, i);
  }
  lua_pop(L, 3);
}

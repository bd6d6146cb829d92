/* buf.c -- bytes that grow, owned by a userdata, with an error that sticks. */
#include "buf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#define BUF "tidelock.buf"

void tl_buffree (tl_buf *b) {
  free(b->data);
  *b = (tl_buf){0};
}


void tl_bufclear (tl_buf *b) {
  b->len = 0;
  b->failed = 0;
}


static int buf_gc (lua_State *L) {
  tl_buffree(luaL_checkudata(L, 1, BUF));
  return 0;
}

static const luaL_Reg meta[] = {{"__gc", buf_gc}, {"__close", buf_gc}, {NULL, NULL}};


/*
** Filled before it is registered: a metatable without __gc must not outlive a
** refused allocation.
*/
static void pushmeta (lua_State *L) {
  if (luaL_getmetatable(L, BUF) != LUA_TNIL) return;
  lua_pop(L, 1);
  luaL_newlib(L, meta);
  lua_pushliteral(L, BUF);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, BUF);
}


tl_buf *tl_bufnew (lua_State *L) {
  tl_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (tl_buf){0};
  pushmeta(L);
  lua_setmetatable(L, -2);
  return b;
}


tl_buf *tl_bufcheck (lua_State *L, int idx) {
  return luaL_checkudata(L, idx, BUF);
}


char *tl_bufroom (tl_buf *b, size_t n) {
  size_t size = b->size;
  char *data;
  if (b->failed) return NULL;
  if (size > 0 && n <= size - b->len) return b->data + b->len;
  if (n > SIZE_MAX / 2 - b->len) { b->failed = 1; return NULL; }
  if (size == 0) size = 256;
  while (size < b->len + n) size *= 2;
  data = realloc(b->data, size);
  if (data == NULL) { b->failed = 1; return NULL; }
  b->data = data;
  b->size = size;
  return data + b->len;
}


void tl_bufadd (tl_buf *b, const char *s, size_t n) {
  char *to = n > 0 ? tl_bufroom(b, n) : NULL;
  if (to == NULL) return;
  memcpy(to, s, n);
  b->len += n;
}


void tl_bufstr (tl_buf *b, const char *s) {
  tl_bufadd(b, s, strlen(s));
}


void tl_bufchar (tl_buf *b, char c) {
  tl_bufadd(b, &c, 1);
}


/* By hand: a command to Redis has a number for each of its words, and snprintf takes longer. */
void tl_bufint (tl_buf *b, long long n) {
  char digits[24], *end = digits + sizeof digits, *p = end;
  unsigned long long left = n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n;
  do *--p = (char)('0' + left % 10); while ((left /= 10) != 0);
  if (n < 0) *--p = '-';
  tl_bufadd(b, p, (size_t)(end - p));
}


void tl_bufpush (lua_State *L, tl_buf *b) {
  if (b->failed) luaL_error(L, "not enough memory");
  lua_pushlstring(L, b->data ? b->data : "", b->len);
}

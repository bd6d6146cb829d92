/* jsontext.c -- small pieces of JSON: quoted text, floats, UTF-8, the box of a parsed document. */
#include "json.h"

#include <string.h>

#include <lauxlib.h>

#define DOC "tidelock.json.doc"
#define ARRAY "tidelock.json.array"

/* ----- the box of a document ----- */

void tl_docfree (yyjson_doc **box) {
  yyjson_doc_free(*box);
  *box = NULL;
}


static int doc_gc (lua_State *L) {
  tl_docfree(luaL_checkudata(L, 1, DOC));
  return 0;
}


/* Registered only when whole, so that running out of memory half-way leaves no box without __gc. */
static void pushmeta (lua_State *L) {
  if (luaL_getmetatable(L, DOC) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, doc_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, DOC);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, DOC);
}


yyjson_doc **tl_docnew (lua_State *L) {
  yyjson_doc **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  pushmeta(L);
  lua_setmetatable(L, -2);
  return box;
}


/* ----- the mark of an array ----- */

void tl_pusharraymark (lua_State *L) {
  if (luaL_getmetatable(L, ARRAY) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "json.array");
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, ARRAY);
}


int tl_isarray (lua_State *L, int idx) {
  int is;
  if (!lua_getmetatable(L, idx)) return 0;
  tl_pusharraymark(L);
  is = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is;
}


/* ----- text ----- */

static int tail (unsigned char c) { return (c & 0xC0) == 0x80; }

size_t tl_utf8 (const char *bytes, size_t n) {
  const unsigned char *s = (const unsigned char *)bytes;
  if (n >= 1 && s[0] < 0x80) return 1;
  if (n >= 2 && s[0] >= 0xC2 && s[0] <= 0xDF) return tail(s[1]) ? 2 : 0;
  if (n >= 3 && (s[0] & 0xF0) == 0xE0) {
    int least = s[0] == 0xE0 ? 0xA0 : 0x80, most = s[0] == 0xED ? 0x9F : 0xBF;  /* no surrogates */
    return s[1] >= least && s[1] <= most && tail(s[2]) ? 3 : 0;
  }
  if (n >= 4 && s[0] >= 0xF0 && s[0] <= 0xF4) {
    int least = s[0] == 0xF0 ? 0x90 : 0x80, most = s[0] == 0xF4 ? 0x8F : 0xBF;
    return s[1] >= least && s[1] <= most && tail(s[2]) && tail(s[3]) ? 4 : 0;
  }
  return 0;
}


static int plain (unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}


static void addescape (tl_buf *b, unsigned char c) {
  static const char hex[] = "0123456789abcdef", named[] = "\bb\ff\nn\rr\tt\"\"\\\\";
  char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
  for (const char *p = named; *p != '\0'; p += 2) {
    if ((unsigned char)p[0] != c) continue;
    text[1] = p[1];
    tl_bufadd(b, text, 2);
    return;
  }
  tl_bufadd(b, text, sizeof text);
}


int tl_jsonstring (tl_buf *b, const char *s, size_t len, int replace) {
  size_t i = 0;
  tl_bufchar(b, '"');
  while (i < len) {
    size_t from = i, n;
    while (i < len && plain((unsigned char)s[i])) i++;
    tl_bufadd(b, s + from, i - from);
    if (i == len) break;
    n = tl_utf8(s + i, len - i);
    if (n == 0 && !replace) return -1;
    if (n == 0) tl_bufstr(b, "\xEF\xBF\xBD");
    else if (n == 1) addescape(b, (unsigned char)s[i]);
    else tl_bufadd(b, s + i, n);
    i += n == 0 ? 1 : n;
  }
  tl_bufchar(b, '"');
  return 0;
}


/* yyjson writes the shortest text that reads as the same number, whatever the locale. */
int tl_jsonfloat (tl_buf *b, double n) {
  char room[512];
  yyjson_alc alc;
  yyjson_val v = {0};
  size_t len;
  char *text;
  yyjson_alc_pool_init(&alc, room, sizeof room);
  yyjson_set_real(&v, n);
  text = yyjson_val_write_opts(&v, YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
  if (text == NULL) return -1;
  tl_bufadd(b, text, len);
  return 0;
}


/* Without INSITU yyjson copies the text and never writes to it, hence the cast. */
yyjson_doc *tl_docparse (lua_State *L, const char *s, size_t len, yyjson_read_err *err) {
  yyjson_doc **box = tl_docnew(L);
  *box = yyjson_read_opts((char *)(size_t)s, len, YYJSON_READ_NOFLAG, NULL, err);
  if (*box == NULL && err->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
    luaL_error(L, "not enough memory");
  if (*box == NULL) lua_pop(L, 1);
  return *box;
}


void tl_docdrop (lua_State *L, int idx) {
  tl_docfree(lua_touserdata(L, idx));
}


int tl_isjsonnull (lua_State *L, int idx) {
  return lua_islightuserdata(L, idx) && lua_touserdata(L, idx) == NULL;
}

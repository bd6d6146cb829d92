/*
** cboritem.c -- CBOR (RFC 8949) item by item.
** By hand, and small: libcbor builds a tree of what it reads, an allocation an
** item, and its static archive is not in Debian.
*/
#include "cboritem.h"

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "json.h"

enum { OPEN = 31, ROOM = 1024 };   /* entries that a table gets before they are seen */

static const char cut[] = "it ends in the middle of a value";


int tl_cborfault (tl_cborin *in, const char *why) {
  if (in->why == NULL) in->why = why;
  return -1;
}


/* ----- heads ----- */

static double half (unsigned bits) {
  int exponent = bits >> 10 & 31;
  double mantissa = bits & 1023, n;
  if (exponent == 0) n = ldexp(mantissa, -24);
  else if (exponent < 31) n = ldexp(mantissa + 1024, exponent - 25);
  else n = mantissa == 0 ? (double)INFINITY : (double)NAN;
  return bits & 0x8000 ? -n : n;
}


static double single (uint32_t bits) {
  float n;
  memcpy(&n, &bits, sizeof n);
  return (double)n;
}


static int simple (tl_cborin *in, tl_cboritem *it, int info) {
  switch (info) {
    case 20: it->kind = TL_CB_FALSE; return 0;
    case 21: it->kind = TL_CB_TRUE; return 0;
    case 22: case 23: it->kind = TL_CB_NULL; return 0;   /* 23 is undefined */
    case 25: it->real = half((unsigned)it->n); break;
    case 26: it->real = single((uint32_t)it->n); break;
    case 27: memcpy(&it->real, &it->n, sizeof it->real); break;
    case OPEN: it->kind = TL_CB_BREAK; return 0;
    default:
      if (info == 24 && it->n < 32)
        return tl_cborfault(in, "a simple value has a form it must not have");
      it->kind = TL_CB_SIMPLE;
      return 0;
  }
  it->kind = TL_CB_FLOAT;
  return 0;
}


/* The number behind the first byte, of 1, 2, 4 or 8 bytes. */
static int number (tl_cborin *in, tl_cboritem *it, int info) {
  int size = 1 << (info - 24);
  if (in->end - in->at < size) return tl_cborfault(in, cut);
  it->n = 0;
  while (size-- > 0) it->n = it->n << 8 | *in->at++;
  return 0;
}


/* No length is believed beyond the bytes at hand: an item of an array takes one, a pair two. */
static int inside (tl_cborin *in, tl_cboritem *it) {
  uint64_t left = (uint64_t)(in->end - in->at);
  if (it->open) return it->kind == TL_CB_TAG ? tl_cborfault(in, "a tag has no number") : 0;
  if (it->kind == TL_CB_MAP) left /= 2;
  if (it->kind >= TL_CB_BYTES && it->kind <= TL_CB_MAP && it->n > left)
    return tl_cborfault(in, cut);
  if (it->kind != TL_CB_BYTES && it->kind != TL_CB_TEXT) return 0;
  it->s = (const char *)in->at;
  in->at += it->n;
  return 0;
}


int tl_cborhead (tl_cborin *in, tl_cboritem *it) {
  int info;
  if (in->why != NULL) return -1;
  if (in->at == in->end) return tl_cborfault(in, cut);
  info = *in->at & 31;
  *it = (tl_cboritem){.kind = *in->at >> 5, .n = (uint64_t)info};
  if (info > 27 && info != OPEN) return tl_cborfault(in, "a byte begins no value that CBOR knows");
  in->at++;
  if (info >= 24 && info <= 27 && number(in, it, info) != 0) return -1;
  if (it->kind == 7) return simple(in, it, info);
  it->open = info == OPEN;
  if (it->open && it->kind <= TL_CB_NINT) return tl_cborfault(in, "a whole number has no end");
  return inside(in, it);
}


int tl_cborvalue (tl_cborin *in, tl_cboritem *it) {
  do {
    if (tl_cborhead(in, it) != 0) return -1;
  } while (it->kind == TL_CB_TAG);
  return it->kind != TL_CB_BREAK ? 0 : tl_cborfault(in, "a break stands where a value should");
}


int tl_cborenter (tl_cborin *in) {
  return ++in->depth <= TL_CBORDEPTH ? 0 : tl_cborfault(in, "it is nested more than 64 deep");
}


void tl_cborleave (tl_cborin *in) {
  in->depth--;
}


int tl_cbormore (tl_cborin *in, const tl_cboritem *it, uint64_t *i) {
  if (in->why != NULL) return -1;
  if (!it->open) return (*i)++ < it->n;
  if (in->at == in->end) return tl_cborfault(in, cut);
  if (*in->at != 0xff) return 1;
  in->at++;
  return 0;
}


/* ----- whole items ----- */

/* One piece of a string that comes in pieces. */
static int piece (tl_cborin *in, const tl_cboritem *whole, tl_cboritem *it) {
  if (tl_cborhead(in, it) != 0) return -1;
  if (it->kind == whole->kind && !it->open) return 0;
  return tl_cborfault(in, "a string in pieces has a piece of another kind");
}


static int skippieces (tl_cborin *in, const tl_cboritem *it) {
  tl_cboritem each;
  uint64_t i = 0;
  int more;
  if (!it->open) return 0;
  while ((more = tl_cbormore(in, it, &i)) > 0)
    if (piece(in, it, &each) != 0) return -1;
  return more;
}


static int skipvalue (tl_cborin *in) {
  tl_cboritem it;
  return tl_cborvalue(in, &it) == 0 ? tl_cborskip(in, &it) : -1;
}


int tl_cborskip (tl_cborin *in, const tl_cboritem *it) {
  uint64_t i = 0;
  int more;
  if (it->kind == TL_CB_BYTES || it->kind == TL_CB_TEXT) return skippieces(in, it);
  if (it->kind != TL_CB_ARRAY && it->kind != TL_CB_MAP) return 0;
  if (tl_cborenter(in) != 0) return -1;
  while ((more = tl_cbormore(in, it, &i)) > 0) {
    if (it->kind == TL_CB_MAP && skipvalue(in) != 0) return -1;
    if (skipvalue(in) != 0) return -1;
  }
  tl_cborleave(in);
  return more;
}


int tl_cborstring (lua_State *L, tl_cborin *in, const tl_cboritem *it) {
  luaL_Buffer b;
  tl_cboritem each;
  uint64_t i = 0;
  int more;
  if (!it->open) {
    lua_pushlstring(L, it->s, (size_t)it->n);
    return 0;
  }
  luaL_buffinit(L, &b);
  while ((more = tl_cbormore(in, it, &i)) > 0) {
    if (piece(in, it, &each) != 0) { more = -1; break; }
    luaL_addlstring(&b, each.s, (size_t)each.n);
  }
  luaL_pushresult(&b);
  if (more != 0) lua_pop(L, 1);
  return more;
}


void tl_cborinteger (lua_State *L, const tl_cboritem *it) {
  lua_Integer whole = (lua_Integer)(it->n & INT64_MAX);
  lua_Number far = (lua_Number)it->n;
  if (it->n <= INT64_MAX) lua_pushinteger(L, it->kind == TL_CB_NINT ? -1 - whole : whole);
  else lua_pushnumber(L, it->kind == TL_CB_NINT ? -1 - far : far);
}


static int room (const tl_cboritem *it) {
  return it->open ? 0 : it->n < ROOM ? (int)it->n : ROOM;
}


static int pushvalue (lua_State *L, tl_cborin *in) {
  tl_cboritem it;
  return tl_cborvalue(in, &it) == 0 ? tl_cborpush(L, in, &it) : -1;
}


static int pusharray (lua_State *L, tl_cborin *in, const tl_cboritem *it) {
  uint64_t i = 0;
  lua_Integer n = 0;
  int more;
  lua_createtable(L, room(it), 0);
  while ((more = tl_cbormore(in, it, &i)) > 0) {
    if (pushvalue(L, in) != 0) return -1;
    lua_rawseti(L, -2, ++n);
  }
  tl_pusharraymark(L);
  lua_setmetatable(L, -2);
  return more;
}


static int pushmap (lua_State *L, tl_cborin *in, const tl_cboritem *it) {
  uint64_t i = 0;
  int more;
  lua_createtable(L, 0, room(it));
  while ((more = tl_cbormore(in, it, &i)) > 0) {
    if (pushvalue(L, in) != 0) return -1;
    if (lua_type(L, -1) != LUA_TSTRING && !lua_isinteger(L, -1))
      return tl_cborfault(in, "a map has a key that is neither text nor a whole number");
    if (pushvalue(L, in) != 0) return -1;
    lua_rawset(L, -3);
  }
  return more;
}


/* After a fault values may be left on the stack: whoever called clears it. */
int tl_cborpush (lua_State *L, tl_cborin *in, const tl_cboritem *it) {
  int bad;
  luaL_checkstack(L, 8, "a CBOR value");
  switch (it->kind) {
    case TL_CB_UINT: case TL_CB_NINT: tl_cborinteger(L, it); return 0;
    case TL_CB_BYTES: case TL_CB_TEXT: return tl_cborstring(L, in, it);
    case TL_CB_FALSE: case TL_CB_TRUE: lua_pushboolean(L, it->kind == TL_CB_TRUE); return 0;
    case TL_CB_NULL: lua_pushlightuserdata(L, NULL); return 0;   /* as json.null */
    case TL_CB_FLOAT: lua_pushnumber(L, it->real); return 0;
    case TL_CB_ARRAY: case TL_CB_MAP: break;
    default: return tl_cborfault(in, "it has a simple value that means nothing here");
  }
  if (tl_cborenter(in) != 0) return -1;
  bad = it->kind == TL_CB_ARRAY ? pusharray(L, in, it) : pushmap(L, in, it);
  tl_cborleave(in);
  return bad;
}


/* ----- writing ----- */

static void addhead (tl_buf *b, int major, int info, uint64_t n, int size) {
  char *to = tl_bufroom(b, (size_t)size + 1);
  if (to == NULL) return;
  *to = (char)(major << 5 | info);
  for (int i = size; i > 0; i--, n >>= 8) to[i] = (char)n;
  b->len += (size_t)size + 1;
}


void tl_cboradd (tl_buf *b, tl_cborkind kind, uint64_t n) {
  int major = (int)kind;
  if (kind == TL_CB_FALSE || kind == TL_CB_TRUE) addhead(b, 7, kind == TL_CB_TRUE ? 21 : 20, 0, 0);
  else if (kind == TL_CB_NULL) addhead(b, 7, 22, 0, 0);
  else if (n < 24) addhead(b, major, (int)n, 0, 0);
  else if (n <= UINT8_MAX) addhead(b, major, 24, n, 1);
  else if (n <= UINT16_MAX) addhead(b, major, 25, n, 2);
  else if (n <= UINT32_MAX) addhead(b, major, 26, n, 4);
  else addhead(b, major, 27, n, 8);
}


void tl_cboraddint (tl_buf *b, int64_t n) {
  if (n >= 0) tl_cboradd(b, TL_CB_UINT, (uint64_t)n);
  else tl_cboradd(b, TL_CB_NINT, ~(uint64_t)n);
}


void tl_cboraddfloat (tl_buf *b, float n) {
  uint32_t bits;
  if (n != n) n = NAN;   /* one NaN, whatever the caller's was */
  memcpy(&bits, &n, sizeof bits);
  addhead(b, 7, 26, bits, 4);
}


void tl_cboradddouble (tl_buf *b, double n) {
  uint64_t bits;
  if (n != n) n = (double)NAN;
  memcpy(&bits, &n, sizeof bits);
  addhead(b, 7, 27, bits, 8);
}


void tl_cboraddtext (tl_buf *b, const char *s, size_t len) {
  tl_cboradd(b, TL_CB_TEXT, len);
  tl_bufadd(b, s, len);
}


void tl_cboraddbytes (tl_buf *b, const char *s, size_t len) {
  tl_cboradd(b, TL_CB_BYTES, len);
  tl_bufadd(b, s, len);
}


void tl_cboropenmap (tl_buf *b) {
  addhead(b, TL_CB_MAP, OPEN, 0, 0);
}


void tl_cborclose (tl_buf *b) {
  addhead(b, 7, OPEN, 0, 0);
}

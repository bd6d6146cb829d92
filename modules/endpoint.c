/* endpoint.c -- tidelock.endpoint: runs compiled endpoint rules: parameters in, URL out. */
#include "endpoint.h"
#include "fail.h"
#include "modules.h"

#include <string.h>

#include <lauxlib.h>

#define PROGRAM "tidelock.endpoint"

/* What a run stands on. Strings that it makes stay on the Lua stack until it has ended. */
typedef struct run {
  lua_State *L;
  const tl_eprogram *p;
  tl_evalue regs[TL_E_MAXREGS];
} run;


static const tl_eprogram *checkprogram (lua_State *L, int idx) {
  return luaL_checkudata(L, idx, PROGRAM);
}

/*
** {======================================================
** Operands
** =======================================================
*/

static tl_evalue atregister (run *r, uint32_t payload) {
  return tl_eattribute(r->L, &r->regs[payload & 0xFF], (tl_eattr)(payload >> 8 & 0xFF),
                       (int8_t)(payload >> 16 & 0xFF));
}


static tl_evalue stringat (const run *r, uint32_t off) {
  return (tl_evalue){.kind = TL_V_STRING, .text = tl_estring(r->p, off)};
}


/* Joins a template's pieces; no value where one of them is no text. */
static tl_evalue jointemplate (run *r, const uint32_t *words) {
  tl_text pieces[TL_E_MAXPIECES];
  char small[512], *to = small;
  size_t len = 0, n = words[0], i;
  for (i = 0; i < n; i++) {
    uint32_t payload = words[i + 1] & 0xFFFFFFF;
    tl_evalue v = words[i + 1] >> 28 == TL_E_STRING ? stringat(r, payload) : atregister(r, payload);
    if (v.kind != TL_V_STRING) return (tl_evalue){.kind = TL_V_NONE};
    pieces[i] = v.text;
    len += v.text.len;
  }
  luaL_checkstack(r->L, 8, "endpoint text");
  if (len > sizeof small) to = lua_newuserdatauv(r->L, len, 0);
  for (len = 0, i = 0; i < n; len += pieces[i++].len) memcpy(to + len, pieces[i].s, pieces[i].len);
  return (tl_evalue){.kind = TL_V_STRING, .text = {lua_pushlstring(r->L, to, len), len}};
}


static tl_evalue operand (run *r, uint32_t w) {
  uint32_t payload = w & 0xFFFFFFF;
  switch (w >> 28) {
    case TL_E_STRING: return stringat(r, payload);
    case TL_E_REGISTER: return atregister(r, payload);
    case TL_E_BOOL: return (tl_evalue){.kind = TL_V_BOOL, .n = (int)payload};
    case TL_E_INTEGER:
      return (tl_evalue){.kind = TL_V_INTEGER, .n = (int)payload - (payload >> 27 ? 1 << 28 : 0)};
    case TL_E_TEMPLATE: return jointemplate(r, r->p->words + payload);
    default: return (tl_evalue){.kind = TL_V_NONE};
  }
}

/* }====================================================== */

/*
** {======================================================
** What a run gives
** =======================================================
*/

static void pushvalue (lua_State *L, const tl_evalue *v) {
  switch (v->kind) {
    case TL_V_BOOL: lua_pushboolean(L, v->n); break;
    case TL_V_INTEGER: lua_pushinteger(L, v->n); break;
    case TL_V_STRING: lua_pushlstring(L, v->text.s, v->text.len); break;
    default: lua_pushnil(L);
  }
}


/* Pushes one operand's value and nothing else. */
static void pushoperand (run *r, uint32_t w) {
  int top = lua_gettop(r->L);
  tl_evalue v = operand(r, w);
  pushvalue(r->L, &v);
  if (lua_gettop(r->L) == top + 1) return;
  lua_replace(r->L, top + 1);   /* over what the operand had to make */
  lua_settop(r->L, top + 1);
}


/* Pushes the node at `words` and returns what lies behind it. Depth was bounded at load. */
static const uint32_t *pushnode (run *r, const uint32_t *words) {
  uint32_t w = *words++, n = w & 0xFFFFFFF, i;
  lua_State *L = r->L;
  luaL_checkstack(L, 8, "endpoint properties");
  if (w >> 28 == TL_E_ARRAY) {
    lua_newtable(L);
    for (i = 1; i <= n; i++) {
      words = pushnode(r, words);
      lua_rawseti(L, -2, (lua_Integer)i);
    }
  }
  else if (w >> 28 == TL_E_OBJECT) {
    lua_newtable(L);
    for (i = 0; i < n; i++) {
      tl_text name = tl_estring(r->p, *words++ & 0xFFFFFFF);
      lua_pushlstring(L, name.s, name.len);
      words = pushnode(r, words);
      lua_rawset(L, -3);
    }
  }
  else pushoperand(r, w);
  return words;
}


static void settree (run *r, uint32_t w, const char *name) {
  if (w == TL_E_NONE) lua_newtable(r->L);
  else pushnode(r, r->p->words + (w & 0xFFFFFFF));
  lua_setfield(r->L, -2, name);
}


static int refuse (lua_State *L, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  return 2;
}


static int giveendpoint (run *r, const uint32_t *args) {
  lua_State *L = r->L;
  luaL_checkstack(L, 8, "endpoint");
  lua_createtable(L, 0, 3);
  pushoperand(r, args[0]);
  if (lua_type(L, -1) != LUA_TSTRING)
    return refuse(L, "the rules give an endpoint whose URL has no value");
  lua_setfield(L, -2, "url");
  settree(r, args[1], "properties");
  settree(r, args[2], "headers");
  return 1;
}


static int giveerror (run *r, const uint32_t *args) {
  luaL_checkstack(r->L, 8, "endpoint");
  lua_pushnil(r->L);
  pushoperand(r, args[0]);
  if (lua_type(r->L, -1) != LUA_TSTRING)
    return refuse(r->L, "the rules refuse these parameters without a reason");
  return 2;
}

/* }====================================================== */

/*
** {======================================================
** The run
** =======================================================
*/

static int istrue (const tl_evalue *v) {
  return v->kind == TL_V_BOOL ? v->n : v->kind != TL_V_NONE;
}


/* One instruction of the language; whether the run goes on behind it. */
static int step (run *r, const uint32_t *at) {
  uint32_t w = *at, op = w & 0xFF, flags = w >> 8 & 0xFF, n = w >> 16 & 0xFF, dst = w >> 24, i;
  tl_evalue args[TL_E_MAXARGS], v;
  for (i = 0; i < n; i++) args[i] = operand(r, at[2 + i]);
  v = tl_efunctions[op].call(r->L, args, n);
  if (flags & TL_E_NOT) v = (tl_evalue){.kind = TL_V_BOOL, .n = !istrue(&v)};
  if (dst != TL_E_NOWHERE) r->regs[dst] = v;
  return (flags & TL_E_PLAIN) || istrue(&v);
}


static int execute (run *r) {
  const uint32_t *words = r->p->words, *at = words;
  for (;;) {
    switch (*at & 0xFF) {
      case TL_E_END: return refuse(r->L, "no rule of the service covers these parameters");
      case TL_E_ENDPOINT: return giveendpoint(r, at + 2);
      case TL_E_ERROR: return giveerror(r, at + 2);
      default: at = step(r, at) ? at + 2 + (*at >> 16 & 0xFF) : words + at[1];
    }
  }
}


static const char *const typenames[] = {"string", "boolean", "stringArray"};


/* The value on the top as that parameter; pops it unless it is a list. 0: it is of another type. */
static int readparam (lua_State *L, const tl_eparam *param, tl_evalue *v) {
  switch (param->type) {
    case TL_E_PSTRING:
      if (lua_type(L, -1) != LUA_TSTRING) return 0;
      v->kind = TL_V_STRING;
      v->text.s = lua_tolstring(L, -1, &v->text.len);
      lua_pop(L, 1);                            /* the table of parameters keeps it */
      return 1;
    case TL_E_PBOOLEAN:
      if (!lua_isboolean(L, -1)) return 0;
      *v = (tl_evalue){.kind = TL_V_BOOL, .n = lua_toboolean(L, -1)};
      lua_pop(L, 1);
      return 1;
    default:
      if (!lua_istable(L, -1)) return 0;
      *v = (tl_evalue){.kind = TL_V_LIST, .n = lua_gettop(L)};
      return 1;
  }
}


/* Fills the parameters' registers from the table at index 2. Returns 0, or what refuse gave. */
static int readparams (run *r) {
  lua_State *L = r->L;
  uint32_t i;
  for (i = 0; i < r->p->h->nparams; i++) {
    const tl_eparam *param = &r->p->params[i];
    tl_text name = tl_estring(r->p, param->name);
    luaL_checkstack(L, 8, "endpoint parameters");
    lua_pushlstring(L, name.s, name.len);
    if (lua_rawget(L, 2) != LUA_TNIL) {
      if (readparam(L, param, &r->regs[i])) continue;
      return refuse(L, lua_pushfstring(L, "the endpoint parameter %s must be a %s, not a %s",
                                       name.s, typenames[param->type], luaL_typename(L, -1)));
    }
    lua_pop(L, 1);
    r->regs[i] = operand(r, param->fallback);
    if (param->required && r->regs[i].kind == TL_V_NONE)
      return refuse(L, lua_pushfstring(L, "the endpoint parameter %s is required and has no value",
                                       name.s));
  }
  return 0;
}


static int endpoint_resolve (lua_State *L) {  /* (program, params) -> endpoint | nil, message */
  run r;
  uint32_t i;
  int refused;
  r.L = L;
  r.p = checkprogram(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  for (i = 0; i < r.p->h->nregs; i++) r.regs[i].kind = TL_V_NONE;
  refused = readparams(&r);
  return refused != 0 ? refused : execute(&r);
}

/* }====================================================== */


static int endpoint_load (lua_State *L) {  /* load(bytes) -> program | nil, err */
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size), *why;
  tl_eprogram *p = lua_newuserdatauv(L, sizeof *p + size, 0);
  memcpy(p + 1, bytes, size);
  why = tl_eopen(p, p + 1, size);
  if (why != NULL) return tl_fail(L, "damaged", "the endpoint rules could not be loaded: %s", why);
  luaL_setmetatable(L, PROGRAM);
  return 1;
}


static void setparam (run *r, const tl_eparam *param) {
  lua_State *L = r->L;
  tl_text name = tl_estring(r->p, param->name), builtin = tl_estring(r->p, param->builtin);
  tl_evalue fallback = operand(r, param->fallback);
  lua_createtable(L, 0, 5);
  lua_pushlstring(L, name.s, name.len);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, typenames[param->type]);
  lua_setfield(L, -2, "type");
  lua_pushboolean(L, param->required != 0);
  lua_setfield(L, -2, "required");
  if (builtin.len > 0) {
    lua_pushlstring(L, builtin.s, builtin.len);
    lua_setfield(L, -2, "builtin");
  }
  pushvalue(L, &fallback);
  lua_setfield(L, -2, "default");
}


static int endpoint_params (lua_State *L) {  /* (program) -> {NAME = {name=, type=, ...}} */
  run r;
  uint32_t i;
  r.L = L;
  r.p = checkprogram(L, 1);
  lua_createtable(L, 0, (int)r.p->h->nparams);
  for (i = 0; i < r.p->h->nparams; i++) {
    tl_text name = tl_estring(r.p, r.p->params[i].name);
    lua_pushlstring(L, name.s, name.len);
    setparam(&r, &r.p->params[i]);
    lua_rawset(L, -3);
  }
  return 1;
}


static const luaL_Reg functions[] = {
  {"load", endpoint_load}, {"resolve", endpoint_resolve}, {"params", endpoint_params},
  {"partitions", tl_partitions}, {"partition", tl_partitiontable}, {NULL, NULL}
};


int luaopen_tidelock_endpoint (lua_State *L) {
  luaL_newmetatable(L, PROGRAM);
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}

/* sigv4.c -- tidelock.sigv4: signs requests in place, presigns them, and shows the stages. */
#include "sigv4.h"
#include "modules.h"
#include "secret.h"
#include "sigv4lua.h"

#include <string.h>
#include <strings.h>

#include <lauxlib.h>

#define SIGNER "tidelock.signer"

#define MAXEXPIRES 604800       /* seven days, the longest that AWS accepts */

/* The three tables' fields, read to these stack slots before anything else is done. */
enum {
  REQUEST = 1, CREDENTIALS, OPTIONS,
  METHOD, PATH, QUERY, HOST, SCHEME, BODY, HEADERS,
  KEYID, SECRET, TOKEN,
  REGION, SERVICE, TIME, PAYLOAD, EXPIRES, REGIONSET,
  DOUBLE, NORMALIZE, CONTENTSHA, UNSIGNED, OMITTOKEN, LAST = OMITTOKEN
};

static const struct { int table; const char *name; } fields[] = {
  {REQUEST, "method"}, {REQUEST, "path"}, {REQUEST, "query"}, {REQUEST, "host"},
  {REQUEST, "scheme"}, {REQUEST, "body"}, {REQUEST, "headers"},
  {CREDENTIALS, "access_key_id"}, {CREDENTIALS, "secret_access_key"},
  {CREDENTIALS, "session_token"},
  {OPTIONS, "region"}, {OPTIONS, "service"}, {OPTIONS, "time"}, {OPTIONS, "payload"},
  {OPTIONS, "expires"}, {OPTIONS, "region_set"},
  {OPTIONS, "double_encode"}, {OPTIONS, "normalize"}, {OPTIONS, "content_sha"},
  {OPTIONS, "unsigned"}, {OPTIONS, "omit_token"}
};

static const char *const tables[] = {NULL, "request", "credentials", "options"};


static int wrong (lua_State *L, int slot, const char *want) {
  const char *table = tables[fields[slot - METHOD].table], *name = fields[slot - METHOD].name;
  return luaL_error(L, "cannot sign: %s.%s must be %s, not %s", table, name, want,
                    luaL_typename(L, slot));
}


/* Metamethods may run here and sign something themselves, so the signer is not yet touched. */
static void read_fields (lua_State *L) {
  int i;
  for (i = REQUEST; i <= OPTIONS; i++) luaL_checktype(L, i, LUA_TTABLE);
  lua_settop(L, OPTIONS);
  luaL_checkstack(L, LAST + 8, "signing");
  for (i = METHOD; i <= LAST; i++)
    lua_getfield(L, fields[i - METHOD].table, fields[i - METHOD].name);
}


/* A control character in a value is a stray line end from a file or a shell: it never verifies. */
static void check_clean (lua_State *L, int slot, tl_text s) {
  size_t i;
  unsigned char bad = 0;
  for (i = 0; i < s.n; i++) bad |= (unsigned char)s.s[i] < 32 || s.s[i] == 127;
  if (bad)
    luaL_error(L, "cannot sign: %s.%s holds a line end or another control character; where it "
                  "was copied from, remove it", tables[fields[slot - METHOD].table],
               fields[slot - METHOD].name);
}


static tl_text get_text (lua_State *L, int slot, const char *absent) {
  tl_text s;
  if (absent != NULL && lua_isnil(L, slot)) return (tl_text){absent, strlen(absent)};
  if (lua_type(L, slot) != LUA_TSTRING) wrong(L, slot, "a string");
  s.s = lua_tolstring(L, slot, &s.n);
  return s;
}


static tl_text get_name (lua_State *L, int slot) {
  tl_text s = get_text(L, slot, NULL);
  if (s.n == 0) wrong(L, slot, "filled in");
  check_clean(L, slot, s);
  return s;
}


static tl_text get_secret (lua_State *L, int slot, int optional) {
  tl_text s = {"", 0};
  if (optional && lua_isnil(L, slot)) return s;
  s.s = tl_tosecret(L, slot, &s.n);
  if (s.s == NULL) wrong(L, slot, "a string or a secret");
  if (s.n == 0 && !optional) wrong(L, slot, "filled in");
  check_clean(L, slot, s);
  return s;
}


static int64_t get_integer (lua_State *L, int slot, lua_Integer low, lua_Integer high,
                            const char *want) {
  int isnum;
  lua_Integer v = lua_tointegerx(L, slot, &isnum);
  if (!isnum || lua_type(L, slot) != LUA_TNUMBER || v < low || v > high) wrong(L, slot, want);
  return v;
}


static int get_flag (lua_State *L, int slot, int absent) {
  return lua_isnil(L, slot) ? absent : lua_toboolean(L, slot);
}


/* A port that the scheme implies is not in the Host header that is sent. */
static tl_text sent_host (lua_State *L) {
  tl_text host = get_name(L, HOST), scheme = get_text(L, SCHEME, "https");
  tl_text port = scheme.n == 4 ? TL_TEXT(":80") : TL_TEXT(":443");
  if (host.n > port.n && memcmp(host.s + host.n - port.n, port.s, port.n) == 0) host.n -= port.n;
  return host;
}


static void fill_credentials (lua_State *L, tl_sig *s) {
  s->keyid = get_name(L, KEYID);
  s->secret = get_secret(L, SECRET, 0);
  s->token = get_secret(L, TOKEN, 1);
  s->asymmetric = lua_toboolean(L, REGIONSET);
  s->region = get_name(L, s->asymmetric ? REGIONSET : REGION);
  s->service = get_name(L, SERVICE);
  s->time = get_integer(L, TIME, 0, LUA_MAXINTEGER, "an integer, the seconds since 1970");
}


static void fill_options (lua_State *L, tl_sig *s, int query) {
  if (query) {
    s->flags |= TL_SIG_QUERY;
    s->expires = get_integer(L, EXPIRES, 1, MAXEXPIRES,
                             "an integer from 1 to 604800, the seconds (at most seven days) that "
                             "the URL is good for");
  }
  if (get_flag(L, DOUBLE, 1)) s->flags |= TL_SIG_DOUBLE;
  if (get_flag(L, NORMALIZE, 1)) s->flags |= TL_SIG_NORMALIZE;
  if (get_flag(L, OMITTOKEN, 0)) s->flags |= TL_SIG_OMITTOKEN;
  if (!lua_isnil(L, PAYLOAD)) s->payload = get_name(L, PAYLOAD);
  else if (get_flag(L, UNSIGNED, 0)) s->payload = TL_TEXT("UNSIGNED-PAYLOAD");
  s->content_sha = !query && (get_flag(L, CONTENTSHA, 0) || s->payload.n > 0);
}


/* Drops what the signature replaces, however it is spelt, when `in_place`. */
static void drop (lua_State *L, const tl_sig *s, tl_text name, int in_place) {
  int sha = s->payload.n > 0 && !s->has_sha && name.n == 20 &&
            strncasecmp(name.s, "x-amz-content-sha256", 20) == 0;
  if (!in_place || (!sha && tl_sigrole_of(name) != TL_REPLACE)) return;
  lua_pushvalue(L, -2);
  lua_pushnil(L);
  lua_rawset(L, HEADERS);
}


static void fill_headers (lua_State *L, tl_sig *s, int in_place) {
  if (!lua_istable(L, HEADERS)) wrong(L, HEADERS, "a table");
  lua_pushnil(L);
  while (lua_next(L, HEADERS)) {
    tl_text name, value;
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "cannot sign: request.headers has a %s for a header's name",
                 luaL_typename(L, -2));
    name.s = lua_tolstring(L, -2, &name.n);
    if (lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "cannot sign: request.headers[\"%s\"] must be a string, not %s", name.s,
                 luaL_typename(L, -1));
    value.s = lua_tolstring(L, -1, &value.n);
    if (memchr(value.s, 0, value.n) != NULL || memchr(name.s, 0, name.n) != NULL)
      luaL_error(L, "cannot sign: the header %s holds a NUL, which HTTP cannot carry", name.s);
    drop(L, s, name, in_place);
    tl_sigheader(s, name, value);
    lua_pop(L, 1);
  }
}


static void fill_request (lua_State *L, tl_sig *s, int in_place) {
  s->method = get_name(L, METHOD);
  s->path = get_text(L, PATH, "/");
  check_clean(L, PATH, s->path);
  s->query = get_text(L, QUERY, "");
  check_clean(L, QUERY, s->query);
  s->host = sent_host(L);
  fill_headers(L, s, in_place);
  if (lua_type(L, BODY) == LUA_TSTRING) s->body = get_text(L, BODY, NULL);
  else if (!lua_isnil(L, BODY) && s->payload.n == 0)
    wrong(L, BODY, "a string or nil (for a streamed body, say options.payload or "
                   "options.unsigned)");
}


static tl_sig *run (lua_State *L, int query, int in_place) {
  tl_signer *g = lua_touserdata(L, lua_upvalueindex(1));
  const char *why;
  tl_sigclear(&g->sig);
  fill_credentials(L, &g->sig);
  fill_options(L, &g->sig, query);
  fill_request(L, &g->sig, in_place);
  why = tl_sigrun(&g->sig, &g->keys);
  if (why != NULL) luaL_error(L, "cannot sign: %s", why);
  return &g->sig;
}


static void set (lua_State *L, int table, const char *name, tl_text value) {
  lua_pushstring(L, name);
  lua_pushlstring(L, value.s, value.n);
  lua_rawset(L, table);
}


/* The headers that carry the signature, into the table at `table`. */
static void set_headers (lua_State *L, const tl_sig *s, int table) {
  set(L, table, "X-Amz-Date", (tl_text){s->date, 16});
  if (s->content_sha && !s->has_sha) set(L, table, "X-Amz-Content-SHA256", s->payload);
  if (s->token.n > 0) set(L, table, "X-Amz-Security-Token", s->token);
  if (s->asymmetric) set(L, table, "X-Amz-Region-Set", s->region);
  set(L, table, "Authorization", (tl_text){s->result.data, s->result.len});
}


static int push_signature (lua_State *L, const tl_sig *s) {
  lua_pushlstring(L, s->signature, s->siglen);
  return 1;
}


/*
** sign(request, credentials, options) adds the headers in place and returns the
** signature, the seed of a stream. Signing again replaces them.
*/
static int l_sign (lua_State *L) {
  tl_sig *s;
  read_fields(L);
  s = run(L, 0, 1);
  set_headers(L, s, HEADERS);
  return push_signature(L, s);
}


/* presign(request, credentials, options) puts the signature into request.query. */
static int l_presign (lua_State *L) {
  tl_sig *s;
  read_fields(L);
  s = run(L, 1, 1);
  set(L, REQUEST, "query", (tl_text){s->result.data, s->result.len});
  return push_signature(L, s);
}


static void stage_public (lua_State *L, tl_sig *s) {
  tl_signer *g = lua_touserdata(L, lua_upvalueindex(1));
  unsigned char xy[64];
  EVP_PKEY *key = tl_sigafind(s, &g->keys);
  if (key != NULL && tl_sigapublic(key, xy))
    set(L, lua_gettop(L), "public_key", (tl_text){(const char *)xy, sizeof xy});
}


/* stages(request, credentials, options): what sign or, with expires, presign makes; for specs. */
static int l_stages (lua_State *L) {
  tl_sig *s;
  int query, table;
  read_fields(L);
  query = !lua_isnil(L, EXPIRES);
  s = run(L, query, 0);
  lua_createtable(L, 0, 6);
  table = lua_gettop(L);
  set(L, table, "canonical_request", (tl_text){s->canonical.data, s->canonical.len});
  set(L, table, "string_to_sign", (tl_text){s->tosign.data, s->tosign.len});
  set(L, table, "signature", (tl_text){s->signature, s->siglen});
  if (query) set(L, table, "query", (tl_text){s->result.data, s->result.len});
  else {
    lua_createtable(L, 0, 5);
    set_headers(L, s, table + 1);
    lua_setfield(L, table, "headers");
  }
  if (s->asymmetric) stage_public(L, s);
  return 1;
}


static int signer_gc (lua_State *L) {
  tl_signer *g = luaL_checkudata(L, 1, SIGNER);
  tl_sigfree(&g->sig);
  tl_sigkeysfree(&g->keys);
  return 0;
}

static const luaL_Reg functions[] = {
  {"presign", l_presign}, {"sign", l_sign}, {"stages", l_stages}, {NULL, NULL}
};


static void push_signer (lua_State *L) {
  tl_signer *g;
  luaL_newmetatable(L, SIGNER);
  lua_pushcfunction(L, signer_gc);
  lua_setfield(L, -2, "__gc");
  g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = (tl_signer){0};
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
}


int luaopen_tidelock_sigv4 (lua_State *L) {
  luaL_newlibtable(L, functions);
  push_signer(L);
  tl_sigstream_open(L);                /* adds stream to the library, below the signer */
  luaL_setfuncs(L, functions, 1);
  return 1;
}

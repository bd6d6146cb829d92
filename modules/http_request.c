/* http_request.c -- the request and options tables of tidelock.http, checked, into a transfer. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <lauxlib.h>

#define MAXHEADERS (256 * 1024)
#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define HOST "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-_:[]%"

/* ----- options ----- */

typedef enum kind { SECONDS, BYTES, TEXT, FLAG } kind;

typedef struct option {
  const char *name;
  kind kind;
  size_t at;
} option;

#define ROW(name, kind) {#name, kind, offsetof(tl_httpoptions, name)}

static const option rows[] = {
  ROW(ca, TEXT), ROW(cert, TEXT), ROW(connect_timeout, SECONDS), ROW(decode, FLAG),
  ROW(key, TEXT), ROW(max_body, BYTES), ROW(max_headers, BYTES), ROW(no_proxy, TEXT),
  ROW(once, FLAG), ROW(proxy, TEXT), ROW(read_timeout, SECONDS), ROW(timeout, SECONDS),
  ROW(to, TEXT), ROW(to_offset, BYTES), ROW(verify, FLAG)
};


static int misuse (lua_State *L, int arg, const char *fmt, const char *name) {
  return luaL_argerror(L, arg, lua_pushfstring(L, fmt, name));
}


/* The value is at the top; stays valid as long as the options table holds it. */
static void setoption (lua_State *L, const option *o, tl_httpoptions *options) {
  char *at = (char *)options + o->at;
  lua_Number n = lua_tonumber(L, -1);
  int isint = lua_isinteger(L, -1);
  size_t len;
  switch (o->kind) {
    case SECONDS:
      if (lua_type(L, -1) != LUA_TNUMBER || !(n >= 0 && n <= 86400 * 24))
        misuse(L, 2, "option '%s' must be a number of seconds, from 0 (none) to 24 days", o->name);
      *(lua_Number *)(void *)at = n;
      break;
    case BYTES:
      if (!isint || lua_tointeger(L, -1) < 0)
        misuse(L, 2, "option '%s' must be a whole number of bytes", o->name);
      *(lua_Integer *)(void *)at = lua_tointeger(L, -1);
      break;
    case TEXT:
      if (lua_type(L, -1) != LUA_TSTRING) misuse(L, 2, "option '%s' must be a string", o->name);
      *(const char **)(void *)at = lua_tolstring(L, -1, &len);
      if (strlen(lua_tostring(L, -1)) != len) misuse(L, 2, "option '%s' has a NUL in it", o->name);
      break;
    case FLAG:
      if (!lua_isboolean(L, -1)) misuse(L, 2, "option '%s' must be true or false", o->name);
      *(int *)(void *)at = lua_toboolean(L, -1);
      break;
  }
}


static void readoptions (lua_State *L, tl_httpoptions *options) {
  *options = (tl_httpoptions){.connect_timeout = 10, .read_timeout = 60, .max_body = -1,
    .max_headers = MAXHEADERS, .to_offset = -1, .verify = 1, .decode = 1, .once = -1};
  if (lua_isnoneornil(L, 2)) return;
  luaL_checktype(L, 2, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    size_t i = 0, n = sizeof rows / sizeof *rows;
    while (i < n && strcmp(rows[i].name, name) != 0) i++;
    if (i == n) misuse(L, 2, "there is no option '%s'", name);
    setoption(L, &rows[i], options);
  }
}

/* ----- where to ----- */

/* Field `name` of the request, left on the stack; NULL when absent. */
static const char *field (lua_State *L, const char *name, size_t *len) {
  int type = lua_getfield(L, 1, name);
  *len = 0;
  if (type == LUA_TNIL) return NULL;
  if (type != LUA_TSTRING) misuse(L, 1, "request.%s must be a string", name);
  return lua_tolstring(L, -1, len);
}


static void readmethod (lua_State *L, tl_transfer *t) {
  size_t len;
  const char *s = field(L, "method", &len);
  if (s == NULL || len == 0 || len >= sizeof t->method
      || strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != len)
    misuse(L, 1, "request.%s must be a word in capitals, like GET", "method");
  memcpy(t->method, s, len + 1);
  lua_pop(L, 1);
}


/* Raw spaces, controls, bytes past ASCII, and what would end this part early are refused. */
static void addpart (lua_State *L, tl_transfer *t, const char *name, const char *refused) {
  size_t len;
  const char *s = field(L, name, &len);
  if (s == NULL) s = *name == 'p' ? "/" : "", len = strlen(s);
  if (*name == 'p' && *s != '/') misuse(L, 1, "request.%s must begin with a slash", name);
  for (size_t i = 0; i < len; i++)
    if (s[i] <= ' ' || s[i] > '~' || strchr(refused, s[i]) != NULL)
      misuse(L, 1, "request.%s must be percent-encoded already", name);
  if (*name == 'q' && len > 0) tl_bufchar(&t->url, '?');
  tl_bufadd(&t->url, s, len);
  lua_pop(L, 1);
}


static void readurl (lua_State *L, tl_transfer *t) {
  size_t len;
  const char *s = field(L, "scheme", &len);
  if (s == NULL || (strcmp(s, "https") != 0 && strcmp(s, "http") != 0))
    misuse(L, 1, "request.%s must be \"https\" or \"http\"", "scheme");
  tl_bufadd(&t->url, s, len);
  tl_bufstr(&t->url, "://");
  lua_pop(L, 1);
  s = field(L, "host", &len);
  if (s == NULL || len == 0 || strspn(s, HOST) != len)
    misuse(L, 1, "request.%s must be a host name, with a port or without", "host");
  tl_bufadd(&t->url, s, len);
  lua_pop(L, 1);
  t->origin = t->url.len;
  addpart(L, t, "path", "?#");
  addpart(L, t, "query", "#");
  tl_bufchar(&t->url, '\0');
}

/* ----- what ----- */

static curl_off_t wholefield (lua_State *L, int idx, const char *name, curl_off_t absent) {
  int type = lua_getfield(L, idx, name), isint = lua_isinteger(L, -1);
  lua_Integer n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (type == LUA_TNIL) return absent;
  if (!isint || n < 0) misuse(L, 1, "request.body.%s must be a whole number of bytes", name);
  return (curl_off_t)n;
}


static void readfilebody (lua_State *L, tl_transfer *t) {
  int idx = lua_gettop(L);
  size_t len;
  if (t->feed) {
    t->length = wholefield(L, idx, "length", -1);
    if (t->length < 0 && !t->stream)
      misuse(L, 1, "request.body.%s must be given for a body by pieces", "length");
    return;
  }
  if (lua_getfield(L, idx, "path") != LUA_TSTRING || (t->path = lua_tolstring(L, -1, &len), 0)
      || strlen(t->path) != len)
    misuse(L, 1, "request.body.%s must name a file", "path");
  t->offset = wholefield(L, idx, "offset", 0);
  t->length = wholefield(L, idx, "length", -1);
}


/* Leaves the body on the stack of the task: libcurl sends it from there, uncopied. */
static void readbody (lua_State *L, tl_transfer *t) {
  int type = lua_getfield(L, 1, "body");
  size_t len = 0;
  t->hasbody = type != LUA_TNIL;
  if (t->feed && type != LUA_TTABLE) misuse(L, 1, "request.%s must be a table {length=}", "body");
  if (type == LUA_TTABLE) readfilebody(L, t);
  else if (type == LUA_TSTRING) {
    t->body = lua_tolstring(L, -1, &len);
    t->length = (curl_off_t)len;
  }
  else if (type != LUA_TNIL)
    misuse(L, 1, "request.%s must be a string, or a table {path=, offset=, length=}", "body");
  if (!t->hasbody && (strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0
                      || strcmp(t->method, "PATCH") == 0)) {
    t->body = "";                /* so that Content-Length: 0 goes out */
    t->hasbody = 1;
  }
}

/* ----- headers ----- */

static void addline (tl_transfer *t, const char *name, size_t n, const char *value, size_t m) {
  tl_bufadd(&t->lines, name, n);
  if (m == 0) tl_bufchar(&t->lines, ';');   /* libcurl's way to write an empty value */
  else {
    tl_bufadd(&t->lines, ": ", 2);
    tl_bufadd(&t->lines, value, m);
  }
  tl_bufchar(&t->lines, '\0');
  t->nlines++;
}


/* What libcurl adds of itself and must not unless asked: "Name:" removes it. */
enum { ACCEPT, CONTENT_TYPE, EXPECT, HOSTNAME, ACCEPT_ENCODING, NKNOWN };

static const char *const known[] = {
  "Accept", "Content-Type", "Expect", "Host", "Accept-Encoding"
};


static int whichknown (const char *name) {
  int i = 0;
  while (i < NKNOWN && strcasecmp(known[i], name) != 0) i++;
  return i;
}


/* The key is below the value at the top. */
static void checkheader (lua_State *L, const tl_transfer *t) {
  size_t n, m;
  const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &n) : "";
  const char *value;
  char number[24];
  if (*name == '\0' || strspn(name, TOKEN) != n)
    misuse(L, 1, "request.headers has a name that is no %s", "header name");
  if (lua_type(L, -1) != LUA_TSTRING) misuse(L, 1, "header '%s' must be a string", name);
  value = lua_tolstring(L, -1, &m);
  for (size_t i = 0; i < m; i++)
    if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 127)
      misuse(L, 1, "header '%s' has a control character in it", name);
  if (strcasecmp(name, "Transfer-Encoding") == 0)
    misuse(L, 1, "header '%s' can't be given: bodies have a known length", name);
  if (strcasecmp(name, "Content-Length") != 0 || (t->path != NULL && t->length < 0)) return;
  snprintf(number, sizeof number, "%lld", (long long)t->length);
  if (strcmp(number, value) != 0) misuse(L, 1, "header '%s' is not the length of the body", name);
}


static void linknodes (lua_State *L, tl_transfer *t) {
  char *s = t->lines.data;
  if (t->lines.failed || t->url.failed) luaL_error(L, "not enough memory");
  if (t->nlines > t->maxlines) {
    struct curl_slist *grown = realloc(t->list, t->nlines * 2 * sizeof *grown);
    if (grown == NULL) luaL_error(L, "not enough memory");
    t->list = grown;
    t->maxlines = t->nlines * 2;
  }
  for (size_t i = 0; i < t->nlines; i++, s += strlen(s) + 1)
    t->list[i] = (struct curl_slist){s, i + 1 < t->nlines ? &t->list[i + 1] : NULL};
}


static void readheaders (lua_State *L, tl_transfer *t) {
  int type = lua_getfield(L, 1, "headers"), given[NKNOWN + 1] = {0};
  size_t scheme = strcspn(t->url.data ? t->url.data : "", "/") + 2;
  if (type != LUA_TNIL && type != LUA_TTABLE) misuse(L, 1, "request.%s must be a table", "headers");
  for (lua_pushnil(L); type == LUA_TTABLE && lua_next(L, -2); lua_pop(L, 1)) {
    size_t n, m;
    const char *name, *value;
    checkheader(L, t);
    name = lua_tolstring(L, -2, &n);
    value = lua_tolstring(L, -1, &m);
    given[whichknown(name)] = 1;
    addline(t, name, n, value, m);
  }
  lua_settop(L, type == LUA_TTABLE ? -2 : -3);
  if (t->url.failed) luaL_error(L, "not enough memory");
  if (!given[HOSTNAME]) addline(t, "Host", 4, t->url.data + scheme, t->origin - scheme);
  if (given[ACCEPT_ENCODING]) t->options.decode = 0;
  for (int i = ACCEPT; i <= EXPECT; i++) {
    if (given[i] || (i != ACCEPT && !t->hasbody)) continue;
    tl_bufstr(&t->lines, known[i]);
    tl_bufadd(&t->lines, ":", 2);     /* with its NUL */
    t->nlines++;
  }
  linknodes(L, t);
}


/* PUT and DELETE are as idempotent as their API makes them: with If-Match they are not. */
static int reads (const char *method) {
  return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0
         || strcmp(method, "OPTIONS") == 0;
}


void tl_request_read (lua_State *L, tl_transfer *t) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkstack(L, 12, "request");
  readoptions(L, &t->options);
  readmethod(L, t);
  readurl(L, t);
  readbody(L, t);
  readheaders(L, t);
  if (t->options.to != NULL) lua_getfield(L, 2, "to");         /* errors name them after the wait */
  if (t->options.proxy != NULL && *t->options.proxy == '\0') t->options.proxy = NULL;   /* none */
  if (t->options.proxy != NULL) lua_getfield(L, 2, "proxy");
  if (t->options.ca != NULL) lua_getfield(L, 2, "ca");
  if (t->options.cert != NULL) lua_getfield(L, 2, "cert");
  if (t->options.once < 0 && t->feed) t->options.once = 1;     /* the pieces are gone */
  if (t->options.once < 0) t->options.once = !reads(t->method);
  if (t->options.max_body < 0)
    t->options.max_body = t->options.to != NULL || t->stream ? LUA_MAXINTEGER : TL_HTTP_MAXBODY;
}

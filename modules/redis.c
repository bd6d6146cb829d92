/* redis.c -- tidelock.redis: one connection to Redis, pipelined; lib/redis builds on it. */
#include "redis.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "fail.h"
#include "modules.h"
#include "secret.h"

#define CONNECTION "tidelock.redis.connection"
#define REQUEST "tidelock.redis.request"
#define DECODER "tidelock.redis.decoder"
#define MAXREPLY (256 * 1024 * 1024)

/* ----- arguments as RESP: lengths everywhere, so that any byte may be in them ----- */

/* The argument at the top, a copy that may be converted; raises on what Redis can't take. */
static void addarg (lua_State *L, tl_buf *b, int arg) {
  size_t len;
  const char *s;
  if (lua_type(L, -1) == LUA_TNUMBER) {
    if (!lua_isinteger(L, -1)) {           /* all digits, and no ".0" where it is whole */
      char digits[40];
      snprintf(digits, sizeof digits, "%.17g", lua_tonumber(L, -1));
      lua_pop(L, 1);
      lua_pushstring(L, digits);
    }
    s = lua_tolstring(L, -1, &len);
  }
  else s = tl_tosecret(L, -1, &len);
  if (s == NULL)
    luaL_argerror(L, arg, lua_pushfstring(L, "a command is made of strings and numbers,"
                                             " not of a %s", luaL_typename(L, -1)));
  tl_bufchar(b, '$');
  tl_bufint(b, (long long)len);
  tl_bufadd(b, "\r\n", 2);
  tl_bufadd(b, s, len);
  tl_bufadd(b, "\r\n", 2);
}


static void begincommand (tl_buf *b, lua_Integer n) {
  tl_bufchar(b, '*');
  tl_bufint(b, n);
  tl_bufadd(b, "\r\n", 2);
}


/* The name for messages; no more of a command is ever shown. */
static void setname (lua_State *L, tl_request *r, int idx) {
  size_t n = 0;
  const char *s = lua_type(L, idx) == LUA_TSTRING ? lua_tostring(L, idx) : "command";
  for (; s[n] != '\0' && n + 1 < sizeof r->name && isgraph((unsigned char)s[n]); n++)
    r->name[n] = (char)toupper((unsigned char)s[n]);
  r->name[n] = '\0';
}


/* The stack from `first` to the top. */
static void addstack (lua_State *L, tl_buf *b, int first) {
  int top = lua_gettop(L);
  luaL_argcheck(L, top >= first, first, "a command needs its name");
  begincommand(b, top - first + 1);
  for (int i = first; i <= top; i++) {
    lua_pushvalue(L, i);
    addarg(L, b, i - 1);
    lua_pop(L, 1);
  }
}


/* The list at the top. */
static void addlist (lua_State *L, tl_buf *b) {
  lua_Integer n = lua_type(L, -1) == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, -1) : 0;
  luaL_argcheck(L, n > 0, 2, "each command must be a list: its name and arguments");
  begincommand(b, n);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, i);
    addarg(L, b, 2);
    lua_pop(L, 1);
  }
}

/* ----- requests ----- */

static int request_gc (lua_State *L) {
  tl_request **box = lua_touserdata(L, 1), *r = *box;
  if (r == NULL) return 0;
  *box = NULL;
  r->box = NULL;
  if (!r->waiting) tl_request_free(r);
  return 0;
}


/* Its replies will come all the same, and must find their place in the line. */
static void onabandon (tl_wait *w) {
  tl_request *r = (tl_request *)(void *)((char *)w - offsetof(tl_request, wait));
  if (!r->waiting) return;         /* complete already: the box will free it */
  *r->box = NULL;
  r->box = NULL;
}


/* Pushes the request's box. */
static tl_request *newrequest (lua_State *L, size_t count) {
  tl_request **box = lua_newuserdatauv(L, sizeof *box, 0), *r;
  *box = NULL;
  luaL_setmetatable(L, REQUEST);
  r = calloc(1, sizeof *r);
  if (r == NULL) luaL_error(L, "not enough memory");
  r->box = box;
  r->count = count;
  r->wait.cancel = onabandon;
  *box = r;
  r->replies = malloc(count * sizeof *r->replies);
  if (r->replies == NULL) luaL_error(L, "not enough memory");
  return r;
}


/* The connection points at the link's own box, its user value. */
static tl_link *check (lua_State *L) {
  tl_link ***box = luaL_checkudata(L, 1, CONNECTION);
  luaL_argcheck(L, *box != NULL && **box != NULL, 1, "the connection is gone");
  return **box;
}


/* Hands the request over and parks the task; `k` finds its box at index 2. */
static int submit (lua_State *L, tl_link *link, tl_request *r, lua_KFunction k) {
  if (r->text.failed) return luaL_error(L, "not enough memory");
  lua_replace(L, 2);
  lua_settop(L, 2);
  if (link->state != TL_LIVE) return tl_link_fail(L, link, r->name, 1, 1);
  tl_mustwait(L);
  if (!tl_link_send(link, r)) return luaL_error(L, "not enough memory");
  tl_hold(L, &r->wait);
  return lua_yieldk(L, 0, (lua_KContext)r, k);
}


/* A reply of its own: nil is nil, and a refusal nil, err. */
static int called (lua_State *L, int status, lua_KContext ctx) {
  tl_request *r = (tl_request *)ctx;
  tl_link *link = check(L);
  int n = 1;
  (void)status;
  if (r->failed) n = tl_link_fail(L, link, r->name, 1, r->unsent);
  else if (r->replies[0]->type == REDIS_REPLY_ERROR)
    n = tl_reply_fail(L, r->name, link->where, r->replies[0]);
  else if (r->replies[0]->type == REDIS_REPLY_NIL) lua_pushnil(L);
  else tl_reply_push(L, r->replies[0]);
  *r->box = NULL;
  tl_request_free(r);
  return n;
}


/*
--- One command: connection:call("SET", "key", "value") -> reply, or nil, err.
-- Many tasks may call at once: what they send goes out together, once a turn of the loop.
*/
static int connection_call (lua_State *L) {
  tl_link *link = check(L);
  tl_request *r;
  int top = lua_gettop(L);
  luaL_argcheck(L, top >= 2, 2, "a command needs its name");
  r = newrequest(L, 1);
  lua_insert(L, 2);
  setname(L, r, 3);
  addstack(L, &r->text, 3);
  r->firstlen = r->text.len;
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  return submit(L, link, r, called);
}


static int batched (lua_State *L, int status, lua_KContext ctx) {
  tl_request *r = (tl_request *)ctx;
  tl_link *link = check(L);
  (void)status;
  if (r->failed) {
    tl_link_fail(L, link, r->name, 1, r->unsent);
    *r->box = NULL;
    tl_request_free(r);
    return 2;
  }
  lua_createtable(L, (int)r->count, 0);
  for (size_t i = 0; i < r->count; i++) {
    tl_reply_push(L, r->replies[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  *r->box = NULL;
  tl_request_free(r);
  return 1;
}


/*
--- Several commands, sent together and with none of another task's between:
-- connection:batch {{"INCR", "a"}, {"GET", "b"}} -> list of replies, in which nil is redis.null
-- and a refusal is {code, message}; or nil, err if the connection broke.
*/
static int connection_batch (lua_State *L) {
  tl_link *link = check(L);
  lua_Integer n;
  tl_request *r;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  n = (lua_Integer)lua_rawlen(L, 2);
  luaL_argcheck(L, n > 0 && n < 1 << 20, 2, "must be a list of commands");
  r = newrequest(L, (size_t)n);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    addlist(L, &r->text);
    if (i == 1) {
      r->firstlen = r->text.len;
      lua_rawgeti(L, -1, 1);
      setname(L, r, -1);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  return submit(L, link, r, batched);
}

/* ----- subscriptions ----- */

/*
--- Sends a command whose answers come as pushes: connection:push("SUBSCRIBE", "channel").
-- From then on the connection is a subscriber's: what it gets is for `receive`.
*/
static int connection_push (lua_State *L) {
  tl_link *link = check(L);
  tl_buf *b = tl_bufnew(L);
  lua_insert(L, 2);
  addstack(L, b, 3);
  if (b->failed) return luaL_error(L, "not enough memory");
  if (link->state != TL_LIVE) return tl_link_fail(L, link, "subscription", 1, 1);
  link->subscriber = 1;
  if (!tl_link_write(link, b)) return luaL_error(L, "not enough memory");
  lua_pushboolean(L, 1);
  return 1;
}


static int received (lua_State *L, int status, lua_KContext ctx) {
  tl_link *link = (tl_link *)ctx;
  redisReply *reply;
  redisReply **box;
  (void)status;
  tl_link_settle(link);
  if (link->pushed == NULL) return tl_link_fail(L, link, "subscription", 0, 0);
  box = lua_touserdata(L, 2);
  reply = *box = tl_link_receive(link);
  tl_reply_push(L, reply);
  *box = NULL;
  freeReplyObject(reply);
  return 1;
}


/*
--- Waits for the next push: {"message", channel, text} and the like; nil, err when the connection
-- ended.
*/
static int connection_receive (lua_State *L) {
  tl_link *link = check(L);
  redisReply **box;
  luaL_argcheck(L, link->wait.co == NULL, 1, "another task receives from this connection");
  lua_settop(L, 1);
  box = lua_newuserdatauv(L, sizeof *box, 0);     /* owns the reply while values are made of it */
  *box = NULL;
  luaL_setmetatable(L, "tidelock.redis.reply");
  if (link->pushed != NULL || link->state != TL_LIVE)
    return received(L, LUA_OK, (lua_KContext)link);
  link->wait.cancel = NULL;
  tl_hold(L, &link->wait);
  tl_link_settle(link);
  return lua_yieldk(L, 0, (lua_KContext)link, received);
}


static int reply_gc (lua_State *L) {
  redisReply **box = lua_touserdata(L, 1);
  freeReplyObject(*box);
  *box = NULL;
  return 0;
}

/* ----- recorded replies ----- */

typedef struct decoder { redisReader *reader; tl_makers makers; } decoder;

static int decoder_gc (lua_State *L) {
  decoder *d = lua_touserdata(L, 1);
  if (d->reader != NULL) redisReaderFree(d->reader);
  d->reader = NULL;
  return 0;
}


/* 1: a reply was pushed; 0: no whole one is left; -1: what comes is no reply. `box` is at 3. */
static int decodeone (lua_State *L, decoder *d) {
  redisReply **box = lua_touserdata(L, 3);
  void *reply = NULL;
  if (redisReaderGetReply(d->reader, &reply) != REDIS_OK) return -1;
  if (reply == NULL) return 0;
  *box = reply;
  tl_reply_push(L, *box);
  *box = NULL;
  freeReplyObject(reply);
  return 1;
}


/*
--- The replies in bytes that a server sent: a list, as `batch` gives them; what is cut off at the
-- end is left out. nil, err where the bytes keep to no protocol of Redis.
*/
static int redis_decode (lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  decoder *d;
  const char *why;
  int got;
  lua_settop(L, 1);
  d = lua_newuserdatauv(L, sizeof *d, 0);
  d->reader = NULL;
  luaL_setmetatable(L, DECODER);
  *(redisReply **)lua_newuserdatauv(L, sizeof(redisReply *), 0) = NULL;
  luaL_setmetatable(L, "tidelock.redis.reply");
  if ((d->reader = tl_reply_reader(&d->makers)) == NULL
      || redisReaderFeed(d->reader, bytes, len) != REDIS_OK)
    return luaL_error(L, "not enough memory");
  lua_newtable(L);
  for (lua_Integer i = 1; (got = decodeone(L, d)) == 1; i++) lua_rawseti(L, 4, i);
  if (got == 0) return 1;
  if ((why = tl_reply_why(d->reader, &d->makers)) == NULL)
    return luaL_error(L, "not enough memory");
  return tl_fail(L, "protocol", "the bytes are no replies of Redis: %s", why);
}

/* ----- connections ----- */

static int connection_close (lua_State *L) {
  tl_link_close(check(L), TL_LINK_CLOSED, NULL);
  return 0;
}


static int connection_alive (lua_State *L) {
  lua_pushboolean(L, check(L)->state == TL_LIVE);
  return 1;
}


static int connection_tostring (lua_State *L) {
  lua_pushfstring(L, "redis connection to %s", check(L)->where);
  return 1;
}


/* Raises what is wrong with option `name`, by a format that has one %s for it. */
static int wrong (lua_State *L, const char *fmt, const char *name) {
  return luaL_argerror(L, 1, lua_pushfstring(L, fmt, name));
}


/* Field `name` as a string without NUL, or NULL; it stays on the stack, so as to live. */
static const char *text (lua_State *L, const char *name) {
  size_t len;
  const char *s;
  int type = lua_getfield(L, 1, name);
  if (type == LUA_TNIL) return NULL;
  if (type != LUA_TSTRING) wrong(L, "option '%s' must be a string", name);
  s = lua_tolstring(L, -1, &len);
  if (strlen(s) != len) wrong(L, "option '%s' has a NUL in it", name);
  return s;
}


static lua_Number seconds (lua_State *L, const char *name, lua_Number absent) {
  int type = lua_getfield(L, 1, name);
  lua_Number n = type == LUA_TNIL ? absent : lua_tonumber(L, -1);
  if ((type != LUA_TNIL && type != LUA_TNUMBER) || !(n >= 0 && n <= 86400 * 24))
    wrong(L, "option '%s' must be seconds, from 0 (none) to 24 days", name);
  lua_pop(L, 1);
  return n;
}


static lua_Integer whole (lua_State *L, const char *name, lua_Integer absent, lua_Integer most) {
  int type = lua_getfield(L, 1, name), isint = lua_isinteger(L, -1);
  lua_Integer n = type == LUA_TNIL ? absent : lua_tointeger(L, -1);
  if ((type != LUA_TNIL && !isint) || n < 1 || n > most)
    wrong(L, most == 65535 ? "option '%s' must be a number from 1 to 65535"
             : "option '%s' must be a whole number above 0", name);
  lua_pop(L, 1);
  return n;
}


static int flag (lua_State *L, const char *name, int absent) {
  int type = lua_getfield(L, 1, name), yes = type == LUA_TNIL ? absent : lua_toboolean(L, -1);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    wrong(L, "option '%s' must be true or false", name);
  lua_pop(L, 1);
  return yes;
}


static void oncancelopen (tl_wait *w) {
  tl_link_close((tl_link *)(void *)((char *)w - offsetof(tl_link, wait)), TL_LINK_CLOSED, NULL);
}


/* Stack: 1 options, 2 connection. */
static int opened (lua_State *L, int status, lua_KContext ctx) {
  tl_link *link = (tl_link *)ctx;
  (void)status;
  tl_link_settle(link);
  if (link->state != TL_LIVE) return tl_link_fail(L, link, "connecting", 0, 1);
  lua_settop(L, 2);
  return 1;
}


/*
--- Connects, with TLS if asked: redis.connect {host=, port=} or {path=}; tls, ca, cert, key,
-- server_name, verify; connect_timeout, timeout (of each answer), max_reply. Returns a connection,
-- or nil, err. What is said first on it (HELLO, AUTH, SELECT) is the caller's.
*/
static int redis_connect (lua_State *L) {
  tl_linkoptions o;
  tl_link ***box, *link;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  tl_mustwait(L);
  box = lua_newuserdatauv(L, sizeof *box, 1);
  *box = NULL;
  luaL_setmetatable(L, CONNECTION);
  link = tl_link_new(L);
  *box = link->box;
  lua_setiuservalue(L, 2, 1);
  luaL_checkstack(L, 12, "options");
  o = (tl_linkoptions){.host = text(L, "host"), .path = text(L, "path"), .ca = text(L, "ca"),
    .cert = text(L, "cert"), .key = text(L, "key"), .name = text(L, "server_name"),
    .port = whole(L, "port", 6379, 65535),
    .max_reply = whole(L, "max_reply", MAXREPLY, LUA_MAXINTEGER),
    .connect_timeout = seconds(L, "connect_timeout", 5), .timeout = seconds(L, "timeout", 5),
    .tls = flag(L, "tls", 0), .verify = flag(L, "verify", 1)};
  luaL_argcheck(L, o.host != NULL || o.path != NULL, 1, "option 'host' or 'path' is needed");
  tl_link_open(link, &o);
  if (link->state == TL_DEAD || link->state == TL_LIVE)
    return opened(L, LUA_OK, (lua_KContext)link);
  link->wait.cancel = oncancelopen;
  tl_hold(L, &link->wait);
  return lua_yieldk(L, 0, (lua_KContext)link, opened);
}

/* ----- tables ----- */

static const luaL_Reg methods[] = {
  {"alive", connection_alive}, {"batch", connection_batch}, {"call", connection_call},
  {"close", connection_close}, {"push", connection_push}, {"receive", connection_receive},
  {NULL, NULL}
};

static const luaL_Reg meta[] = {
  {"__close", connection_close}, {"__tostring", connection_tostring}, {NULL, NULL}
};

static const luaL_Reg functions[] = {
  {"connect", redis_connect}, {"decode", redis_decode}, {NULL, NULL}
};


static void collected (lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}


int luaopen_tidelock_redis (lua_State *L) {
  collected(L, REQUEST, request_gc);
  collected(L, "tidelock.redis.reply", reply_gc);
  collected(L, DECODER, decoder_gc);
  luaL_newmetatable(L, CONNECTION);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}

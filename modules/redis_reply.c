/* redis_reply.c -- replies as Lua values, refusals and broken links as sentences. */
#include "redis.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "fail.h"

#define MAXDEPTH 64
#define MAXELEMENTS (1 << 24)

/* ----- the parser ----- */

/* hiredis frees replies by recursion: a server must not choose how deep. */
static void *shallowarray (const redisReadTask *task, size_t n) {
  tl_makers *m = task->privdata;
  int depth = 0;
  for (const redisReadTask *t = task; t != NULL && depth <= MAXDEPTH; t = t->parent) depth++;
  m->toodeep = depth > MAXDEPTH;
  return m->toodeep ? NULL : m->theirs->createArray(task, n);
}


/* The parser makes hiredis's own objects, but refuses arrays that are too deep. */
redisReader *tl_reply_reader (tl_makers *m) {
  redisReader *r = redisReaderCreate();
  if (r == NULL) return NULL;
  *m = (tl_makers){.ours = *r->fn, .theirs = r->fn};
  m->ours.createArray = shallowarray;
  r->privdata = m;
  r->fn = &m->ours;
  r->maxelements = MAXELEMENTS;
  return r;
}


/* To the parser an array that is refused is one that there was no memory for. */
const char *tl_reply_why (const redisReader *r, const tl_makers *m) {
  if (m->toodeep) return "lists more than 64 deep";
  return r->err == REDIS_ERR_OOM ? NULL : r->errstr;
}

/* ----- values ----- */

static void pusherror (lua_State *L, const redisReply *r);

static void pushnull (lua_State *L) {
  lua_pushlightuserdata(L, NULL);
}


static void pushlist (lua_State *L, const redisReply *r) {
  lua_createtable(L, r->elements < 1 << 20 ? (int)r->elements : 0, 0);
  for (size_t i = 0; i < r->elements; i++) {
    tl_reply_push(L, r->element[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}


/* Keys are strings or numbers in all that Redis has; a NaN could be none in Lua. */
static void pushmap (lua_State *L, const redisReply *r) {
  lua_createtable(L, 0, r->elements < 1 << 20 ? (int)r->elements / 2 : 0);
  for (size_t i = 0; i + 1 < r->elements; i += 2) {
    tl_reply_push(L, r->element[i]);
    tl_reply_push(L, r->element[i + 1]);
    if (lua_isnil(L, -2) || !lua_rawequal(L, -2, -2)) lua_pop(L, 2);
    else lua_rawset(L, -3);
  }
}


/* Depth is bounded by the parser. */
void tl_reply_push (lua_State *L, const redisReply *r) {
  luaL_checkstack(L, 6, "reply of Redis");
  switch (r->type) {
    case REDIS_REPLY_INTEGER: lua_pushinteger(L, r->integer); break;
    case REDIS_REPLY_DOUBLE: lua_pushnumber(L, r->dval); break;
    case REDIS_REPLY_BOOL: lua_pushboolean(L, r->integer != 0); break;
    case REDIS_REPLY_NIL: pushnull(L); break;
    case REDIS_REPLY_ERROR: pusherror(L, r); break;
    case REDIS_REPLY_MAP: case REDIS_REPLY_ATTR: pushmap(L, r); break;
    case REDIS_REPLY_ARRAY: case REDIS_REPLY_SET: case REDIS_REPLY_PUSH: pushlist(L, r); break;
    default: lua_pushlstring(L, r->str ? r->str : "", r->len); break;  /* kinds of strings */
  }
}

/* ----- refusals ----- */

static const struct { const char *code, *next; } remedies[] = {
  {"NOAUTH", "give user and password"},
  {"WRONGPASS", "check user and password"},
  {"NOPERM", "the user's ACL must allow it"},
  {"READONLY", "this is a replica: connect to the primary"},
  {"LOADING", "it reads its data from disk: try again soon"},
  {"MASTERDOWN", "this replica has lost its primary: try again soon"},
  {"OOM", "its memory is full (maxmemory): make room, or raise the limit"},
  {"BUSY", "a script runs for too long there: SCRIPT KILL ends it"},
  {"MOVED", "this is a cluster, which is not supported: connect to a plain server"},
  {"WRONGTYPE", "the key holds another type of value"},
  {"NOREPLICAS", "too few replicas are connected to accept writes"},
  {"MISCONF", "it can't save to disk and takes no writes until it can"},
};


/* Redis repeats the arguments of commands it does not know; a password may be among them. */
static size_t saidlength (const redisReply *r) {
  const char *args = strstr(r->str, ", with args");
  return args ? (size_t)(args - r->str) : r->len;
}


/* Pushes the first word, in capitals as it is: WRONGTYPE, ERR, NOSCRIPT. */
static const char *pushcode (lua_State *L, const redisReply *r) {
  size_t n = 0;
  while (n < r->len && (isupper((unsigned char)r->str[n]) || r->str[n] == '_')) n++;
  if (n == 0) return lua_pushliteral(L, "ERR");
  return lua_pushlstring(L, r->str, n);
}


static void pusherror (lua_State *L, const redisReply *r) {
  lua_createtable(L, 0, 2);
  pushcode(L, r);
  lua_setfield(L, -2, "code");
  lua_pushlstring(L, r->str, saidlength(r));
  lua_setfield(L, -2, "message");
}


int tl_reply_fail (lua_State *L, const char *name, const char *where, const redisReply *r) {
  const char *code = pushcode(L, r), *next = NULL, *said;
  for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
    if (strcmp(remedies[i].code, code) == 0) next = remedies[i].next;
  said = lua_pushlstring(L, r->str, saidlength(r));
  return tl_fail(L, code, "%s at Redis %s was refused: %s%s%s", name, where, said, next ? "; " : "",
                 next ? next : "");
}

/* ----- broken links ----- */

typedef struct verdict { tl_linkwhy why; const char *reason, *what, *next; } verdict;

static const verdict verdicts[] = {
  {TL_LINK_DNS, "dns", "the host name has no address",
   "check its spelling, and that this machine can resolve names"},
  {TL_LINK_CONNECT, "connect", "can't connect", "check host and port, and that the server is up"},
  {TL_LINK_SLOW, "timeout", "no connection within connect_timeout",
   "check host, port, routes and security groups, and whether the server wants TLS (rediss)"},
  {TL_LINK_TLS, "tls", "no trusted TLS connection",
   "check that the port speaks TLS, the CA file (ca) and the name in the certificate"},
  {TL_LINK_QUIET, "timeout", "no answer within timeout",
   "look whether the server hangs, or raise timeout"},
  {TL_LINK_BROKEN, "closed", "the server closed the connection",
   "look whether it restarted, and whether this port wants TLS (rediss)"},
  {TL_LINK_CLOSED, "closed", "the connection was closed on this side", "connect again"},
  {TL_LINK_PROTOCOL, "protocol", "what answers there does not speak Redis's protocol",
   "check host and port"},
  {TL_LINK_BIG, "too_large", "the answer is longer than max_reply allows",
   "ask for less at a time, or raise max_reply"},
  {TL_LINK_REFUSED, "refused", "the server refused the connection", "see what it says"},
  {TL_LINK_MEMORY, "memory", "not enough memory", "make room and try again"},
};


/*
** Nil and {code, reason, message}. A request's code is "unsent" when it surely
** never ran and "unknown" when it may have; opening a link fails by its reason.
*/
int tl_link_fail (lua_State *L, const tl_link *k, const char *name, int request, int unsent) {
  const verdict *v = &verdicts[sizeof verdicts / sizeof *verdicts - 1];
  const char *run = unsent ? "; it was not run" : "; it may or may not have been run";
  for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
    if (verdicts[i].why == k->why) v = &verdicts[i];
  tl_fail(L, request ? unsent ? "unsent" : "unknown" : v->reason,
          "%s at Redis %s failed: %s%s%s%s%s; %s", name, k->where, v->what,
          k->detail[0] ? " (" : "", k->detail, k->detail[0] ? ")" : "",
          request ? run : "", v->next);
  lua_pushstring(L, v->reason);
  lua_setfield(L, -2, "reason");
  return 2;
}

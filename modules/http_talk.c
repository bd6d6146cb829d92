/* http_talk.c -- tidelock.http.converse: a request's body and its answer by pieces, at once. */
#include "http.h"

#include <stddef.h>

#include <lauxlib.h>

#include "fail.h"

/*
** A conversation is a table with its transfer's box at 1, in which the writer
** waits; the reader waits in the transfer. The response has the same box, and
** keeps the conversation at 0.
*/
static tl_httpbox *check (lua_State *L) {
  tl_httpbox *box;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_rawgeti(L, 1, 1);
  box = luaL_testudata(L, -1, TL_HTTP_TRANSFER);
  luaL_argcheck(L, box != NULL, 1, "not a conversation");
  lua_pop(L, 1);
  return box;
}


/* A piece that stops in its middle cannot be mended: the request ends with it. */
static void oncancel (tl_wait *wait) {
  tl_transfer *t = ((tl_httpbox *)(void *)((char *)wait - offsetof(tl_httpbox, feeder)))->t;
  if (t == NULL) return;
  t->body = NULL;
  t->left = 0;
  tl_engine_abort(t);
}


static int begun (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = (tl_transfer *)ctx;
  tl_httpbox *box;
  (void)status;
  if (t->code != CURLE_OK && t->headend == 0) {
    int n = tl_transfer_fail(L, t);
    tl_engine_release(t);
    return n;
  }
  lua_createtable(L, 4, 0);
  tl_http_keep(L, TL_HTTP_CONVERSATION);
  box = (tl_httpbox *)(void *)t->box;
  box->feeder.cancel = oncancel;
  t->feeder = &box->feeder;
  return 1;
}


/*
--- Begins a request whose body comes by pieces, as many as there are, while its response is read:
-- talk:write(piece), talk:shut() after the last; talk:answer() for the response's head. Each side
-- may have a task of its own. Returns it when the server is there to take the body, or nil, err.
*/
int tl_http_converse (lua_State *L) {
  tl_transfer *t = tl_http_begin(L, TL_HTTP_TALK);
  if (t == NULL) return 2;
  return lua_yieldk(L, 0, (lua_KContext)t, begun);
}


static int closed (lua_State *L, const char *what) {
  return tl_fail(L, "closed", "can't %s: the conversation is closed already", what);
}


static int wrote (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = ((tl_httpbox *)ctx)->t;
  (void)status;
  if (t == NULL) return closed(L, "write");
  t->body = NULL;                  /* the piece is no longer ours */
  t->left = 0;
  if (t->done && t->code != CURLE_OK) return tl_transfer_fail(L, t);
  lua_pushboolean(L, !t->done);
  return 1;
}


/*
--- Sends the next piece. True; false where the server has answered all before, or nil, err.
*/
static int talk_write (lua_State *L) {
  tl_httpbox *box = check(L);
  tl_transfer *t = box->t;
  size_t len;
  const char *piece = luaL_checklstring(L, 2, &len);
  luaL_argcheck(L, box->feeder.co == NULL, 1, "another task writes to this conversation");
  lua_settop(L, 2);
  if (t == NULL) return closed(L, "write");
  luaL_argcheck(L, !t->over, 1, "the body has ended already");
  if (t->done || len == 0) return wrote(L, LUA_OK, (lua_KContext)box);
  tl_http_feed(L, t, piece, len);
  return lua_yieldk(L, 0, (lua_KContext)box, wrote);
}


/*
--- Ends the request's body. Harmless twice, and after the end of all.
*/
static int talk_shut (lua_State *L) {
  tl_httpbox *box = check(L);
  tl_transfer *t = box->t;
  luaL_argcheck(L, box->feeder.co == NULL, 1, "another task writes to this conversation");
  if (t == NULL) return 0;
  t->over = 1;
  tl_engine_resume(t);
  return 0;
}


static int answered (lua_State *L, int status, lua_KContext ctx) {
  tl_transfer *t = ((tl_httpbox *)ctx)->t;
  (void)status;
  if (t == NULL) return closed(L, "wait for the answer");
  if (t->headend == 0 && !t->done) {
    tl_hold(L, &t->wait);
    return lua_yieldk(L, 0, ctx, answered);
  }
  if (t->headend == 0) {
    int n = tl_transfer_fail(L, t);
    tl_engine_release(t);
    return n;
  }
  if (t->status >= 300) tl_engine_resume(t);   /* libcurl sends no more, but stays paused for it */
  tl_http_pushhead(L, t);
  lua_rawgeti(L, 1, 1);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 0);
  luaL_setmetatable(L, TL_HTTP_RESPONSE);
  return 1;
}


/*
--- Waits for the response's head: as http.open.
*/
static int talk_answer (lua_State *L) {
  tl_httpbox *box = check(L);
  lua_settop(L, 1);
  luaL_argcheck(L, box->t == NULL || box->t->wait.co == NULL, 1,
                "another task reads from this conversation");
  return answered(L, LUA_OK, (lua_KContext)box);
}


/*
--- Ends both sides; who waits at one of them is told so.
*/
static int talk_close (lua_State *L) {
  tl_transfer *t = check(L)->t;
  if (t == NULL) return 0;
  if (t->wait.co != NULL) tl_engine_abort(t);
  else tl_engine_release(t);
  return 0;
}

const luaL_Reg tl_http_talkmethods[] = {
  {"answer", talk_answer}, {"close", talk_close}, {"shut", talk_shut}, {"write", talk_write},
  {NULL, NULL}
};

const luaL_Reg tl_http_talkmeta[] = {{"__close", talk_close}, {NULL, NULL}};

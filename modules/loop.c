/* loop.c -- tidelock.loop: tasks, each a coroutine, on one libuv loop. */
#include "loop.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <lauxlib.h>
#include <lualib.h>

#include "compat.h"
#include "modules.h"

#define TASK "tidelock.task"

/*
** A task is anchored in the registry, at its thread's address, until it ends;
** its thread is user value 1 of its box and keeps the results, or the error,
** on its own stack. User value 2 is the traceback of a failure.
*/
typedef struct task {
  tl_wait start;            /* queued until the first resume */
  tl_wait *wait;            /* what it is parked on, or NULL */
  lua_State *co;
  struct task *next, **prev;  /* among the living */
  struct join *joins, **lastjoin;  /* those who wait for its end, first come first served */
  int args;                 /* of the first resume */
  int status;               /* LUA_YIELD while alive, LUA_OK or the error's code after */
  int cancelled;
  int closing;              /* what it has to close is being closed: nothing can cancel it again */
  int doomed;               /* cancelled as it ran, by another's closing: it ends where it waits */
} task;

typedef struct join {       /* lives on the waiting task's stack */
  tl_wait wait;
  struct task *target;
  struct join *next, **prev;
} join;

typedef struct sleeper {    /* malloc'd: libuv outlives the task */
  uv_timer_t uv;
  tl_wait wait;
} sleeper;

static struct {
  uv_loop_t uv;
  uv_idle_t awake;          /* active while a task is ready: then libuv does not wait for events */
  tl_wait ready, later;     /* heads of rings; `later` holds who yielded of their own will */
  task *running, *living;
  lua_Integer alive;
} loop;

static const char CANCELLED = 'c';  /* its address, as a light userdata, is the error */


uv_loop_t *tl_loop (void) {
  return &loop.uv;
}

/* ----- the ready queue ----- */

static void unqueue (tl_wait *w) {
  if (!w->queued) return;
  w->prev->next = w->next;
  w->next->prev = w->prev;
  w->queued = 0;
}


static void enqueue (tl_wait *ring, tl_wait *w) {
  w->prev = ring->prev;
  w->next = ring;
  w->prev->next = w->next->prev = w;
  w->queued = 1;
}


static void onidle (uv_idle_t *uv) {
  (void)uv;
}


/* A timer due at the start of a turn wakes a task before libuv waits: it must not wait then. */
void tl_wake (tl_wait *w) {
  if (w->co == NULL || w->queued) return;
  enqueue(&loop.ready, w);
  uv_idle_start(&loop.awake, onidle);
}


static task *taskof (lua_State *co) {
  return *(task **)lua_getextraspace(co);
}


/* Raises unless the caller is the body of the running task, free to yield. */
static task *checktask (lua_State *L) {
  task *t = taskof(L);
  if (t == NULL || t != loop.running)
    luaL_error(L, "this call has to wait, and can't outside a task (in a coroutine of your own,"
                  " in __gc or __close): call it from the body of the task");
  if (!lua_isyieldable(L))
    luaL_error(L, "this call has to wait, and can't under a C function"
                  " (sort, gsub, require): call it from the body of the task");
  return t;
}


void tl_mustwait (lua_State *L) {
  checktask(L);
}


void tl_hold (lua_State *L, tl_wait *w) {
  task *t = checktask(L);
  w->co = L;
  w->queued = 0;
  t->wait = w;
}


void tl_drop (tl_wait *w) {
  task *t = w->co ? taskof(w->co) : NULL;
  unqueue(w);
  if (t != NULL && t->wait == w) t->wait = NULL;
  w->co = NULL;
}

/* ----- the life of a task ----- */

/* Pushes the box. The thread's extra space names its task; the registry keeps the box. */
static task *newtask (lua_State *L, int nargs) {
  task *t = lua_newuserdatauv(L, sizeof *t, 2);
  *t = (task){.status = LUA_YIELD, .args = nargs};
  luaL_setmetatable(L, TASK);
  t->co = lua_newthread(L);
  lua_setiuservalue(L, -2, 1);
  if (!lua_checkstack(t->co, nargs + 1)) luaL_error(L, "too many arguments for a task");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, t->co);
  *(task **)lua_getextraspace(t->co) = t;
  return t;
}


/* The function and its arguments, at the top, become a queued task; pushes its box. */
static task *launch (lua_State *L, int nargs) {
  task *t = newtask(L, nargs);
  lua_insert(L, -(nargs + 2));
  lua_xmove(L, t->co, nargs + 1);
  t->start.co = t->co;
  t->wait = &t->start;
  t->next = loop.living;
  t->prev = &loop.living;
  if (t->next != NULL) t->next->prev = &t->next;
  loop.living = t;
  loop.alive++;
  enqueue(&loop.ready, &t->start);
  return t;
}


static int pushtrace (lua_State *L) {
  lua_State *co = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, co);
  luaL_traceback(L, co, NULL, 0);
  lua_setiuservalue(L, -2, 2);
  return 0;
}


/* Without memory there is no traceback, and that is all that is lost. */
static void savetrace (lua_State *L, lua_State *co) {
  if (!lua_checkstack(L, 4)) return;
  lua_pushcfunction(L, pushtrace);
  lua_pushlightuserdata(L, co);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}


static void ended (lua_State *L, task *t, int status) {
  t->status = status;
  t->wait = NULL;
  *t->prev = t->next;
  if (t->next != NULL) t->next->prev = t->prev;
  loop.alive--;
  for (join *j = t->joins; j != NULL; j = j->next) tl_wake(&j->wait);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, t->co);  /* an existing key: allocates nothing */
}


/* `coroutine.yield` in the body of a task lets all others, and the loop, go first. */
static void giveway (task *t, int nresults) {
  lua_pop(t->co, nresults);
  t->args = 0;
  t->start.co = t->co;
  t->wait = &t->start;
  enqueue(&loop.later, &t->start);
}


/* What is closed may run anything, the cancelling of this very task among it. */
static void closevariables (lua_State *L, task *t) {
  t->closing = 1;
  tl_closethread(t->co, L);
}


static void cancel (lua_State *L, task *t) {
  tl_wait *w = t->wait;
  if (w != NULL) {
    if (w->cancel != NULL) w->cancel(w);
    tl_drop(w);
  }
  t->cancelled = 1;
  closevariables(L, t);
  lua_settop(t->co, 0);
  lua_pushlightuserdata(t->co, (void *)&CANCELLED);
  ended(L, t, LUA_ERRRUN);
}


static void step (lua_State *L, task *t, int nargs) {
  int nresults = 0, status;
  loop.running = t;
  status = lua_resume(t->co, L, nargs, &nresults);
  loop.running = NULL;
  if (status == LUA_YIELD) {
    if (t->doomed) cancel(L, t);
    else if (t->wait == NULL) giveway(t, nresults);
    return;
  }
  if (status != LUA_OK) {
    savetrace(L, t->co);
    closevariables(L, t);
  }
  ended(L, t, status);
}


/* Wholly, so that no queued wait can be freed by a close callback of the next turn. */
static void drain (lua_State *L) {
  while (loop.ready.next != &loop.ready) {
    tl_wait *w = loop.ready.next;
    task *t = taskof(w->co);
    int nargs = w == &t->start ? t->args : 0;
    unqueue(w);
    w->co = NULL;
    t->wait = NULL;
    step(L, t, nargs);
  }
  uv_idle_stop(&loop.awake);
}


/* One turn of libuv; false when nothing is left that could ever wake a task. */
static int turn (void) {
  int more = uv_run(&loop.uv, loop.later.next != &loop.later ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  while (loop.later.next != &loop.later) {
    tl_wait *w = loop.later.next;
    unqueue(w);
    enqueue(&loop.ready, w);
  }
  return more || loop.ready.next != &loop.ready;
}


/* ----- the host's part ----- */

int tl_loop_open (void) {
  int status;
  loop.ready.next = loop.ready.prev = &loop.ready;
  loop.later.next = loop.later.prev = &loop.later;
  if ((status = uv_loop_init(&loop.uv)) != 0) return status;
  uv_idle_init(&loop.uv, &loop.awake);
  uv_unref((uv_handle_t *)&loop.awake);
  return 0;
}


/* Appends the traceback in user value 2 of the box at `box` to the error at the top. */
static int addtrace (lua_State *L) {
  lua_getiuservalue(L, 1, 2);
  if (lua_type(L, 2) != LUA_TSTRING || lua_type(L, 3) != LUA_TSTRING) return lua_settop(L, 2), 1;
  lua_pushliteral(L, "\n");
  lua_insert(L, -2);
  lua_concat(L, 3);
  return 1;
}


/* Moves the main task's results, or its error with the traceback, over its box. */
static int finish (lua_State *L, task *t, int box) {
  int n = t->status == LUA_OK ? lua_gettop(t->co) : 1;
  if (!lua_checkstack(L, n + 2)) return LUA_ERRMEM;
  if (t->status == LUA_OK) {
    lua_xmove(t->co, L, n);
    lua_remove(L, box);
    return LUA_OK;
  }
  lua_pushcfunction(L, addtrace);
  lua_insert(L, box);
  lua_xmove(t->co, L, 1);
  lua_pcall(L, 2, 1, 0);
  return t->status;
}


static int launchmain (lua_State *L) {
  launch(L, lua_gettop(L) - 1);
  return 1;
}


int tl_loop_run (lua_State *L, int nargs) {
  int box = lua_gettop(L) - nargs;
  task *t;
  lua_pushcfunction(L, launchmain);
  lua_insert(L, box);
  if (lua_pcall(L, nargs + 1, 1, 0) != LUA_OK) return LUA_ERRRUN;
  t = lua_touserdata(L, box);
  for (;;) {
    drain(L);
    if (t->status != LUA_YIELD) return finish(L, t, box);
    if (!turn()) break;
  }
  lua_settop(L, box - 1);
  lua_pushliteral(L, "every task waits for something that can't happen: a bug of tidelock");
  return LUA_ERRRUN;
}


void tl_loop_stop (lua_State *L) {
  while (loop.living != NULL) cancel(L, loop.living);
}


int tl_loop_close (void) {
  int tries = 100;
  uv_close((uv_handle_t *)&loop.awake, NULL);
  while (tries-- > 0 && uv_run(&loop.uv, UV_RUN_NOWAIT) != 0) continue;
  return uv_loop_close(&loop.uv);
}

/* ----- sleep ----- */

static void freesleeper (uv_handle_t *uv) {
  free(uv->data);
}


static void onfire (uv_timer_t *uv) {
  tl_wake(&((sleeper *)uv->data)->wait);
}


static int slept (lua_State *L, int status, lua_KContext ctx) {
  (void)L; (void)status;
  uv_close((uv_handle_t *)&((sleeper *)ctx)->uv, freesleeper);
  return 0;
}


static void cancelsleep (tl_wait *w) {
  sleeper *s = (sleeper *)((char *)w - offsetof(sleeper, wait));
  uv_close((uv_handle_t *)&s->uv, freesleeper);
}


static int loop_sleep (lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  sleeper *s;
  luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 1, "seconds must be from 0 to 1e9");
  tl_mustwait(L);
  s = calloc(1, sizeof *s);
  if (s == NULL) return luaL_error(L, "not enough memory");
  uv_timer_init(&loop.uv, &s->uv);
  s->uv.data = s;
  s->wait.cancel = cancelsleep;
  tl_hold(L, &s->wait);
  uv_update_time(&loop.uv);
  /* libuv's clock is whole milliseconds, rounded down: one more, never to wake early */
  uv_timer_start(&s->uv, onfire, seconds > 0 ? (uint64_t)ceil(seconds * 1000) + 1 : 0, 0);
  return lua_yieldk(L, 0, (lua_KContext)s, slept);
}

/* ----- Lua functions ----- */

static int loop_spawn (lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  launch(L, lua_gettop(L) - 1);
  return 1;
}


/* True and the results, or false and the error; both stay on the dead thread's stack. */
static int outcome (lua_State *L, task *t) {
  int n = t->status == LUA_OK ? lua_gettop(t->co) : 1;
  luaL_checkstack(L, n + 1, "too many results of a task");
  lua_pushboolean(L, t->status == LUA_OK);
  if (!lua_checkstack(t->co, n)) return luaL_error(L, "not enough memory");
  for (int i = 1, top = lua_gettop(t->co); i <= n; i++) lua_pushvalue(t->co, top - n + i);
  lua_xmove(t->co, L, n);
  return n + 1;
}


static void enjoin (task *t, join *j) {
  j->target = t;
  j->prev = t->joins != NULL ? t->lastjoin : &t->joins;
  *j->prev = j;
  t->lastjoin = &j->next;
}


static void unjoin (join *j) {
  *j->prev = j->next;
  if (j->next != NULL) j->next->prev = j->prev;
  else j->target->lastjoin = j->prev;
}


static int joined (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  unjoin((join *)ctx);
  return outcome(L, lua_touserdata(L, 1));
}


static void canceljoin (tl_wait *w) {
  unjoin((join *)w);
}


static int loop_wait (lua_State *L) {
  task *t = luaL_checkudata(L, 1, TASK);
  join *j;
  luaL_argcheck(L, t != taskof(L), 1, "a task can't wait for itself");
  lua_settop(L, 1);
  if (t->status != LUA_YIELD) return outcome(L, t);
  j = lua_newuserdatauv(L, sizeof *j, 0);
  *j = (join){.wait.cancel = canceljoin};
  tl_hold(L, &j->wait);
  enjoin(t, j);
  return lua_yieldk(L, 0, (lua_KContext)j, joined);
}


static int loop_cancel (lua_State *L) {
  task *t = luaL_checkudata(L, 1, TASK), *caller = taskof(L);
  if (t->status != LUA_YIELD || t->closing) return lua_pushboolean(L, 0), 1;
  if (t == loop.running && (caller == t || caller == NULL)) {
    lua_pushlightuserdata(L, (void *)&CANCELLED);
    return lua_error(L);
  }
  if (t == loop.running) t->doomed = 1;
  else cancel(L, t);
  lua_pushboolean(L, 1);
  return 1;
}


static int loop_current (lua_State *L) {
  task *t = taskof(L);
  if (t == NULL || t != loop.running) return 0;
  lua_rawgetp(L, LUA_REGISTRYINDEX, t->co);
  return 1;
}


static int loop_status (lua_State *L) {
  task *t = luaL_checkudata(L, 1, TASK);
  lua_pushstring(L, t == loop.running ? "running" : t->status == LUA_YIELD ? "alive"
                  : t->status == LUA_OK ? "done" : t->cancelled ? "cancelled" : "failed");
  return 1;
}


static int loop_trace (lua_State *L) {
  luaL_checkudata(L, 1, TASK);
  lua_getiuservalue(L, 1, 2);
  return 1;
}


static int loop_now (lua_State *L) {
  lua_pushnumber(L, (lua_Number)uv_hrtime() / 1e9);
  return 1;
}


static int loop_time (lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}


static void countactive (uv_handle_t *uv, void *n) {
  if (uv_is_active(uv) && uv_has_ref(uv)) ++*(lua_Integer *)n;
}


static int loop_stats (lua_State *L) {
  lua_Integer active = 0;
  uv_walk(&loop.uv, countactive, &active);
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, loop.alive);
  lua_setfield(L, -2, "tasks");
  lua_pushinteger(L, active);
  lua_setfield(L, -2, "handles");
  return 1;
}


/* Before the library's function, upvalue 1: a task is resumed and closed by the loop alone. */
static int notatask (lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argcheck(L, co == NULL || co == L || taskof(co) == NULL, 1,
                "this is the coroutine of a task: wait for the task, or cancel it");
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}


static void guardcoroutines (lua_State *L) {
  static const char *const names[] = {"resume", "close", NULL};
  lua_getglobal(L, LUA_COLIBNAME);
  for (int i = 0; names[i] != NULL; i++) {
    lua_getfield(L, -1, names[i]);
    lua_pushcclosure(L, notatask, 1);
    lua_setfield(L, -2, names[i]);
  }
  lua_pop(L, 1);
}


static const luaL_Reg functions[] = {
  {"cancel", loop_cancel}, {"current", loop_current}, {"now", loop_now}, {"sleep", loop_sleep},
  {"spawn", loop_spawn}, {"stats", loop_stats}, {"status", loop_status}, {"time", loop_time},
  {"trace", loop_trace}, {"wait", loop_wait}, {NULL, NULL}
};


int luaopen_tidelock_loop (lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  *(task **)lua_getextraspace(lua_tothread(L, -1)) = NULL;  /* new threads copy it */
  luaL_newmetatable(L, TASK);
  lua_pop(L, 1);
  guardcoroutines(L);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, (void *)&CANCELLED);
  lua_setfield(L, -2, "CANCELLED");
  return 1;
}

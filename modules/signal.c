/* signal.c -- tidelock.signal: a task that waits for a signal of the system. */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "loop.h"
#include "modules.h"

#define MAXSIGNALS 4

/* Malloc'd: libuv outlives the task. Freed when the last of its handles has closed. */
typedef struct watch {
  uv_signal_t uv[MAXSIGNALS];
  tl_wait wait;
  int n, open, caught;
} watch;

static const char *const names[] = {"INT", "TERM", "HUP", "QUIT", "USR1", "WINCH", NULL};
static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGWINCH};


static void onclose (uv_handle_t *uv) {
  watch *w = uv->data;
  if (--w->open == 0) free(w);
}


static void stop (watch *w) {
  for (int i = 0; i < w->n; i++) uv_close((uv_handle_t *)&w->uv[i], onclose);
}


static void cancelwatch (tl_wait *wait) {
  stop((watch *)((char *)wait - offsetof(watch, wait)));
}


static void onsignal (uv_signal_t *uv, int number) {
  watch *w = uv->data;
  w->caught = number;
  tl_wake(&w->wait);
}


static int caught (lua_State *L, int status, lua_KContext ctx) {
  watch *w = (watch *)ctx;
  (void)status;
  for (int i = 0; names[i] != NULL; i++)
    if (numbers[i] == w->caught) lua_pushstring(L, names[i]);
  stop(w);
  return 1;
}


static void start (watch *w, int number) {
  uv_signal_t *uv = &w->uv[w->n++];
  uv_signal_init(tl_loop(), uv);
  uv->data = w;
  w->open++;
  uv_signal_start(uv, onsignal, number);
  uv_unref((uv_handle_t *)uv);   /* a wait for a signal alone must not keep a finished loop turning */
}


/*
** signal.wait("INT", "TERM") -> "INT". While a task waits, the signal's default
** action is off; the next one, if no task waits by then, does its default again.
*/
static int signal_wait (lua_State *L) {
  int n = lua_gettop(L), which[MAXSIGNALS];
  watch *w;
  luaL_argcheck(L, n >= 1 && n <= MAXSIGNALS, 1, "one to four names of signals expected");
  for (int i = 0; i < n; i++) which[i] = numbers[luaL_checkoption(L, i + 1, NULL, names)];
  tl_mustwait(L);
  w = calloc(1, sizeof *w);
  if (w == NULL) return luaL_error(L, "not enough memory");
  w->wait.cancel = cancelwatch;
  tl_hold(L, &w->wait);
  for (int i = 0; i < n; i++) start(w, which[i]);
  return lua_yieldk(L, 0, (lua_KContext)w, caught);
}

static const luaL_Reg functions[] = {{"wait", signal_wait}, {NULL, NULL}};


int luaopen_tidelock_signal (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

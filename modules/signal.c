/* signal.c -- tidelock.signal: a task that waits for a signal of the system. */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "loop.h"
#include "modules.h"

#define MAXSIGNALS 4
#define INTERRUPTED 130
#define STOPPED "tidelock: stopped at once.\n"
#define MOMENT 0.1        /* seconds: what sends one signal twice by mistake does it faster */

/* Malloc'd: libuv outlives the task. Freed when the last of its handles has closed. */
typedef struct watch {
  uv_signal_t uv[MAXSIGNALS];
  tl_wait wait;
  int n, open, caught;
} watch;

static const char *const names[] = {"INT", "TERM", "HUP", "QUIT", "USR1", "WINCH", NULL};
static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGWINCH};


/*
** A task hears of a signal when the loop turns. Where it does not, in one long call into C, the
** next signal, a moment after the first, ends the process from within the handler: all that must
** outlive it is on the disk already.
*/
static struct {
  void (*pass[NSIG]) (int);          /* libuv's own handler */
  double since;                      /* when the one that no task has heard of came; 0 without */
  char words[512];                   /* what is said then */
  size_t length;
} last = {.words = STOPPED, .length = sizeof STOPPED - 1};

static double now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


static void onarrival (int number) {
  double at = now();
  if (last.since > 0 && at - last.since > MOMENT) {
    if (write(STDERR_FILENO, last.words, last.length) < 0) _exit(INTERRUPTED);
    _exit(INTERRUPTED);
  }
  if (last.since <= 0) last.since = at;
  last.pass[number](number);
}


/* Whether people send it to end the program. */
static int ends (int number) {
  return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}


/* Before libuv's handler, as long as that is there: it leaves with the last that waits. */
static void precede (int number) {
  struct sigaction action;
  if (sigaction(number, NULL, &action) != 0 || action.sa_handler == onarrival) return;
  last.pass[number] = action.sa_handler;
  action.sa_handler = onarrival;
  sigaction(number, &action, NULL);
}


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
  last.since = 0;
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
  if (uv_signal_start(uv, onsignal, number) == 0 && ends(number)) precede(number);
  /* a wait for a signal alone must not keep a finished loop turning */
  uv_unref((uv_handle_t *)uv);
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

/*
** signal.last_words(text): what is said where a second signal ends the program because no task
** could hear of the first.
*/
static int signal_last_words (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  if (n >= sizeof last.words) n = sizeof last.words - 1;
  memcpy(last.words, text, n);
  last.words[n] = '\n';
  last.length = n + 1;
  return 0;
}

static const luaL_Reg functions[] = {
  {"last_words", signal_last_words}, {"wait", signal_wait}, {NULL, NULL}
};


int luaopen_tidelock_signal (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

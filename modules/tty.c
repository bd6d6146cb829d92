/* tty.c -- tidelock.tty: is a person there, how wide is the window, a wait for what is typed. */
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lauxlib.h>

#include "loop.h"
#include "modules.h"

static const char *const streams[] = {"stdin", "stdout", "stderr", NULL};

/* tty.is("stdout") -> boolean */
static int tty_is (lua_State *L) {
  lua_pushboolean(L, isatty(luaL_checkoption(L, 1, "stdout", streams)));
  return 1;
}


/* tty.size() -> columns, rows of the window; nil where there is none */
static int tty_size (lua_State *L) {
  struct winsize size;
  for (int fd = 1; fd <= 2; fd++) {
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) continue;
    lua_pushinteger(L, size.ws_col);
    lua_pushinteger(L, size.ws_row);
    return 2;
  }
  return 0;
}

/* ----- waiting for a line without blocking the loop ----- */

/* malloc'd: libuv outlives the task */
typedef struct input { uv_poll_t uv; tl_wait wait; } input;

static void onclose (uv_handle_t *uv) { free(uv->data); }

static void onready (uv_poll_t *uv, int status, int events) {
  (void)status; (void)events;
  uv_poll_stop(uv);
  tl_wake(&((input *)uv->data)->wait);
}


static void cancelinput (tl_wait *w) {
  input *in = (input *)((char *)w - offsetof(input, wait));
  uv_close((uv_handle_t *)&in->uv, onclose);
}


static int ready (lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  uv_close((uv_handle_t *)&((input *)ctx)->uv, onclose);
  lua_pushboolean(L, 1);
  return 1;
}


/* tty.wait() parks the task until something can be read from standard input (or it has ended). */
static int tty_wait (lua_State *L) {
  input *in;
  tl_mustwait(L);
  in = calloc(1, sizeof *in);
  if (in == NULL) return luaL_error(L, "not enough memory");
  if (uv_poll_init(tl_loop(), &in->uv, STDIN_FILENO) != 0) {   /* a plain file is always ready */
    free(in);
    lua_pushboolean(L, 1);
    return 1;
  }
  in->uv.data = in;
  in->wait.cancel = cancelinput;
  tl_hold(L, &in->wait);
  uv_poll_start(&in->uv, UV_READABLE, onready);
  return lua_yieldk(L, 0, (lua_KContext)in, ready);
}

static const luaL_Reg functions[] = {
  {"is", tty_is}, {"size", tty_size}, {"wait", tty_wait}, {NULL, NULL}
};


int luaopen_tidelock_tty (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

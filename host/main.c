/* main.c -- tidelock: opens the loop and the state, runs lib/cli as the main task, exits by it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lauxlib.h>

#include "arena.h"
#include "embed.h"
#include "limit.h"
#include "loop.h"
#include "state.h"

#define INTERNAL 70
#define CREDIT 2048   /* kB of Lua values before the collector looks: one call makes less */

/* Pushes cli.main and the arguments; argv comes as a light userdata. */
static int prepare (lua_State *L) {
  char **argv = lua_touserdata(L, 1);
  tl_openlibs(L);
  tl_embed_searcher(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cli");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "main");
  lua_newtable(L);
  for (int i = 0; argv[i] != NULL; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
  return 2;
}


static int run (lua_State *L, char **argv) {
  int status;
  lua_pushcfunction(L, prepare);
  lua_pushlightuserdata(L, argv);
  status = lua_pcall(L, 1, 2, 0);
  if (status == LUA_OK) status = tl_loop_run(L, 1);
  if (status == LUA_OK) return (int)lua_tointeger(L, -1);
  fprintf(stderr, "tidelock: internal error, please report it: %s\n", luaL_tolstring(L, -1, NULL));
  return INTERNAL;
}


/*
** Who starts us with a stream closed wants nothing of it. Its number must not go to a journal or a
** socket, where the next line for people would land. Without a /dev, the root holds the number.
*/
static void occupied (void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    if (open("/dev/null", O_RDWR) < 0) (void)!open("/", O_RDONLY);
  }
}


/*
** A full disk behind `> file` must not look like success; a reader that has seen
** enough (`| head`) may leave.
*/
static int flushed (int code) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  if (errno == EPIPE) return code;
  perror("tidelock: could not write the whole output");
  return code != 0 ? code : INTERNAL;
}


int main (int argc, char **argv) {
  const struct rlimit none = {0, 0};
  tl_blocks blocks = tl_arena;
  lua_State *L;
  int code;
  (void)argc;
  occupied();
  setrlimit(RLIMIT_CORE, &none);   /* credentials live in this memory */
  signal(SIGPIPE, SIG_IGN);
  if (tl_loop_open() != 0 || (L = lua_newstate(tl_alloc, &blocks)) == NULL) {
    fprintf(stderr, "tidelock: not enough memory to start\n");
    return INTERNAL;
  }
  lua_gc(L, LUA_GCSTEP, -CREDIT);
  code = flushed(run(L, argv));
  tl_loop_stop(L);
  tl_arena_leave();
  lua_close(L);
  tl_loop_close();
  return code;
}

/* proc.c -- tidelock.proc: other programs, their pipes and their ends, on the loop. */
#include "fail.h"
#include "loop.h"
#include "modules.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <lauxlib.h>

#define PROC "tidelock.proc"
#define CHUNK 65536
#define MAXOUTPUT (64u << 20)      /* of one pipe that `run` collects */

extern char **environ;

enum {IN, OUT, ERR, NSTREAMS};
enum {INHERIT, PIPE, NOTHING};     /* as `modes` names them */

typedef struct stream {
  uv_pipe_t uv;
  tl_wait wait;
  char *data;                      /* read and not yet taken; or, of IN, being written */
  size_t len, size;
  int error;                       /* of libuv; UV_EOF at a clean end */
  int open;
} stream;

/* Malloc'd: libuv outlives the box. Freed by the close callback of its last handle. */
typedef struct proc {
  uv_process_t uv;
  uv_write_t write;
  stream s[NSTREAMS];
  tl_wait wait;
  int64_t code;
  int signal;
  int running, exited, collect;
  int handles;
} proc;

/* ----- the end of a process's life ----- */

static void onclosed (uv_handle_t *uv) {
  proc *p = uv->data;
  if (--p->handles > 0) return;
  for (int i = 0; i < NSTREAMS; i++) free(p->s[i].data);
  free(p);
}


static void shut (stream *s) {
  if (!s->open) return;
  s->open = 0;
  if (s->error == 0) s->error = UV_ECANCELED;
  uv_close((uv_handle_t *)&s->uv, onclosed);
  tl_wake(&s->wait);
}


/*
** A program that still runs ends with its handle, at once: an owner that is
** gone must not leave it behind. It is reaped here, since libuv forgets it.
*/
static void end (proc *p) {
  if (p->running) {
    int status;
    pid_t pid = p->uv.pid;
    p->running = 0;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  }
  for (int i = 0; i < NSTREAMS; i++) shut(&p->s[i]);
  uv_close((uv_handle_t *)&p->uv, onclosed);
  tl_wake(&p->wait);
}


static int proc_close (lua_State *L) {
  proc **box = luaL_checkudata(L, 1, PROC);
  if (*box != NULL) {
    proc *p = *box;
    *box = NULL;
    end(p);
  }
  return 0;
}

/* ----- callbacks: no Lua here ----- */

static int finished (const proc *p) {
  return p->exited && p->s[OUT].error != 0 && p->s[ERR].error != 0;
}


static void onexit (uv_process_t *uv, int64_t code, int sig) {
  proc *p = uv->data;
  p->running = 0;
  p->exited = 1;
  p->code = code;
  p->signal = sig;
  if (!p->collect || finished(p)) tl_wake(&p->wait);
}


static void onalloc (uv_handle_t *uv, size_t hint, uv_buf_t *buf) {
  stream *s = (stream *)uv;
  (void)hint;
  if (s->size - s->len < CHUNK) {
    size_t size = s->size * 2 < s->len + CHUNK ? s->len + CHUNK : s->size * 2;
    char *data = realloc(s->data, size);
    if (data == NULL) {
      *buf = uv_buf_init(NULL, 0);           /* onread gets UV_ENOBUFS */
      return;
    }
    s->data = data;
    s->size = size;
  }
  *buf = uv_buf_init(s->data + s->len, CHUNK);
}


static void onread (uv_stream_t *uv, ssize_t n, const uv_buf_t *buf) {
  stream *s = (stream *)uv;
  proc *p = uv->data;
  (void)buf;
  if (n == 0) return;
  if (n > 0) s->len += (size_t)n;
  else s->error = (int)n;
  if (p->collect && n > 0 && s->len > MAXOUTPUT) s->error = UV_E2BIG;
  if (!p->collect || s->error != 0) uv_read_stop(uv);
  tl_wake(&s->wait);
  if (s->error == UV_E2BIG && p->running) uv_process_kill(&p->uv, SIGKILL);
  if (p->collect && finished(p)) tl_wake(&p->wait);
}


static void onwritten (uv_write_t *req, int status) {
  proc *p = (proc *)req->handle->data;
  stream *s = &p->s[IN];
  free(s->data);
  s->data = NULL;
  if (status < 0 && s->error == 0) s->error = status;
  if (p->collect) shut(s);                   /* `run` has said all it had to say */
  else tl_wake(&s->wait);
}


static void stopread (tl_wait *w) {
  stream *s = (stream *)((char *)w - offsetof(stream, wait));
  if (s->open) uv_read_stop((uv_stream_t *)&s->uv);
}

/* ----- what to start ----- */

static const char *checktext (lua_State *L, const char *what) {
  size_t len;
  const char *s = lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER
                  ? lua_tolstring(L, -1, &len) : NULL;
  if (s == NULL) luaL_error(L, "proc: %s must be a string, not %s", what, luaL_typename(L, -1));
  else if (strlen(s) != len) luaL_error(L, "proc: %s holds a NUL byte", what);
  return s;
}


/* Pushes an array of the strings 1..n of the table at 1, which keeps them alive. */
static char **pushargs (lua_State *L) {
  lua_Integer n = luaL_len(L, 1);
  char **args;
  luaL_argcheck(L, n >= 1 && n < 1 << 20, 1, "names no program: {\"program\", \"argument\", ...}");
  args = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *args, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, 1, i);
    args[i - 1] = (char *)checktext(L, "an argument");
    if (lua_type(L, -1) != LUA_TSTRING) {    /* a number: its text needs an owner */
      lua_seti(L, 1, i);
      lua_geti(L, 1, i);
    }
    lua_pop(L, 1);
  }
  args[n] = NULL;
  return args;
}


/* The environment of this process without the names of the table at `env`. */
static size_t inherit (lua_State *L, int env, char **out) {
  size_t n = 0;
  for (char **e = environ; *e != NULL; e++) {
    const char *eq = strchr(*e, '=');
    lua_pushlstring(L, *e, eq != NULL ? (size_t)(eq - *e) : strlen(*e));
    if (lua_rawget(L, env) == LUA_TNIL) out[n++] = *e;
    lua_pop(L, 1);
  }
  return n;
}


static size_t count (lua_State *L, int t) {
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, t); lua_pop(L, 1)) n++;
  return n;
}


/* Pushes "NAME=value" for the pair at the top, anchored in the table at `keep`. */
static char *assignment (lua_State *L, int keep) {
  const char *name, *value = checktext(L, "an environment value");
  lua_pushvalue(L, -2);
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "proc: an environment name must be a string");
  name = checktext(L, "an environment name");
  if (*name == '\0' || strchr(name, '=') != NULL)
    luaL_error(L, "proc: \"%s\" can't be an environment name", name);
  lua_pushfstring(L, "%s=%s", name, value);
  lua_pushvalue(L, -1);
  lua_rawseti(L, keep, (lua_Integer)lua_rawlen(L, keep) + 1);
  value = lua_tostring(L, -1);
  lua_pop(L, 2);
  return (char *)value;
}


/* Pushes two values; the array is NULL where there is no `env`. False removes a name. */
static char **pushenv (lua_State *L) {
  int env, keep;
  size_t n = 0;
  char **out;
  if (lua_getfield(L, 1, "env") == LUA_TNIL) return NULL;
  luaL_argcheck(L, lua_istable(L, -1), 1, "env must be a table of names and values");
  env = lua_gettop(L);
  for (char **e = environ; *e != NULL; e++) n++;
  lua_newtable(L);
  keep = lua_gettop(L);
  out = lua_newuserdatauv(L, (n + count(L, env) + 1) * sizeof *out, 0);
  n = inherit(L, env, out);
  for (lua_pushnil(L); lua_next(L, env); lua_pop(L, 1))
    if (lua_toboolean(L, -1)) out[n++] = assignment(L, keep);
  out[n] = NULL;
  return out;
}


static int modeof (lua_State *L, const char *field, int def) {
  static const char *const modes[] = {"inherit", "pipe", "null", NULL};
  int mode;
  lua_getfield(L, 1, field);
  mode = lua_isnil(L, -1) ? def : luaL_checkoption(L, -1, NULL, modes);
  lua_pop(L, 1);
  return mode;
}


static const char *pushfield (lua_State *L, const char *field, size_t *len) {
  if (lua_getfield(L, 1, field) == LUA_TNIL) return NULL;
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "proc: %s must be a string", field);
  return lua_tolstring(L, -1, len);
}

/* ----- starting it ----- */

static void openpipe (proc *p, uv_stdio_container_t *c, int i, int mode) {
  stream *s = &p->s[i];
  s->error = UV_EOF;                         /* of a stream that is no pipe */
  c->flags = mode == INHERIT ? UV_INHERIT_FD : UV_IGNORE;
  c->data.fd = i;
  if (mode != PIPE) return;
  uv_pipe_init(tl_loop(), &s->uv, 0);
  s->uv.data = p;
  s->open = 1;
  s->error = 0;
  s->wait.cancel = i == IN ? NULL : stopread;
  p->handles++;
  c->flags = UV_CREATE_PIPE | (i == IN ? UV_READABLE_PIPE : UV_WRITABLE_PIPE);
  c->data.stream = (uv_stream_t *)&s->uv;
}


/* Takes `data`, which is malloc'd. */
static int startwrite (proc *p, char *data, size_t len) {
  stream *s = &p->s[IN];
  uv_buf_t buf = uv_buf_init(data, (unsigned)len);
  int r = uv_write(&p->write, (uv_stream_t *)&s->uv, &buf, 1, onwritten);
  if (r < 0) free(data);
  else s->data = data;
  return r;
}


/*
** Checks the table at 1, starts its program and pushes the box that owns it, or
** nil and the error. `def` is what becomes of stdout and stderr by default.
*/
static proc *start (lua_State *L, int def, int *nresults) {
  uv_process_options_t o = {.exit_cb = onexit, .stdio_count = NSTREAMS};
  uv_stdio_container_t stdio[NSTREAMS];
  size_t inputlen = 0, cwdlen;
  const char *input;
  char *copy = NULL;
  proc **box, *p;
  int r, mode[NSTREAMS];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  mode[OUT] = modeof(L, "stdout", def);
  mode[ERR] = modeof(L, "stderr", def);
  mode[IN] = modeof(L, "stdin", NOTHING);
  input = pushfield(L, "input", &inputlen);
  luaL_argcheck(L, inputlen < 1u << 30, 1, "input is too long");
  if (input != NULL) mode[IN] = PIPE;
  o.cwd = pushfield(L, "cwd", &cwdlen);
  if (lua_getfield(L, 1, "session") != LUA_TNIL && lua_toboolean(L, -1))
    o.flags |= UV_PROCESS_DETACHED;          /* out of reach of the terminal's Ctrl-C */
  o.args = pushargs(L);
  o.file = o.args[0];
  o.env = pushenv(L);
  o.stdio = stdio;
  box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, PROC);
  if (input != NULL && (copy = malloc(inputlen + 1)) == NULL) luaL_error(L, "not enough memory");
  if ((p = calloc(1, sizeof *p)) == NULL) {
    free(copy);
    luaL_error(L, "not enough memory");
    return NULL;
  }
  p->uv.data = p;
  p->handles = 1;
  for (int i = 0; i < NSTREAMS; i++) openpipe(p, &stdio[i], i, mode[i]);
  r = uv_spawn(tl_loop(), &p->uv, &o);
  *box = p;                                  /* a failed one too has to be closed */
  p->running = r == 0;
  if (r == 0 && input != NULL) r = startwrite(p, memcpy(copy, input, inputlen), inputlen);
  else free(copy);
  if (r == 0) {
    *nresults = 1;
    return p;
  }
  *box = NULL;
  end(p);
  *nresults = tl_fail(L, "proc", "could not start %s: %s; is it installed, and on the PATH?",
                      o.file, uv_strerror(r));
  return NULL;
}


static int proc_spawn (lua_State *L) {
  int n;
  start(L, INHERIT, &n);
  return n;
}

/* ----- methods ----- */

static proc *check (lua_State *L) {
  proc **box = luaL_checkudata(L, 1, PROC);
  luaL_argcheck(L, *box != NULL, 1, "the process is closed");
  return *box;
}


static int closed (lua_State *L) {
  return tl_fail(L, "closed", "the process was closed by another task while this one waited");
}


/* The exit code, and the signal's number where one ended it. */
static int ended (lua_State *L, int status, lua_KContext ctx) {
  proc **box = lua_touserdata(L, 1);
  (void)status; (void)ctx;
  if (*box == NULL) return closed(L);
  lua_pushinteger(L, (lua_Integer)(*box)->code);
  if ((*box)->signal != 0) lua_pushinteger(L, (*box)->signal);
  else lua_pushnil(L);
  return 2;
}


static int proc_wait (lua_State *L) {
  proc *p = check(L);
  luaL_argcheck(L, p->wait.co == NULL, 1, "another task waits for this process already");
  if (p->exited) return ended(L, LUA_OK, 0);
  tl_hold(L, &p->wait);
  uv_ref((uv_handle_t *)&p->uv);
  return lua_yieldk(L, 0, 0, ended);
}


/* unref(): it runs on in the background, and no longer counts as something to wait for. */
static int proc_unref (lua_State *L) {
  uv_unref((uv_handle_t *)&check(L)->uv);
  return 0;
}


static int gotchunk (lua_State *L, int status, lua_KContext which) {
  proc **box = lua_touserdata(L, 1);
  stream *s;
  (void)status;
  if (*box == NULL) return closed(L);
  s = &(*box)->s[which];
  if (s->len > 0) {
    lua_pushlstring(L, s->data, s->len);
    s->len = 0;
    return 1;
  }
  if (s->error == UV_EOF) return lua_pushnil(L), 1;
  return tl_fail(L, "proc", "could not read from the process: %s", uv_strerror(s->error));
}


/* read(["stdout"|"stderr"]): what has come, or nil at the end. */
static int proc_read (lua_State *L) {
  static const char *const names[] = {"stdout", "stderr", NULL};
  proc *p = check(L);
  int which = luaL_checkoption(L, 2, "stdout", names) == 0 ? OUT : ERR;
  stream *s = &p->s[which];
  luaL_argcheck(L, s->wait.co == NULL, 1, "another task reads from this process already");
  if (s->len > 0 || s->error != 0) return gotchunk(L, LUA_OK, which);
  tl_hold(L, &s->wait);
  uv_read_start((uv_stream_t *)&s->uv, onalloc, onread);
  return lua_yieldk(L, 0, which, gotchunk);
}


static int wrote (lua_State *L, int status, lua_KContext ctx) {
  proc **box = lua_touserdata(L, 1);
  (void)status; (void)ctx;
  if (*box == NULL) return closed(L);
  if ((*box)->s[IN].error != 0)
    return tl_fail(L, "proc", "could not write to the process: %s; it has ended or closed its"
                   " input",
                   uv_strerror((*box)->s[IN].error));
  lua_pushboolean(L, 1);
  return 1;
}


static int proc_write (lua_State *L) {
  proc *p = check(L);
  size_t len;
  const char *data = luaL_checklstring(L, 2, &len);
  stream *s = &p->s[IN];
  char *copy;
  int r;
  luaL_argcheck(L, s->open, 1, "its input is closed, or no pipe: start it with stdin = \"pipe\"");
  luaL_argcheck(L, s->wait.co == NULL && s->data == NULL, 1, "another task writes to it already");
  luaL_argcheck(L, len < 1u << 30, 2, "is too long");
  if (s->error != 0) return wrote(L, LUA_OK, 0);
  if ((copy = malloc(len + 1)) == NULL) return luaL_error(L, "not enough memory");
  memcpy(copy, data, len);
  if ((r = startwrite(p, copy, len)) < 0) s->error = r;
  if (r < 0) return wrote(L, LUA_OK, 0);
  tl_hold(L, &s->wait);
  return lua_yieldk(L, 0, 0, wrote);
}


static int proc_shut (lua_State *L) {
  shut(&check(L)->s[IN]);
  return 0;
}


static int signalof (lua_State *L, int idx) {
  static const char *const names[] = {"TERM", "KILL", "INT", "HUP", "USR1", "USR2", NULL};
  static const int numbers[] = {SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
  if (lua_isinteger(L, idx)) return (int)lua_tointeger(L, idx);
  return numbers[luaL_checkoption(L, idx, "TERM", names)];
}


static int proc_kill (lua_State *L) {
  proc *p = check(L);
  int sig = signalof(L, 2);
  luaL_argcheck(L, sig > 0 && sig < NSIG, 2, "is no signal");
  lua_pushboolean(L, p->running && uv_process_kill(&p->uv, sig) == 0);
  return 1;
}


static int proc_pid (lua_State *L) {
  lua_pushinteger(L, check(L)->uv.pid);
  return 1;
}

/* ----- run: start, feed, collect, wait ----- */

static void setbytes (lua_State *L, const stream *s, const char *field) {
  lua_pushlstring(L, s->data != NULL ? s->data : "", s->len);
  lua_setfield(L, -2, field);
}


static int collected (lua_State *L, int status, lua_KContext ctx) {
  proc *p = (proc *)ctx;
  (void)status;
  for (int i = OUT; i <= ERR; i++)
    if (p->s[i].error != UV_EOF)
      return tl_fail(L, "proc", "could not collect what the program printed: %s",
                     uv_strerror(p->s[i].error));
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, (lua_Integer)p->code);
  lua_setfield(L, -2, "code");
  if (p->signal != 0) {
    lua_pushinteger(L, p->signal);
    lua_setfield(L, -2, "signal");
  }
  setbytes(L, &p->s[OUT], "stdout");
  setbytes(L, &p->s[ERR], "stderr");
  return 1;
}


/* The box is marked to be closed: a cancelled `run` takes its program with it. */
static int proc_run (lua_State *L) {
  int n;
  proc *p = start(L, PIPE, &n);
  if (p == NULL) return n;
  lua_toclose(L, -1);
  tl_hold(L, &p->wait);
  p->collect = 1;
  for (int i = OUT; i <= ERR; i++)
    if (p->s[i].open) uv_read_start((uv_stream_t *)&p->s[i].uv, onalloc, onread);
  return lua_yieldk(L, 0, (lua_KContext)p, collected);
}


static const luaL_Reg methods[] = {
  {"close", proc_close}, {"kill", proc_kill}, {"pid", proc_pid}, {"read", proc_read},
  {"shut", proc_shut}, {"unref", proc_unref}, {"wait", proc_wait}, {"write", proc_write},
  {NULL, NULL}
};

static const luaL_Reg meta[] = {{"__close", proc_close}, {"__gc", proc_close}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"run", proc_run}, {"spawn", proc_spawn}, {NULL, NULL}};


/* A program that closes its input is an error of the write, not the end of this process. */
int luaopen_tidelock_proc (lua_State *L) {
  struct sigaction old;
  if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
  luaL_newmetatable(L, PROC);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}

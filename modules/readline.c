/* readline.c -- tidelock.readline: lines edited on the terminal, and Ctrl-C between them. */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <uv.h>

#include "fail.h"
#include "lineedit.h"
#include "loop.h"
#include "modules.h"

#define EDITOR "tidelock.readline"
#define STEP 10000   /* instructions between two looks for Ctrl-C */

/* ----- GNU readline, found at run time: its state is the process's, so ours is too ----- */

static struct {
  void *library;
  void (*install) (const char *, void (*) (char *));
  void (*readchar) (void);
  void (*remove) (void);
  void (*sigcleanup) (void);
  void (*freestate) (void);
  void (*replaceline) (const char *, int);
  void (*redisplay) (void);
  int (*onnewline) (void);
  int (*bindkey) (int, int (*) (int, int));
  int (*deletetext) (int, int);
  int (*inserttext) (const char *);
  void (*resize) (void);
  void (*addhistory) (const char *);
  void (*stifle) (int);
  int (*initialize) (void);
  char **line;
  int *point, *end;
  char *got;                       /* the line that was entered; malloc'd by readline */
  tl_keys what;
  int installed;
} rl;

typedef struct symbol { const char *name; void *place; } symbol;

/* A pointer to a function is stored as an object pointer, as POSIX allows and ISO C does not. */
static int resolve (void *library, const symbol *table) {
  for (; table->name != NULL; table++) {
    void *found = dlsym(library, table->name);
    if (found == NULL) return 0;
    memcpy(table->place, &found, sizeof found);
  }
  return 1;
}


static int ontab (int count, int key) {
  (void)count; (void)key;
  rl.what = TL_TAB;
  return 0;
}


/* Called with the terminal restored. Removing the handler keeps the next prompt back. */
static void online (char *line) {
  rl.remove();
  rl.installed = 0;
  free(rl.got);
  rl.got = line;
  rl.what = line != NULL ? TL_LINE : TL_END;
}


static void rl_stop (void *self) {
  (void)self;
  if (rl.installed) rl.remove();
  rl.installed = 0;
}


static int rl_start (void *self, const char *prompt) {
  (void)self;
  free(rl.got);
  rl.got = NULL;
  rl.install(prompt, online);
  rl.installed = 1;
  rl.bindkey('\t', ontab);         /* after the user's inputrc */
  return 1;
}


static tl_keys rl_feed (void *self) {
  (void)self;
  rl.what = TL_MORE;
  rl.readchar();
  if (rl.what == TL_END) printf("\n");
  fflush(stdout);
  return rl.what;
}


static int rl_pending (void *self) {
  (void)self;
  return 0;
}


static const char *rl_text (void *self, size_t *len, size_t *point) {
  (void)self;
  if (!rl.installed) {
    *point = *len = rl.got != NULL ? strlen(rl.got) : 0;
    return rl.got != NULL ? rl.got : "";
  }
  *len = (size_t)*rl.end;
  *point = (size_t)*rl.point;
  return *rl.line;
}


static int rl_replace (void *self, size_t from, size_t to, const char *s, size_t len) {
  (void)self; (void)len;
  rl.deletetext((int)from, (int)to);
  *rl.point = (int)from;
  rl.inserttext(s);
  rl.redisplay();
  return 1;
}


static void rl_redraw (void *self) {
  (void)self;
  rl.onnewline();
  rl.redisplay();
}


static void rl_drop (void *self) {
  rl.freestate();
  rl.sigcleanup();
  rl.replaceline("", 1);
  rl_stop(self);
  printf("^C\n");
}


static void rl_resize (void *self) {
  (void)self;
  rl.resize();
}


static int rl_remember (void *self, const char *line, size_t len) {
  (void)self; (void)len;
  rl.addhistory(line);
  return 1;
}

static const tl_editor gnureadline = {
  "readline", rl_start, rl_stop, rl_feed, rl_pending, rl_text, rl_replace, rl_redraw, rl_drop,
  rl_resize, rl_remember
};


static int findreadline (void) {
  int *catchsignals = NULL, *catchwinch = NULL;
  const char **name = NULL;
  const symbol table[] = {
    {"rl_callback_handler_install", &rl.install}, {"rl_callback_read_char", &rl.readchar},
    {"rl_callback_handler_remove", &rl.remove}, {"rl_callback_sigcleanup", &rl.sigcleanup},
    {"rl_free_line_state", &rl.freestate}, {"rl_replace_line", &rl.replaceline},
    {"rl_redisplay", &rl.redisplay}, {"rl_on_new_line", &rl.onnewline},
    {"rl_bind_key", &rl.bindkey}, {"rl_delete_text", &rl.deletetext},
    {"rl_insert_text", &rl.inserttext}, {"rl_resize_terminal", &rl.resize},
    {"add_history", &rl.addhistory}, {"stifle_history", &rl.stifle},
    {"rl_initialize", &rl.initialize}, {"rl_line_buffer", &rl.line}, {"rl_point", &rl.point},
    {"rl_end", &rl.end}, {"rl_catch_signals", &catchsignals}, {"rl_catch_sigwinch", &catchwinch},
    {"rl_readline_name", &name}, {NULL, NULL}
  };
  if (rl.library != NULL) return 1;
#ifdef TL_STATIC
  return 0;                          /* a library of this system would bring its own glibc along */
#endif
  rl.library = dlopen("libreadline.so.8", RTLD_NOW | RTLD_LOCAL);
  if (rl.library == NULL) rl.library = dlopen("libreadline.so.7", RTLD_NOW | RTLD_LOCAL);
  if (rl.library == NULL || !resolve(rl.library, table)) {
    if (rl.library != NULL) dlclose(rl.library);
    rl.library = NULL;
    return 0;
  }
  *catchsignals = *catchwinch = 0;   /* signals are the loop's */
  *name = "tidelock";
  rl.stifle(1000);
  rl.initialize();
  return 1;
}

/* ----- the editor as a userdata ----- */

typedef struct editor {
  const tl_editor *is;
  tl_lineedit *own;                /* of the built-in one */
} editor;

static editor *check (lua_State *L) {
  editor *e = luaL_checkudata(L, 1, EDITOR);
  luaL_argcheck(L, e->is != NULL, 1, "the editor is closed");
  return e;
}


static int orraise (lua_State *L, int ok) {
  return ok ? 0 : luaL_error(L, "not enough memory");
}


/* editor:start(prompt) takes the terminal and shows the prompt. */
static int editor_start (lua_State *L) {
  editor *e = check(L);
  const char *prompt = luaL_checkstring(L, 2);
  fflush(stdout);
  return orraise(L, e->is->start(e->own, prompt));
}


/* editor:stop() gives the terminal back. */
static int editor_stop (lua_State *L) {
  editor *e = check(L);
  e->is->stop(e->own);
  return 0;
}


/* editor:feed() -> nil | "line", text | "tab", text, point (bytes before the cursor) | "end" */
static int editor_feed (lua_State *L) {
  static const char *const names[] = {NULL, "line", "tab", "end"};
  editor *e = check(L);
  tl_keys what = e->is->feed(e->own);
  size_t len, point;
  const char *text;
  if (what == TL_NOMEM) return orraise(L, 0);
  if (what == TL_MORE) return 0;
  lua_pushstring(L, names[what]);
  if (what == TL_END) return 1;
  text = e->is->text(e->own, &len, &point);
  lua_pushlstring(L, text, len);
  lua_pushinteger(L, (lua_Integer)point);
  return 3;
}


/* editor:pending() tells whether a key was read already, so that nothing is to be waited for. */
static int editor_pending (lua_State *L) {
  editor *e = check(L);
  lua_pushboolean(L, e->is->pending(e->own));
  return 1;
}


/* editor:replace(from, to, text): bytes from + 1 to `to` of the line become the text. */
static int editor_replace (lua_State *L) {
  editor *e = check(L);
  lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
  size_t size, len, point;
  const char *s = luaL_checklstring(L, 4, &size);
  e->is->text(e->own, &len, &point);
  luaL_argcheck(L, from >= 0 && from <= to, 2, "is not in the line");
  luaL_argcheck(L, (lua_Unsigned)to <= len, 3, "is not in the line");
  luaL_argcheck(L, strlen(s) == size, 4, "has a NUL inside");
  return orraise(L, e->is->replace(e->own, (size_t)from, (size_t)to, s, size));
}


/* editor:print(text) writes it from here on, then shows the prompt and the line again. */
static int editor_print (lua_State *L) {
  editor *e = check(L);
  size_t len;
  const char *s = luaL_checklstring(L, 2, &len);
  fwrite(s, 1, len, stdout);
  fflush(stdout);
  e->is->redraw(e->own);
  fflush(stdout);
  return 0;
}


/* editor:drop() forgets what was typed, as Ctrl-C does, and gives the terminal back. */
static int editor_drop (lua_State *L) {
  editor *e = check(L);
  e->is->drop(e->own);
  fflush(stdout);
  return 0;
}


/* editor:resize() after the window changed. */
static int editor_resize (lua_State *L) {
  editor *e = check(L);
  e->is->resize(e->own);
  return 0;
}


/* editor:remember(line) puts it at the end of the history. */
static int editor_remember (lua_State *L) {
  editor *e = check(L);
  size_t len;
  const char *line = luaL_checklstring(L, 2, &len);
  luaL_argcheck(L, strlen(line) == len, 2, "has a NUL inside");
  return orraise(L, e->is->remember(e->own, line, len));
}


/* editor:name() -> "readline" | "built-in" */
static int editor_name (lua_State *L) {
  lua_pushstring(L, check(L)->is->name);
  return 1;
}


static int editor_close (lua_State *L) {
  editor *e = luaL_checkudata(L, 1, EDITOR);
  if (e->is != NULL) e->is->stop(e->own);
  tl_lineedit_free(e->own);
  e->is = NULL;
  e->own = NULL;
  return 0;
}


/*
** readline.open([kind]) -> editor. Kind "readline" is GNU readline, or nil and
** an error where it is not installed; "built-in" is ours; without one, the first
** that is there.
*/
static int readline_open (lua_State *L) {
  static const char *const kinds[] = {"any", "readline", "built-in", NULL};
  int kind = luaL_checkoption(L, 1, "any", kinds);
  editor *e = lua_newuserdatauv(L, sizeof *e, 0);
  *e = (editor){NULL, NULL};
  luaL_setmetatable(L, EDITOR);
  if (kind != 2 && findreadline()) {
    e->is = &gnureadline;
    return 1;
  }
  if (kind == 1)
    return tl_fail(L, "missing", "GNU readline is not installed: libreadline.so.8 cannot be loaded;"
                   " the built-in editor does without (apt-get install libreadline8 brings it)");
  if ((e->own = tl_lineedit_new(STDIN_FILENO, STDOUT_FILENO)) == NULL) return orraise(L, 0);
  e->is = &tl_lineeditor;
  return 1;
}

/* ----- Ctrl-C, even in Lua that never yields ----- */

/* Malloc'd: libuv outlives the task. */
typedef struct watch {
  uv_async_t uv;
  tl_wait wait;
  struct sigaction old;
} watch;

static watch *watching;
static volatile sig_atomic_t interrupted;


static void onsigint (int number) {
  (void)number;
  interrupted = 1;
  if (watching != NULL) uv_async_send(&watching->uv);   /* safe in a signal handler, says libuv */
}


static void onasync (uv_async_t *uv) {
  tl_wake(&((watch *)uv->data)->wait);
}


static void onclosed (uv_handle_t *uv) {
  free(uv->data);
}


static void unwatch (watch *w) {
  sigaction(SIGINT, &w->old, NULL);
  watching = NULL;
  uv_close((uv_handle_t *)&w->uv, onclosed);
}


static void cancelwatch (tl_wait *wait) {
  unwatch((watch *)((char *)wait - offsetof(watch, wait)));
}


static int caught (lua_State *L, int status, lua_KContext ctx) {
  (void)L; (void)status;
  unwatch((watch *)ctx);
  return 0;
}


/*
** readline.interrupt() parks the task until Ctrl-C. Until then, and on to the next
** call, Lua that runs under `guard` raises "interrupted" at Ctrl-C.
*/
static int readline_interrupt (lua_State *L) {
  struct sigaction action = {.sa_handler = onsigint, .sa_flags = SA_RESTART};
  watch *w;
  tl_mustwait(L);
  if (watching != NULL) return luaL_error(L, "another task waits for Ctrl-C already");
  if ((w = calloc(1, sizeof *w)) == NULL) return luaL_error(L, "not enough memory");
  if (uv_async_init(tl_loop(), &w->uv, onasync) != 0) {
    free(w);
    return luaL_error(L, "not enough memory");
  }
  w->uv.data = w;
  w->wait.cancel = cancelwatch;
  uv_unref((uv_handle_t *)&w->uv);   /* a wait for Ctrl-C alone keeps no loop turning */
  tl_hold(L, &w->wait);
  interrupted = 0;
  watching = w;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &w->old);
  return lua_yieldk(L, 0, (lua_KContext)w, caught);
}


/* Raises at every further instruction, so that no pcall can go on. */
static void onstep (lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (!interrupted) {
    if (lua_gethookcount(L) != STEP) lua_sethook(L, onstep, LUA_MASKCOUNT, STEP);
    return;
  }
  lua_sethook(L, onstep, LUA_MASKCOUNT, 1);
  lua_pushliteral(L, "interrupted");
  lua_error(L);
}


/*
** readline.interrupted() tells whether Ctrl-C came that the waiting task has not
** been told of yet.
*/
static int readline_interrupted (lua_State *L) {
  lua_pushboolean(L, watching != NULL && interrupted);
  return 1;
}


/*
** readline.guard(): the calling task, and tasks it starts from now on, look for
** Ctrl-C as they run.
*/
static int readline_guard (lua_State *L) {
  lua_sethook(L, onstep, LUA_MASKCOUNT, STEP);
  return 0;
}


static const luaL_Reg methods[] = {
  {"close", editor_close}, {"drop", editor_drop}, {"feed", editor_feed}, {"name", editor_name},
  {"pending", editor_pending}, {"print", editor_print}, {"remember", editor_remember},
  {"replace", editor_replace}, {"resize", editor_resize}, {"start", editor_start},
  {"stop", editor_stop}, {NULL, NULL}
};
static const luaL_Reg meta[] = {{"__gc", editor_close}, {"__close", editor_close}, {NULL, NULL}};
static const luaL_Reg functions[] = {
  {"guard", readline_guard}, {"interrupt", readline_interrupt},
  {"interrupted", readline_interrupted},
  {"open", readline_open}, {NULL, NULL}
};


int luaopen_tidelock_readline (lua_State *L) {
  luaL_newmetatable(L, EDITOR);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}

/* http_engine.c -- libcurl's multi handle on the loop: sockets, timer, lists of transfers. */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lauxlib.h>

#include "ossl.h"
#include "trust.h"

#define ENGINE "tidelock.http.engine"
#define TRANSFER TL_HTTP_TRANSFER
#define MAXSPARE 64       /* easy handles kept for reuse, about 6 KB each */
#define POOLED 256L       /* connections kept alive */

/*
** A socket that libcurl watches. A connection's is watched until it is closed:
** libcurl loses interest between two requests on it, and libuv would pay
** system calls for each change of mind. It then is unref'd, and stopped when
** the peer closes it. Only a socket that we opened and that was connected (it
** was waited on for reading) is sure to be closed through `onclose`.
*/
typedef struct watch {
  uv_poll_t uv;
  tl_engine *engine;
  int fd, ours, connected;
  int wanted, events;             /* wanted by libcurl, asked of libuv */
} watch;

struct tl_engine {        /* malloc'd: libuv outlives the box */
  CURLM *multi;
  CURLSH *share;          /* TLS sessions: a new connection to a known host resumes */
  uv_timer_t timer;
  tl_transfer busy, spare;  /* heads of rings */
  size_t nspare;
  watch **watches;        /* by descriptor */
  size_t nwatches;
  const char *ca;
  int cafolder, casought;
  tl_cafile *cafile;             /* the file of authorities that was last looked into */
  int gzip;
  int ended;              /* a transfer's body has ended in this turn of libcurl's */
  int starved;            /* no memory to watch a socket with */
};

/* ----- lists ----- */

static void unlist (tl_transfer *t) {
  t->prev->next = t->next;
  t->next->prev = t->prev;
}


static void enlist (tl_transfer *head, tl_transfer *t) {
  t->next = head->next;
  t->prev = head;
  head->next->prev = t;
  head->next = t;
}

/* ----- the end of a transfer ----- */

void tl_engine_stop (tl_transfer *t) {
  uv_timer_stop(&t->quiet);
  if (t->added) curl_multi_remove_handle(t->engine->multi, t->easy);
  t->added = 0;
}


/*
** A kept connection may be closed just when it is used again. libcurl goes on
** with a new one then, but not every time; what may be sent twice gets one more try.
*/
static int again (tl_transfer *t, CURLcode code) {
  long fresh = 1;
  if (t->options.once || t->attempts != 1 || t->status != 0 || t->feed) return 0;
  if (code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR) return 0;
  curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &fresh);
  if (fresh > 0) return 0;
  curl_multi_remove_handle(t->engine->multi, t->easy);
  t->sent = 0;
  t->added = curl_multi_add_handle(t->engine->multi, t->easy) == CURLM_OK;
  return t->added;
}


static void finish (tl_transfer *t, CURLcode code) {
  long number = 0;
  if (code == CURLE_OK && t->headend == 0) code = CURLE_PARTIAL_FILE;  /* half a head: no answer */
  t->code = code;
  t->done = 1;
  if (code != CURLE_OK) {
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
    if (t->oserror == 0) t->oserror = (int)number;
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &t->tunnel);
  }
  tl_engine_stop(t);
  tl_wake(&t->wait);
  tl_wake(t->feeder);
}


void tl_engine_ended (tl_transfer *t) {
  t->ended = t->engine->ended = 1;
}


void tl_engine_abort (tl_transfer *t) {
  if (t->done) return;
  t->why = TL_HTTP_STOPPED;
  finish(t, CURLE_ABORTED_BY_CALLBACK);
}


/* No answer would ever be seen on an unwatched socket; which transfer's it is, nobody says. */
static void failall (tl_engine *e) {
  e->starved = 0;
  for (tl_transfer *t = e->busy.next; t != &e->busy; t = t->next)
    if (t->added && !t->done) finish(t, CURLE_OUT_OF_MEMORY);
}


static void collect (tl_engine *e) {
  CURLMsg *m;
  int left;
  if (e->starved) failall(e);
  while ((m = curl_multi_info_read(e->multi, &left)) != NULL) {
    char *t = NULL;
    CURLcode code = m->data.result;
    if (m->msg != CURLMSG_DONE) continue;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
    if (!again((tl_transfer *)(void *)t, code)) finish((tl_transfer *)(void *)t, code);
  }
}


/*
** Until the request goes out connect_timeout is the clock. Data moves `heard`;
** what was sent shows only in libcurl's counters, looked at here, so that the
** wait for a silent peer is one to two timeouts long while a body goes out.
*/
static void onquiet (uv_timer_t *uv) {
  tl_transfer *t = uv->data;
  uint64_t limit = (uint64_t)(t->options.read_timeout * 1000), past = uv_now(uv->loop) - t->heard;
  curl_off_t up = 0, down = 0;
  curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
  curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
  if (t->paused || t->starved || t->attempts == 0 || up + down != t->progress) past = 0;
  t->progress = up + down;
  if (past < limit) {
    uv_timer_start(uv, onquiet, limit - past, 0);
    return;
  }
  t->why = TL_HTTP_QUIET;
  finish(t, CURLE_OPERATION_TIMEDOUT);
}

/* ----- libcurl's sockets and timer ----- */

static void freewatch (uv_handle_t *uv) {
  free(uv->data);
}


static void dropwatch (watch *w) {
  w->engine->watches[w->fd] = NULL;
  uv_close((uv_handle_t *)&w->uv, freewatch);
}


static int roomfor (tl_engine *e, size_t fd) {
  size_t n = e->nwatches ? e->nwatches : 64;
  watch **grown;
  if (fd < e->nwatches) return 1;
  while (n <= fd) n *= 2;
  grown = realloc(e->watches, n * sizeof *grown);
  if (grown == NULL) return 0;
  memset(grown + e->nwatches, 0, (n - e->nwatches) * sizeof *grown);
  e->watches = grown;
  e->nwatches = n;
  return 1;
}


static watch *newwatch (tl_engine *e, int fd, int ours) {
  watch *w = roomfor(e, (size_t)fd) ? calloc(1, sizeof *w) : NULL;
  if (w == NULL) return NULL;
  if (uv_poll_init_socket(tl_loop(), &w->uv, fd) != 0) {
    free(w);
    return NULL;
  }
  *w = (watch){.uv = w->uv, .engine = e, .fd = fd, .ours = ours};
  w->uv.data = w;
  return e->watches[fd] = w;
}


/*
** HTTP/2 closes a stream as the second of its halves ends. Where that is ours,
** libcurl takes no notice until it reads again, and a pause undone makes it read.
*/
static void look (tl_engine *e) {
  e->ended = 0;
  for (tl_transfer *t = e->busy.next; t != &e->busy; t = t->next) {
    CURLcode code;
    if (!t->ended || t->done) continue;
    t->ended = 0;
    curl_easy_pause(t->easy, CURLPAUSE_SEND);
    code = curl_easy_pause(t->easy, CURLPAUSE_CONT);
    if (code != CURLE_OK) finish(t, code);
  }
}


static void act (tl_engine *e, curl_socket_t fd, int mask) {
  int running;
  if (curl_multi_socket_action(e->multi, fd, mask, &running) != CURLM_OK) e->starved = 1;
  collect(e);
  if (e->ended) look(e);
}


static void onpoll (uv_poll_t *uv, int status, int events) {
  watch *w = uv->data;
  int mask = 0;
  if (w->wanted == 0) {            /* idle, and the peer has closed it: found dead when next used */
    uv_poll_stop(uv);
    w->events = 0;
    return;
  }
  if (events & UV_READABLE) mask |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) mask |= CURL_CSELECT_OUT;
  if (status < 0) {                /* libuv has stopped it; libcurl finds out why by reading */
    w->events = 0;
    mask = CURL_CSELECT_IN | CURL_CSELECT_OUT;
  }
  act(w->engine, w->fd, mask);
}


static void ontimer (uv_timer_t *uv) {
  act(uv->data, CURL_SOCKET_TIMEOUT, 0);
}


/* Never says -1: that would end the multi handle for good. */
static int onsocket (CURL *easy, curl_socket_t fd, int what, void *engine, void *unused) {
  tl_engine *e = engine;
  watch *w = (size_t)fd < e->nwatches ? e->watches[fd] : NULL;
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  (void)easy; (void)unused;
  if (what == CURL_POLL_REMOVE) {
    if (w == NULL) return 0;
    w->wanted = 0;
    if (!w->connected) dropwatch(w);
    else uv_unref((uv_handle_t *)&w->uv);
    return 0;
  }
  if (w == NULL) w = newwatch(e, fd, 0);
  if (w == NULL) {
    e->starved = 1;
    uv_timer_start(&e->timer, ontimer, 0, 0);
    return 0;
  }
  w->wanted = events;
  if (w->ours && events == UV_READABLE) w->connected = 1;
  uv_ref((uv_handle_t *)&w->uv);
  if (w->events == events) return 0;
  w->events = events;
  uv_poll_start(&w->uv, events, onpoll);
  return 0;
}


static curl_socket_t onopen (void *engine, curlsocktype purpose, struct curl_sockaddr *to) {
  tl_engine *e = engine;
  int fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
  (void)purpose;
  if (fd < 0) return CURL_SOCKET_BAD;
  if ((size_t)fd < e->nwatches && e->watches[fd] != NULL) dropwatch(e->watches[fd]);
  if (newwatch(e, fd, 1) != NULL) return fd;
  close(fd);
  return CURL_SOCKET_BAD;
}


static int onclose (void *engine, curl_socket_t fd) {
  tl_engine *e = engine;
  if ((size_t)fd < e->nwatches && e->watches[fd] != NULL) dropwatch(e->watches[fd]);
  return close(fd);
}


static int onschedule (CURLM *multi, long ms, void *engine) {
  tl_engine *e = engine;
  (void)multi;
  if (ms < 0) uv_timer_stop(&e->timer);
  else uv_timer_start(&e->timer, ontimer, (uint64_t)ms, 0);
  return 0;
}

/* ----- transfers ----- */

static void freetransfer (uv_handle_t *uv) {
  tl_transfer *t = uv->data;
  tl_buffree(&t->url);
  tl_buffree(&t->lines);
  tl_buffree(&t->headers);
  tl_buffree(&t->data);
  free(t->list);
  free(t);
}


static void destroy (tl_transfer *t) {
  tl_engine_stop(t);
  tl_transfer_clear(t);
  if (t->box != NULL) *t->box = NULL;
  if (t->easy != NULL) curl_easy_cleanup(t->easy);
  uv_close((uv_handle_t *)&t->quiet, freetransfer);
}


static tl_transfer *newtransfer (tl_engine *e) {
  tl_transfer *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->engine = e;
  t->in = t->out = -1;
  t->feeder = &t->wait;
  uv_timer_init(tl_loop(), &t->quiet);
  t->quiet.data = t;
  t->easy = curl_easy_init();
  if (t->easy != NULL && tl_transfer_init(t)
      && curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, onopen) == CURLE_OK
      && curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, e) == CURLE_OK
      && curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, onclose) == CURLE_OK
      && curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, e) == CURLE_OK
      && curl_easy_setopt(t->easy, CURLOPT_SHARE, e->share) == CURLE_OK)
    return t;
  destroy(t);
  return NULL;
}


static int box_close (lua_State *L) {
  tl_transfer **box = luaL_checkudata(L, 1, TRANSFER);
  if (*box != NULL) tl_engine_release(*box);
  return 0;
}

static const luaL_Reg boxmeta[] = {{"__gc", box_close}, {"__close", box_close}, {NULL, NULL}};


tl_transfer *tl_engine_acquire (lua_State *L, tl_engine *e) {
  tl_httpbox *holder = lua_newuserdatauv(L, sizeof *holder, 0);
  tl_transfer **box = &holder->t, *t = e->spare.next;
  *holder = (tl_httpbox){.t = NULL};
  luaL_setmetatable(L, TRANSFER);
  if (t != &e->spare) {
    unlist(t);
    e->nspare--;
  }
  else t = newtransfer(e);
  if (t == NULL) luaL_error(L, "not enough memory");
  enlist(&e->busy, t);
  t->box = box;
  return *box = t;
}


/* A handle that failed is not used again: libcurl carries a refused stream over to the next. */
void tl_engine_release (tl_transfer *t) {
  tl_engine *e = t->engine;
  int spoilt = t->code != CURLE_OK;
  tl_engine_stop(t);
  if (t->feeder != &t->wait) tl_wake(t->feeder);
  tl_transfer_clear(t);
  *t->box = NULL;
  t->box = NULL;
  unlist(t);
  if (spoilt || e->nspare >= MAXSPARE) {
    destroy(t);
    return;
  }
  enlist(&e->spare, t);
  e->nspare++;
}


static void oncancel (tl_wait *w) {
  tl_engine_release((tl_transfer *)(void *)((char *)w - offsetof(tl_transfer, wait)));
}


CURLcode tl_engine_start (tl_transfer *t) {
  uint64_t limit = (uint64_t)(t->options.read_timeout * 1000);
  if (curl_multi_add_handle(t->engine->multi, t->easy) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
  t->added = 1;
  t->wait.cancel = oncancel;
  t->heard = uv_now(tl_loop());
  if (t->options.read_timeout > 0) uv_timer_start(&t->quiet, onquiet, limit ? limit : 1, 0);
  return CURLE_OK;
}


/* libcurl hands over what it kept at once, so the callbacks may run inside. */
CURLcode tl_engine_resume (tl_transfer *t) {
  CURLcode code;
  if (!(t->paused || t->starved) || t->done) return CURLE_OK;
  t->paused = t->starved = 0;
  t->heard = uv_now(tl_loop());
  code = curl_easy_pause(t->easy, CURLPAUSE_CONT);
  if (code != CURLE_OK) finish(t, code);
  return code;
}

/* ----- the engine itself ----- */

static void freeengine (uv_handle_t *uv) {
  tl_engine *e = uv->data;
  free(e->watches);
  free(e);
}


/* Transfers, then connections (which close their sockets by our callback), then what they share. */
static int engine_close (lua_State *L) {
  tl_engine **box = luaL_checkudata(L, 1, ENGINE), *e = *box;
  if (e == NULL) return 0;
  *box = NULL;
  while (e->busy.next != &e->busy) {
    tl_transfer *t = e->busy.next;
    unlist(t);
    destroy(t);
  }
  while (e->spare.next != &e->spare) {
    tl_transfer *t = e->spare.next;
    unlist(t);
    destroy(t);
  }
  if (e->multi != NULL) curl_multi_cleanup(e->multi);
  if (e->share != NULL) curl_share_cleanup(e->share);
  tl_cafile_close(e->cafile);
  for (size_t i = 0; i < e->nwatches; i++)
    if (e->watches[i] != NULL) dropwatch(e->watches[i]);
  uv_close((uv_handle_t *)&e->timer, freeengine);
  return 0;
}

static const luaL_Reg enginemeta[] = {{"__gc", engine_close}, {NULL, NULL}};


static int openmulti (tl_engine *e) {
  const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
  e->gzip = (version->features & CURL_VERSION_LIBZ) != 0;
  tl_osslquiet();
  e->multi = curl_multi_init();
  e->share = curl_share_init();
  if (e->multi == NULL || e->share == NULL) return 0;
  curl_share_setopt(e->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  curl_multi_setopt(e->multi, CURLMOPT_SOCKETFUNCTION, onsocket);
  curl_multi_setopt(e->multi, CURLMOPT_SOCKETDATA, e);
  curl_multi_setopt(e->multi, CURLMOPT_TIMERFUNCTION, onschedule);
  curl_multi_setopt(e->multi, CURLMOPT_TIMERDATA, e);
  curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, POOLED);
  return 1;
}


tl_engine *tl_engine_new (lua_State *L) {
  tl_engine **box = lua_newuserdatauv(L, sizeof *box, 0), *e;
  *box = NULL;
  luaL_newmetatable(L, TRANSFER);
  luaL_setfuncs(L, boxmeta, 0);
  lua_pop(L, 1);
  luaL_newmetatable(L, ENGINE);
  luaL_setfuncs(L, enginemeta, 0);
  lua_setmetatable(L, -2);
  e = calloc(1, sizeof *e);
  if (e == NULL) luaL_error(L, "not enough memory");
  e->busy.next = e->busy.prev = &e->busy;
  e->spare.next = e->spare.prev = &e->spare;
  uv_timer_init(tl_loop(), &e->timer);
  e->timer.data = e;
  *box = e;
  if (!openmulti(e)) luaL_error(L, "not enough memory");
  return e;
}


int tl_engine_gzip (tl_engine *e) {
  return e->gzip;
}


/* Looked for once, at the first https request. */
const char *tl_engine_ca (tl_engine *e, int *folder) {
  if (!e->casought) e->ca = tl_trust(&e->cafolder);
  e->casought = 1;
  *folder = e->cafolder;
  return e->ca;
}


/* The file is looked at again each time: it may have been changed. */
tl_cafile *tl_engine_cafile (tl_engine *e, const char *path) {
  e->cafile = tl_cafile_open(e->cafile, path);
  return tl_cafile_plain(e->cafile) ? e->cafile : NULL;
}

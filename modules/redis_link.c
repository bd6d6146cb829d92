/* redis_link.c -- a connection to Redis on the loop: socket, TLS, requests in a line. */
#include "redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <lauxlib.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

#define MAXPUSHED 1024          /* messages kept for a slow receiver before reading stops */
#define READSIZE (32 * 1024)
#define FEW 16                  /* small replies in one turn of the loop */
#define KEPT (256 * 1024)       /* bytes of buffer an idle link may keep */

/* ----- requests ----- */

void tl_request_free (tl_request *r) {
  for (size_t i = 0; i < r->got; i++) freeReplyObject(r->replies[i]);
  free(r->replies);
  tl_buffree(&r->text);
  free(r);
}


/* Its task learns of it, or nobody is left to. */
static void complete (tl_request *r) {
  r->waiting = 0;
  if (r->box == NULL) tl_request_free(r);
  else tl_wake(&r->wait);
}


static tl_request *shift (tl_link *k) {
  tl_request *r = k->first;
  k->first = r->next;
  if (k->first == NULL) k->last = &k->first;
  return r;
}

/* ----- what libuv watches ----- */

static void onpoll (uv_poll_t *uv, int status, int events);
static void onflush (uv_prepare_t *uv);

/* An idle link does not keep the loop turning. */
void tl_link_settle (tl_link *k) {
  if (!k->polled) return;
  if (k->first != NULL || k->wait.co != NULL || k->state != TL_LIVE)
    uv_ref((uv_handle_t *)&k->poll);
  else uv_unref((uv_handle_t *)&k->poll);
}


static void want (tl_link *k, int writable) {
  int events = writable ? UV_WRITABLE : 0;
  if (k->state != TL_OPENING && k->npushed < MAXPUSHED) events |= UV_READABLE;
  k->wantwrite = writable;
  uv_poll_start(&k->poll, events, onpoll);
}


static void release (tl_link *k) {
  if (--k->handles > 0) return;
  tl_buffree(&k->out);
  free(k);
}


static void onclosed (uv_handle_t *uv) {
  release(uv->data);
}


static void shutpoll (tl_link *k) {
  if (k->polled) uv_close((uv_handle_t *)&k->poll, onclosed);
  k->polled = 0;
  if (k->fd >= 0) close(k->fd);
  k->fd = -1;
}


static void drop (tl_link *k) {
  shutpoll(k);
  if (k->looking) uv_cancel((uv_req_t *)&k->lookup);
  uv_freeaddrinfo(k->found);
  k->found = NULL;
  SSL_free(k->ssl);
  k->ssl = NULL;
  uv_close((uv_handle_t *)&k->clock, onclosed);
  uv_close((uv_handle_t *)&k->flush, onclosed);
}


/* Idempotent. What was pushed stays to be received; requests fail, each knowing how far it got. */
void tl_link_close (tl_link *k, tl_linkwhy why, const char *detail) {
  if (k->state == TL_DEAD) return;
  k->state = TL_DEAD;
  k->why = why;
  if (detail != NULL && detail != k->detail) snprintf(k->detail, sizeof k->detail, "%s", detail);
  drop(k);
  while (k->first != NULL) {
    tl_request *r = shift(k);
    r->failed = 1;
    r->unsent = r->firstend > k->written;
    complete(r);
  }
  tl_wake(&k->wait);
}

/* ----- reading ----- */

static int push (tl_link *k, redisReply *reply) {
  tl_push *p = malloc(sizeof *p);
  if (p == NULL) {
    freeReplyObject(reply);
    return 0;
  }
  *p = (tl_push){NULL, reply};
  *k->lastpush = p;
  k->lastpush = &p->next;
  if (++k->npushed == MAXPUSHED) want(k, k->wantwrite);
  tl_wake(&k->wait);
  return 1;
}


redisReply *tl_link_receive (tl_link *k) {
  tl_push *p = k->pushed;
  redisReply *reply;
  if (p == NULL) return NULL;
  k->pushed = p->next;
  if (k->pushed == NULL) k->lastpush = &k->pushed;
  reply = p->reply;
  free(p);
  if (k->npushed-- == MAXPUSHED && k->state == TL_LIVE) {
    want(k, k->wantwrite);
    uv_prepare_start(&k->flush, onflush);   /* TLS may hold some, which poll won't tell */
  }
  return reply;
}


/* One whole reply: to the head of the line, to the subscriber, or a last word nobody asked for. */
static void deliver (tl_link *k, redisReply *reply) {
  tl_request *r = k->first;
  k->received = 0;
  if (reply->type == REDIS_REPLY_PUSH || (r == NULL && k->subscriber)) {
    if (!k->subscriber) freeReplyObject(reply);
    else if (!push(k, reply)) tl_link_close(k, TL_LINK_MEMORY, NULL);
    return;
  }
  if (r == NULL) {
    int error = reply->type == REDIS_REPLY_ERROR;
    tl_link_close(k, error ? TL_LINK_REFUSED : TL_LINK_PROTOCOL,
                  error ? reply->str : "an answer to nothing");
    freeReplyObject(reply);
    return;
  }
  r->replies[r->got++] = reply;
  if (r->got == r->count) complete(shift(k));
}


/* How many replies it gave. */
static size_t parse (tl_link *k, const char *bytes, size_t n) {
  void *reply = NULL;
  size_t got = 0;
  k->received += n;
  if (redisReaderFeed(k->reader, bytes, n) != REDIS_OK) {
    tl_link_close(k, TL_LINK_MEMORY, NULL);
    return got;
  }
  while (k->state == TL_LIVE) {
    if (redisReaderGetReply(k->reader, &reply) != REDIS_OK) {
      const char *why = tl_reply_why(k->reader, &k->makers);
      tl_link_close(k, why ? TL_LINK_PROTOCOL : TL_LINK_MEMORY, why);
      return got;
    }
    if (reply == NULL) break;
    deliver(k, reply);
    got++;
  }
  if (k->received > k->maxreply) tl_link_close(k, TL_LINK_BIG, NULL);
  return got;
}


/*
** Of many small replies some are taken a turn: what they make tasks ask for is sent while the rest
** still lies in the socket, and the server works while the tasks do. Large ones come whole, and so
** do the records of TLS.
*/
static void fit (tl_link *k, size_t n, size_t got) {
  if (got > FEW && n / got * FEW < k->piece) k->piece = n / got * FEW;
  else if (got < FEW / 2 && n == k->piece) k->piece *= 4;
  if (k->piece > READSIZE) k->piece = READSIZE;
}


/* Bytes read or written; 0 to wait; -1 when the link is broken (and closed). */
static ssize_t transferred (tl_link *k, ssize_t n) {
  if (n > 0) return n;
  if (k->ssl != NULL) {
    int error = SSL_get_error(k->ssl, (int)n);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    tl_link_close(k, TL_LINK_BROKEN, error == SSL_ERROR_SYSCALL && errno ? strerror(errno) : NULL);
  }
  else if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  else tl_link_close(k, TL_LINK_BROKEN, n < 0 ? strerror(errno) : NULL);
  return -1;
}


/* TLS may hold bytes that poll won't tell of, so it is read until it has none. */
static void readall (tl_link *k) {
  char bytes[READSIZE];
  int rounds = 16;                  /* then others have their turn */
  while (k->state == TL_LIVE && k->npushed < MAXPUSHED) {
    size_t got;
    ssize_t n;
    ERR_clear_error();
    errno = 0;
    n = k->ssl ? SSL_read(k->ssl, bytes, READSIZE) : recv(k->fd, bytes, k->piece, 0);
    n = transferred(k, n);
    if (n <= 0) return;
    got = parse(k, bytes, (size_t)n);
    if (k->ssl != NULL) continue;
    fit(k, (size_t)n, got);
    if ((size_t)n < READSIZE || --rounds == 0) return;
  }
}

/* ----- writing ----- */

static void writeall (tl_link *k) {
  int blocked = 0;
  while (k->state == TL_LIVE && !blocked && k->outpos < k->out.len) {
    const char *bytes = k->out.data + k->outpos;
    size_t left = k->out.len - k->outpos;
    ssize_t n;
    ERR_clear_error();
    errno = 0;
    if (left > 1 << 20) left = 1 << 20;
    n = k->ssl ? SSL_write(k->ssl, bytes, (int)left) : send(k->fd, bytes, left, MSG_NOSIGNAL);
    n = transferred(k, n);
    if (n < 0) return;
    blocked = n == 0;
    k->outpos += (size_t)n;
    k->written += (uint64_t)n;
  }
  if (k->state != TL_LIVE) return;
  if (k->outpos == k->out.len) {
    k->outpos = 0;
    if (k->out.size > KEPT) tl_buffree(&k->out);
    else tl_bufclear(&k->out);
  }
  if (blocked != k->wantwrite) want(k, blocked);
}


static void onflush (uv_prepare_t *uv) {
  tl_link *k = uv->data;
  uv_prepare_stop(uv);
  writeall(k);
  if (k->ssl != NULL && SSL_pending(k->ssl) > 0) readall(k);
  tl_link_settle(k);
}


/* The clock runs on while the line is empty: restarting it for every request would cost more. */
static void onclock (uv_timer_t *uv) {
  tl_link *k = uv->data;
  uint64_t now = uv_now(uv->loop);
  if (k->state == TL_HANDSHAKE)
    tl_link_close(k, TL_LINK_SLOW, "connected, but no end of the TLS handshake");
  else if (k->state != TL_LIVE) tl_link_close(k, TL_LINK_SLOW, NULL);
  else if (k->first != NULL && k->first->deadline <= now) tl_link_close(k, TL_LINK_QUIET, NULL);
  else if (k->first != NULL) uv_timer_start(uv, onclock, k->first->deadline - now, 0);
}


static int append (tl_link *k, const tl_buf *text) {
  if (tl_bufroom(&k->out, text->len) == NULL) {
    k->out.failed = 0;             /* what it holds is whole still */
    return 0;
  }
  tl_bufadd(&k->out, text->data, text->len);
  k->appended += text->len;
  if (!k->wantwrite) uv_prepare_start(&k->flush, onflush);
  return 1;
}


int tl_link_write (tl_link *k, const tl_buf *text) {
  return append(k, text);
}


int tl_link_send (tl_link *k, tl_request *r) {
  uint64_t begin = k->appended;
  if (!append(k, &r->text)) return 0;
  tl_buffree(&r->text);
  r->firstend = begin + r->firstlen;
  r->deadline = k->timeout > 0 ? uv_now(tl_loop()) + k->timeout : UINT64_MAX;
  r->waiting = 1;
  r->next = NULL;
  *k->last = r;
  k->last = &r->next;
  if (k->timeout > 0 && !uv_is_active((uv_handle_t *)&k->clock))
    uv_timer_start(&k->clock, onclock, k->timeout, 0);
  uv_ref((uv_handle_t *)&k->poll);
  return 1;
}

/* ----- opening ----- */

static void trynext (tl_link *k);

static void live (tl_link *k) {
  k->state = TL_LIVE;
  uv_timer_stop(&k->clock);
  uv_unref((uv_handle_t *)&k->clock);   /* from now on the socket keeps the loop turning */
  want(k, 0);
  tl_wake(&k->wait);
}


static void handshake (tl_link *k) {
  int n, error;
  ERR_clear_error();
  n = SSL_do_handshake(k->ssl);
  if (n == 1) {
    live(k);
    return;
  }
  error = SSL_get_error(k->ssl, n);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    want(k, error == SSL_ERROR_WANT_WRITE);
    return;
  }
  tl_tls_why(k->ssl, k->detail, sizeof k->detail);
  tl_link_close(k, TL_LINK_TLS, k->detail);
}


static void connected (tl_link *k) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    snprintf(k->detail, sizeof k->detail, "%s", strerror(error));
    trynext(k);
    return;
  }
  if (k->ssl == NULL) {
    live(k);
    return;
  }
  k->state = TL_HANDSHAKE;
  SSL_set_fd(k->ssl, k->fd);
  SSL_set_connect_state(k->ssl);
  handshake(k);
}


static void onpoll (uv_poll_t *uv, int status, int events) {
  tl_link *k = uv->data;
  if (status < 0) {                 /* libuv has stopped it; the socket itself says why */
    events = UV_READABLE | UV_WRITABLE;
    if (k->state == TL_LIVE) want(k, k->wantwrite);
  }
  if (k->state == TL_OPENING) connected(k);
  else if (k->state == TL_HANDSHAKE) handshake(k);
  else {
    if (events & UV_READABLE) readall(k);
    if (events & UV_WRITABLE && k->state == TL_LIVE) writeall(k);
  }
  tl_link_settle(k);
}


/* 0 while it connects or is connected; else the error. */
static int tryaddress (tl_link *k, const struct sockaddr *to, socklen_t size) {
  int on = 1, idle = 60, every = 10, tries = 3;
  k->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (k->fd < 0) return errno;
  if (to->sa_family != AF_UNIX) {
    setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(k->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(k->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(k->fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(k->fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
  }
  if (connect(k->fd, to, size) != 0 && errno != EINPROGRESS) return errno;
  if (uv_poll_init_socket(tl_loop(), &k->poll, k->fd) != 0) return ENOMEM;
  k->poll.data = k;
  k->polled = 1;
  k->handles++;
  want(k, 1);
  return 0;
}


/* The handle of the last address must be gone before the next can use its place. */
static void onretry (uv_handle_t *uv) {
  tl_link *k = uv->data;
  if (k->state == TL_DEAD) {
    onclosed(uv);
    return;
  }
  k->handles--;
  trynext(k);
}


static void trynext (tl_link *k) {
  if (k->polled) {
    k->polled = 0;
    uv_close((uv_handle_t *)&k->poll, onretry);
    close(k->fd);
    k->fd = -1;
    return;
  }
  while (k->address != NULL) {
    const struct addrinfo *a = k->address;
    int error;
    k->address = a->ai_next;
    if ((error = tryaddress(k, a->ai_addr, a->ai_addrlen)) == 0) return;
    snprintf(k->detail, sizeof k->detail, "%s", strerror(error));
    shutpoll(k);
  }
  tl_link_close(k, TL_LINK_CONNECT, k->detail);
}


static void onlookup (uv_getaddrinfo_t *uv, int status, struct addrinfo *found) {
  tl_link *k = uv->data;
  k->looking = 0;
  if (k->state == TL_DEAD) uv_freeaddrinfo(found);
  else if (status != 0) tl_link_close(k, TL_LINK_DNS, uv_strerror(status));
  else {
    k->found = k->address = found;
    trynext(k);
  }
  release(k);
}


/* An address needs no look-up, and no thread for it. */
static int isaddress (tl_link *k, const char *host) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
    .ai_flags = AI_NUMERICHOST};
  if (getaddrinfo(host, k->port, &hints, &k->found) != 0) return 0;
  k->address = k->found;
  trynext(k);
  return 1;
}


static void openunix (tl_link *k, const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int error = strlen(path) < sizeof to.sun_path ? 0 : ENAMETOOLONG;
  if (error == 0) {
    memcpy(to.sun_path, path, strlen(path) + 1);
    error = tryaddress(k, (const struct sockaddr *)&to, sizeof to);
  }
  if (error != 0) tl_link_close(k, TL_LINK_CONNECT, strerror(error));
}


tl_linkwhy tl_link_open (tl_link *k, const tl_linkoptions *o) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  k->timeout = (uint64_t)(o->timeout * 1000);
  k->opentimeout = (uint64_t)(o->connect_timeout * 1000);
  k->maxreply = (size_t)o->max_reply;
  if (o->tls && (k->ssl = tl_tls_new(o, k->detail, sizeof k->detail)) == NULL) {
    tl_link_close(k, TL_LINK_TLS, k->detail);
    return k->why;
  }
  if (k->opentimeout > 0) uv_timer_start(&k->clock, onclock, k->opentimeout, 0);
  if (o->path != NULL) {
    snprintf(k->where, sizeof k->where, "%s", o->path);
    openunix(k, o->path);
    return k->why;
  }
  snprintf(k->port, sizeof k->port, "%d", (int)o->port);
  snprintf(k->where, sizeof k->where, "%s:%s", o->host, k->port);
  k->lookup.data = k;
  if (isaddress(k, o->host)) return k->why;
  if (uv_getaddrinfo(tl_loop(), &k->lookup, onlookup, o->host, k->port, &hints) != 0)
    tl_link_close(k, TL_LINK_MEMORY, NULL);
  else {
    k->looking = 1;
    k->handles++;
  }
  return k->why;
}

/* ----- the box ----- */

/* Pushes and reader live as long as the box: what came before the end can be received after it. */
static int link_gc (lua_State *L) {
  tl_link **box = lua_touserdata(L, 1), *k = *box;
  redisReply *reply;
  if (k == NULL) return 0;
  *box = NULL;
  k->box = NULL;
  tl_link_close(k, TL_LINK_CLOSED, NULL);
  while ((reply = tl_link_receive(k)) != NULL) freeReplyObject(reply);
  redisReaderFree(k->reader);
  k->reader = NULL;
  release(k);
  return 0;
}


tl_link *tl_link_new (lua_State *L) {
  tl_link **box = lua_newuserdatauv(L, sizeof *box, 0), *k;
  *box = NULL;
  if (luaL_newmetatable(L, "tidelock.redis.link")) {
    lua_pushcfunction(L, link_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  k = calloc(1, sizeof *k);
  if (k == NULL) luaL_error(L, "not enough memory");
  k->piece = READSIZE;
  k->fd = -1;
  k->last = &k->first;
  k->lastpush = &k->pushed;
  uv_timer_init(tl_loop(), &k->clock);
  uv_prepare_init(tl_loop(), &k->flush);
  uv_unref((uv_handle_t *)&k->flush);
  k->clock.data = k->flush.data = k;
  k->handles = 3;                  /* these two, and the box */
  k->box = box;
  *box = k;
  if ((k->reader = tl_reply_reader(&k->makers)) == NULL) luaL_error(L, "not enough memory");
  return k;
}

/* socket.c -- tidelock.socket: a stream to another machine, plain first, then TLS. */
#include "modules.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "fail.h"
#include "loop.h"
#include "redis.h"                        /* tl_tls_new: checks certificate and name */

#define SOCKET "tidelock.socket"
#define MAXREAD (1024 * 1024)

typedef enum { IDLE, CONNECTING, WRITING, READING, SHAKING } doing;

/* Malloc'd, since libuv points into it: freed when all its handles have closed. */
typedef struct sock {
  uv_tcp_t tcp;
  uv_timer_t clock;
  uv_getaddrinfo_t lookup;
  uv_connect_t connecting;
  uv_write_t writing;
  tl_wait wait;
  int handles;                            /* not closed yet; a look-up counts */
  int looking, closed, busy;              /* busy: a write is under way, out of `sent` */
  doing doing;
  int error, late, ended;                 /* libuv's; the time ran out; the other side has ended */
  SSL *ssl;
  BIO *in, *out;                          /* ciphertext; the SSL owns them */
  tl_buf got, sent;
  uint64_t timeout;                       /* milliseconds for each operation */
  char where[280], host[256], detail[256];
  char room[16 * 1024];
} sock;

/* ----- the end of it ----- */

static void release (sock *s) {
  if (--s->handles > 0) return;
  tl_buffree(&s->got);
  tl_buffree(&s->sent);
  free(s);
}


static void onclosed (uv_handle_t *uv) {
  release(uv->data);
}


/* Idempotent. Who waits learns that it was closed. */
static void finish (sock *s) {
  if (s->closed) return;
  s->closed = 1;
  if (s->looking) uv_cancel((uv_req_t *)&s->lookup);
  SSL_free(s->ssl);
  s->ssl = NULL;
  uv_close((uv_handle_t *)&s->tcp, onclosed);
  uv_close((uv_handle_t *)&s->clock, onclosed);
  if (s->error == 0) s->error = UV_ECANCELED;
  tl_wake(&s->wait);
}


static void stop (sock *s) {
  s->doing = IDLE;
  if (s->closed) return;
  uv_timer_stop(&s->clock);
  uv_read_stop((uv_stream_t *)&s->tcp);
}


static void oncancel (tl_wait *w) {
  stop((sock *)(void *)((char *)w - offsetof(sock, wait)));
}


static void wakewith (sock *s, int error) {
  if (s->error == 0) s->error = error;
  tl_wake(&s->wait);
}


static void onclock (uv_timer_t *uv) {
  sock *s = uv->data;
  s->late = 1;
  tl_wake(&s->wait);
}

/* ----- bytes out and in ----- */

static void flush (sock *s);

static void onwritten (uv_write_t *uv, int status) {
  sock *s = uv->data;
  s->busy = 0;
  tl_bufclear(&s->sent);
  if (s->closed) return;
  if (status != 0) wakewith(s, status);
  else {
    flush(s);
    if (s->doing == WRITING && !s->busy) tl_wake(&s->wait);
  }
}


static void writeout (sock *s) {
  uv_buf_t bytes = uv_buf_init(s->sent.data, (unsigned)s->sent.len);
  int error = s->sent.failed ? UV_ENOMEM
              : uv_write(&s->writing, (uv_stream_t *)&s->tcp, &bytes, 1, onwritten);
  if (error != 0) wakewith(s, error);
  else s->busy = 1;
}


/* What TLS has to say goes out, one write at a time. */
static void flush (sock *s) {
  char bytes[4096];
  int n;
  if (s->ssl == NULL || s->busy) return;
  while ((n = BIO_read(s->out, bytes, sizeof bytes)) > 0) tl_bufadd(&s->sent, bytes, (size_t)n);
  if (s->sent.len > 0 || s->sent.failed) writeout(s);
}


/* 1 where TLS only wants more bytes; else it has failed, and why is kept. */
static int wantsmore (sock *s, int n) {
  int error = SSL_get_error(s->ssl, n);
  if (error == SSL_ERROR_ZERO_RETURN) s->ended = 1;
  else if (error == SSL_ERROR_WANT_READ && !s->ended) return 1;
  else if (s->doing == SHAKING || error != SSL_ERROR_WANT_READ)
    tl_tls_why(s->ssl, s->detail, sizeof s->detail);
  return 0;
}


static void decrypt (sock *s) {
  char bytes[4096];
  int n;
  ERR_clear_error();
  while ((n = SSL_read(s->ssl, bytes, sizeof bytes)) > 0 && s->got.len < MAXREAD)
    tl_bufadd(&s->got, bytes, (size_t)n);
  if (n > 0 || s->got.len > 0 || !wantsmore(s, n)) tl_wake(&s->wait);
}


/* A record at a time: TLS takes no more. */
static void encrypt (sock *s, const char *bytes, size_t len) {
  ERR_clear_error();
  while (len > 0) {
    int n = SSL_write(s->ssl, bytes, (int)len);
    if (n <= 0) {
      tl_tls_why(s->ssl, s->detail, sizeof s->detail);
      return;
    }
    bytes += n;
    len -= (size_t)n;
  }
  flush(s);
}


static void shake (sock *s) {
  int n;
  ERR_clear_error();
  n = SSL_do_handshake(s->ssl);
  flush(s);                               /* an alert too: the other side shall know */
  if (n == 1 || !wantsmore(s, n)) tl_wake(&s->wait);
}


static void progress (sock *s) {
  if (s->doing == SHAKING) shake(s);
  else if (s->doing == READING && s->ssl != NULL) decrypt(s);
  else if (s->doing == READING && (s->got.len > 0 || s->ended)) tl_wake(&s->wait);
  if (!s->closed) flush(s);
}


static void onroom (uv_handle_t *uv, size_t wanted, uv_buf_t *buf) {
  sock *s = uv->data;
  (void)wanted;
  *buf = uv_buf_init(s->room, sizeof s->room);
}


static void onread (uv_stream_t *uv, ssize_t n, const uv_buf_t *buf) {
  sock *s = uv->data;
  if (n == 0) return;
  if (n == UV_EOF) s->ended = 1;
  else if (n < 0) {
    wakewith(s, (int)n);
    return;
  }
  else if (s->ssl == NULL) tl_bufadd(&s->got, buf->base, (size_t)n);
  else if (BIO_write(s->in, buf->base, (int)n) != n) s->got.failed = 1;
  if (s->got.failed) wakewith(s, UV_ENOMEM);
  else progress(s);
}


/* 0, or libuv's error: the socket is read, and the clock runs. */
static int start (sock *s, doing what) {
  int error = 0;
  s->doing = what;
  s->late = 0;
  uv_timer_start(&s->clock, onclock, s->timeout, 0);
  if (what == READING || what == SHAKING)
    error = uv_read_start((uv_stream_t *)&s->tcp, onroom, onread);
  return error;
}

/* ----- connecting ----- */

static void onconnect (uv_connect_t *uv, int status) {
  sock *s = uv->data;
  if (s->closed) return;
  if (status != 0) s->error = status;
  tl_wake(&s->wait);
}


static void onlookup (uv_getaddrinfo_t *uv, int status, struct addrinfo *found) {
  sock *s = uv->data;
  s->looking = 0;
  if (!s->closed && s->doing == CONNECTING) {
    if (status == 0) status = uv_tcp_connect(&s->connecting, &s->tcp, found->ai_addr, onconnect);
    if (status != 0) wakewith(s, status);
  }
  uv_freeaddrinfo(found);
  release(s);
}


static int lookup (sock *s, const char *port) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
    .ai_flags = AI_ADDRCONFIG};
  int error = uv_getaddrinfo(tl_loop(), &s->lookup, onlookup, s->host, port, &hints);
  if (error == 0) {
    s->looking = 1;
    s->handles++;
  }
  return error;
}

/* ----- Lua ----- */

static sock *check (lua_State *L) {
  sock **box = luaL_checkudata(L, 1, SOCKET);
  luaL_argcheck(L, *box != NULL, 1, "socket is closed");
  luaL_argcheck(L, (*box)->wait.co == NULL, 1, "socket is in use by another task");
  return *box;
}


static int socket_close (lua_State *L) {
  sock **box = luaL_checkudata(L, 1, SOCKET);
  sock *s = *box;
  *box = NULL;
  if (s != NULL) finish(s);
  return 0;
}


static const char *what (const sock *s, doing was) {
  switch (was) {
    case CONNECTING: return "could not be connected to";
    case SHAKING: return "did not come to terms on TLS";
    case WRITING: return "could not be written to";
    default: return s->ended ? "has ended the connection" : "could not be read from";
  }
}


static int sockfail (lua_State *L, const sock *s, doing was) {
  if (s->late)
    return tl_fail(L, "timeout", "%s did not answer within %f seconds; is it reachable from here"
                   " (security group, route, VPN)?", s->where, (lua_Number)s->timeout / 1000);
  if (s->error != 0)
    return tl_fail(L, was == CONNECTING ? "connect" : "broken", "%s %s: %s", s->where, what(s, was),
                   uv_strerror(s->error));
  if (s->detail[0] != '\0')
    return tl_fail(L, "tls", "%s %s: %s", s->where, what(s, was), s->detail);
  return tl_fail(L, "closed", "%s %s", s->where, what(s, was));
}


/* In the task again: the socket at 1 still. Nothing of an operation that is over stays. */
static sock *ended (lua_State *L, int at, doing *was) {
  sock *s = *(sock **)luaL_checkudata(L, at, SOCKET);
  if (s == NULL) luaL_error(L, "the socket was closed while it was waited for");
  *was = s->doing;
  stop(s);
  return s;
}


static int bad (const sock *s) {
  return s->late || s->error != 0 || s->detail[0] != '\0';
}


static int connected (lua_State *L, int status, lua_KContext ctx) {
  doing was;
  sock *s = ended(L, 2, &was);
  (void)status; (void)ctx;
  if (bad(s)) {
    int n = sockfail(L, s, was);
    *(sock **)lua_touserdata(L, 2) = NULL;
    finish(s);
    return n;
  }
  lua_settop(L, 2);
  return 1;
}


static const char *textfield (lua_State *L, int table, const char *name) {
  const char *s = NULL;
  size_t len;
  if (lua_getfield(L, table, name) != LUA_TNIL) {
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s must be text", name);
    s = lua_tolstring(L, -1, &len);
    if (strlen(s) != len) luaL_error(L, "%s has a NUL in it", name);
  }
  lua_pop(L, 1);                          /* the table keeps it */
  return s;
}


static sock *newsock (lua_State *L) {
  sock **box = lua_newuserdatauv(L, sizeof *box, 0), *s;
  *box = NULL;
  luaL_setmetatable(L, SOCKET);
  if ((s = calloc(1, sizeof *s)) == NULL) luaL_error(L, "not enough memory");
  if (uv_tcp_init(tl_loop(), &s->tcp) != 0) {
    free(s);
    luaL_error(L, "not enough memory");
  }
  uv_timer_init(tl_loop(), &s->clock);
  s->tcp.data = s->clock.data = s->lookup.data = s->connecting.data = s->writing.data = s;
  s->handles = 2;
  s->wait.cancel = oncancel;
  *box = s;
  return s;
}


/* connect{host =, port =, timeout = seconds} -> socket; nil, err */
static int socket_connect (lua_State *L) {
  const char *host;
  char port[8];
  lua_Integer number;
  lua_Number timeout;
  sock *s;
  int error;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  host = textfield(L, 1, "host");
  luaL_argcheck(L, host != NULL && *host != '\0' && strlen(host) < sizeof s->host, 1,
                "host is missing or too long");
  lua_getfield(L, 1, "port");
  number = lua_tointeger(L, -1);
  luaL_argcheck(L, number > 0 && number < 65536, 1, "port must be from 1 to 65535");
  lua_getfield(L, 1, "timeout");
  timeout = luaL_optnumber(L, -1, 10);
  luaL_argcheck(L, timeout > 0 && timeout <= 3600, 1, "timeout must be from 0 to 3600 seconds");
  lua_settop(L, 1);
  tl_mustwait(L);
  s = newsock(L);                         /* at 2 */
  snprintf(s->host, sizeof s->host, "%s", host);
  snprintf(port, sizeof port, "%d", (int)number);
  snprintf(s->where, sizeof s->where, "%s:%s", host, port);
  s->timeout = (uint64_t)(timeout * 1000);
  tl_hold(L, &s->wait);
  error = start(s, CONNECTING);
  if (error == 0) error = lookup(s, port);
  if (error != 0) {
    tl_drop(&s->wait);
    s->error = error;
    return connected(L, LUA_OK, 0);
  }
  return lua_yieldk(L, 0, 0, connected);
}


static int written (lua_State *L, int status, lua_KContext ctx) {
  doing was;
  sock *s = ended(L, 1, &was);
  (void)status; (void)ctx;
  if (bad(s)) return sockfail(L, s, was);
  lua_pushboolean(L, 1);
  return 1;
}


/* socket:write(bytes) -> true; nil, err */
static int socket_write (lua_State *L) {
  sock *s = check(L);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  luaL_argcheck(L, len > 0 && len <= MAXREAD, 2, "from 1 byte to 1 MB is written at a time");
  if (s->ssl == NULL && s->busy) s->error = UV_EPIPE;     /* the last write never ended */
  if (s->error != 0) return sockfail(L, s, WRITING);
  tl_hold(L, &s->wait);
  start(s, WRITING);
  if (s->ssl != NULL) encrypt(s, bytes, len);
  else {
    tl_bufadd(&s->sent, bytes, len);
    writeout(s);
  }
  if (bad(s)) {
    tl_drop(&s->wait);
    return written(L, LUA_OK, 0);
  }
  return lua_yieldk(L, 0, 0, written);
}


static int received (lua_State *L, int status, lua_KContext most) {
  doing was;
  sock *s = ended(L, 1, &was);
  size_t n = s->got.len < (size_t)most ? s->got.len : (size_t)most;
  (void)status;
  if (n == 0) return sockfail(L, s, READING);
  lua_pushlstring(L, s->got.data, n);
  memmove(s->got.data, s->got.data + n, s->got.len - n);
  s->got.len -= n;
  return 1;
}


/* socket:read(most) -> at least one byte, at most so many; nil, err */
static int socket_read (lua_State *L) {
  sock *s = check(L);
  lua_Integer most = luaL_optinteger(L, 2, 4096);
  int error;
  luaL_argcheck(L, most > 0 && most <= MAXREAD, 2, "from 1 byte to 1 MB is read at a time");
  if (s->got.len > 0) return received(L, LUA_OK, (lua_KContext)most);
  if (bad(s) || s->ended) return sockfail(L, s, READING);
  tl_hold(L, &s->wait);
  error = start(s, READING);
  if (error != 0) {
    tl_drop(&s->wait);
    s->error = error;
    return received(L, LUA_OK, (lua_KContext)most);
  }
  if (s->ssl != NULL) progress(s);        /* TLS may hold some already */
  return lua_yieldk(L, 0, (lua_KContext)most, received);
}

/* ----- TLS ----- */

static void namefield (lua_State *L, const char *field, const X509_NAME *name) {
  char text[256];
  int n = X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name, NID_commonName, text,
                                    sizeof text);
  if (n < 0) return;
  lua_pushlstring(L, text, (size_t)n);
  lua_setfield(L, -2, field);
}


/* Who answered, and how: version, cipher, subject, issuer, expires (seconds since 1970). */
static int shaken (lua_State *L, int status, lua_KContext ctx) {
  doing was;
  sock *s = ended(L, 1, &was);
  X509 *cert;
  struct tm at;
  (void)status; (void)ctx;
  if (bad(s) || !SSL_is_init_finished(s->ssl)) return sockfail(L, s, SHAKING);
  lua_createtable(L, 0, 5);
  lua_pushstring(L, SSL_get_version(s->ssl));
  lua_setfield(L, -2, "version");
  lua_pushstring(L, SSL_get_cipher_name(s->ssl));
  lua_setfield(L, -2, "cipher");
  cert = SSL_get0_peer_certificate(s->ssl);
  if (cert == NULL) return 1;
  namefield(L, "subject", X509_get_subject_name(cert));
  namefield(L, "issuer", X509_get_issuer_name(cert));
  if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &at) == 1) {
    lua_pushinteger(L, (lua_Integer)timegm(&at));
    lua_setfield(L, -2, "expires");
  }
  return 1;
}


static int setuptls (sock *s, const tl_linkoptions *o) {
  if ((s->ssl = tl_tls_new(o, s->detail, sizeof s->detail)) == NULL) return 0;
  s->in = BIO_new(BIO_s_mem());
  s->out = BIO_new(BIO_s_mem());
  if (s->in == NULL || s->out == NULL) {
    BIO_free(s->in);
    BIO_free(s->out);
    SSL_free(s->ssl);
    s->ssl = NULL;
    snprintf(s->detail, sizeof s->detail, "not enough memory");
    return 0;
  }
  SSL_set_bio(s->ssl, s->in, s->out);     /* the SSL owns them now */
  SSL_set_connect_state(s->ssl);
  return 1;
}


/* socket:tls{name =, ca = file or folder, verify = true} -> who answered; nil, err */
static int socket_tls (lua_State *L) {
  sock *s = check(L);
  tl_linkoptions o = {0};
  luaL_argcheck(L, s->ssl == NULL, 1, "TLS is on already");
  luaL_checktype(L, 2, LUA_TTABLE);
  o.ca = textfield(L, 2, "ca");
  o.name = textfield(L, 2, "name");
  o.host = s->host;
  lua_getfield(L, 2, "verify");
  o.verify = lua_isnil(L, -1) || lua_toboolean(L, -1);
  lua_settop(L, 2);
  if (bad(s) || s->ended || !setuptls(s, &o)) return sockfail(L, s, SHAKING);
  tl_hold(L, &s->wait);
  s->error = start(s, SHAKING);
  if (s->error != 0) {
    tl_drop(&s->wait);
    return shaken(L, LUA_OK, 0);
  }
  shake(s);
  return lua_yieldk(L, 0, 0, shaken);
}


static const luaL_Reg methods[] = {
  {"write", socket_write}, {"read", socket_read}, {"tls", socket_tls}, {"close", socket_close},
  {NULL, NULL}
};
static const luaL_Reg meta[] = {{"__gc", socket_close}, {"__close", socket_close}, {NULL, NULL}};
static const luaL_Reg functions[] = {{"connect", socket_connect}, {NULL, NULL}};


int luaopen_tidelock_socket (lua_State *L) {
  luaL_newmetatable(L, SOCKET);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}

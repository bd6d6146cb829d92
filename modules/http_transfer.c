/* http_transfer.c -- an easy handle's options, and what libcurl calls back: no Lua here. */
#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ossl.h"

#define KEPT (256 * 1024)   /* bytes of buffer a spare transfer may keep */

/* ----- what libcurl calls ----- */

static void heard (tl_transfer *t) {
  t->heard = uv_now(tl_loop());
}


static size_t tofile (tl_transfer *t, const char *s, size_t n) {
  for (size_t done = 0; done < n; ) {
    ssize_t w = write(t->out, s + done, n - done);
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) {
      t->why = TL_HTTP_WRITE;
      t->oserror = w < 0 ? errno : ENOSPC;
      return 0;
    }
    done += (size_t)w;
  }
  return n;
}


/* A refusal's body is wanted as a string, to be decoded, even when the answer goes to a file. */
static size_t onbody (char *s, size_t one, size_t n, void *data) {
  tl_transfer *t = data;
  size_t held = t->data.len - t->taken;
  size_t window = t->need > TL_HTTP_WINDOW ? t->need : TL_HTTP_WINDOW;
  curl_off_t limit = t->options.max_body;
  int file = t->out >= 0 && t->status < 300;
  (void)one;
  if (t->stream && held >= window) {
    t->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
  }
  heard(t);
  if (!t->stream && !file && limit == LUA_MAXINTEGER) limit = TL_HTTP_MAXBODY;
  if ((curl_off_t)n > limit - t->written) {
    t->why = TL_HTTP_BIG_BODY;
    return 0;
  }
  t->written += (curl_off_t)n;
  if (file) return tofile(t, s, n);
  tl_bufadd(&t->data, s, n);
  if (t->data.failed) {
    t->why = TL_HTTP_MEMORY;
    return 0;
  }
  if (t->stream && t->data.len - t->taken >= t->need) tl_wake(&t->wait);
  return n;
}


/* Each response has its own lines: those of 100 Continue are forgotten when the next begins. */
static size_t onheader (char *s, size_t one, size_t n, void *data) {
  tl_transfer *t = data;
  (void)one;
  heard(t);
  if (n > 5 && memcmp(s, "HTTP/", 5) == 0 && t->headend == 0) {
    const char *space = memchr(s, ' ', n);
    tl_bufclear(&t->headers);
    t->status = space ? strtol(space, NULL, 10) : 0;   /* the line ends in CR LF, so strtol stops */
    return n;
  }
  if (t->headers.len + n > (size_t)t->options.max_headers) {
    t->why = TL_HTTP_BIG_HEADERS;
    return 0;
  }
  if (t->status == 407 && t->options.proxy != NULL) {   /* a proxy's word; no server says it */
    t->why = TL_HTTP_DENIED;
    return 0;
  }
  if (n <= 2 && (*s == '\r' || *s == '\n')) {
    if (t->status >= 200 && t->headend == 0) {
      t->headend = t->headers.len + 1;
      if (t->stream) tl_wake(&t->wait);
      if (t->feed && t->status >= 300) tl_engine_ended(t);   /* libcurl ends it at a refusal */
    }
    return n;
  }
  tl_bufadd(&t->headers, s, n);
  if (t->headers.failed) t->why = TL_HTTP_MEMORY;
  return t->headers.failed ? 0 : n;
}


/* The writer is woken as its piece has gone, to have the next one ready while the socket drains. */
static size_t fromfeed (tl_transfer *t, char *to, size_t n) {
  if (t->over && t->left == 0) {
    tl_engine_ended(t);
    return 0;
  }
  if (t->sent == t->length) return 0;
  if (t->left == 0) {
    t->starved = 1;
    tl_wake(t->feeder);
    return CURL_READFUNC_PAUSE;
  }
  if (n > t->left) n = t->left;
  memcpy(to, t->body, n);
  t->body += n;
  t->left -= n;
  t->sent += (curl_off_t)n;
  if (t->left == 0) tl_wake(t->feeder);
  return n;
}


static size_t onread (char *to, size_t one, size_t n, void *data) {
  tl_transfer *t = data;
  ssize_t got;
  if (t->feed) return fromfeed(t, to, one * n);
  if ((curl_off_t)(one *= n) > t->length - t->sent) one = (size_t)(t->length - t->sent);
  if (one == 0) return 0;
  do got = pread(t->in, to, one, t->offset + t->sent); while (got < 0 && errno == EINTR);
  if (got <= 0) {
    t->why = got < 0 ? TL_HTTP_READ : TL_HTTP_SHRUNK;
    t->oserror = got < 0 ? errno : 0;
    return CURL_READFUNC_ABORT;
  }
  t->sent += got;
  return (size_t)got;
}


static int onseek (void *data, curl_off_t to, int whence) {
  tl_transfer *t = data;
  if (whence != SEEK_SET || (t->feed && to != t->sent)) return CURL_SEEKFUNC_FAIL;
  t->sent = to;
  return CURL_SEEKFUNC_OK;
}


/*
** Called before each time the request goes out. libcurl sends again, by
** itself, what a kept connection swallowed without an answer: the server may
** have done it already, so that is for the caller to decide.
*/
static int onsend (void *data, char *ip, char *myip, int port, int myport) {
  tl_transfer *t = data;
  (void)ip; (void)myip; (void)port; (void)myport;
  heard(t);
  if (t->attempts++ == 0 || !t->options.once) return CURL_PREREQFUNC_OK;
  t->why = TL_HTTP_RESENT;
  return CURL_PREREQFUNC_ABORT;
}

/* Called for each new connection, to the server's and to a proxy's TLS alike. */
static CURLcode ontls (CURL *easy, void *ctx, void *data) {
  (void)easy;
  return tl_cafile_use(data, ctx) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* ----- options ----- */

#define SET(name, value) do { \
    CURLcode code_ = curl_easy_setopt(t->easy, CURLOPT_##name, value); \
    if (code_ != CURLE_OK) return code_; \
  } while (0)


static CURLcode setconstants (tl_transfer *t) {
  SET(PRIVATE, t);
  SET(ERRORBUFFER, t->detail);
  SET(NOSIGNAL, 1L);
  SET(PROTOCOLS_STR, "http,https");
  SET(FOLLOWLOCATION, 0L);
  SET(DISALLOW_USERNAME_IN_URL, 1L);
  SET(PATH_AS_IS, 1L);
  SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(SUPPRESS_CONNECT_HEADERS, 1L);
  SET(HEADEROPT, (long)CURLHEADER_SEPARATE);
  SET(TCP_KEEPALIVE, 1L);
  SET(BUFFERSIZE, 64L * 1024);   /* refused later on, while a failed request's buffer is kept */
  SET(WRITEFUNCTION, onbody);
  SET(WRITEDATA, t);
  SET(HEADERFUNCTION, onheader);
  SET(HEADERDATA, t);
  SET(READFUNCTION, onread);
  SET(READDATA, t);
  SET(SEEKFUNCTION, onseek);
  SET(SEEKDATA, t);
  SET(PREREQFUNCTION, onsend);
  SET(PREREQDATA, t);
  return CURLE_OK;
}


int tl_transfer_init (tl_transfer *t) {
  return setconstants(t) == CURLE_OK;
}


static CURLcode setbody (tl_transfer *t) {
  SET(POSTFIELDS, t->body);      /* first: it makes the method POST */
  SET(POSTFIELDSIZE_LARGE, t->hasbody ? t->length : (curl_off_t)-1);
  SET(HTTPGET, 1L);
  SET(CUSTOMREQUEST, NULL);
  if (strcmp(t->method, "HEAD") == 0) SET(NOBODY, 1L);
  else if (t->hasbody) SET(POST, 1L);
  if (strcmp(t->method, t->hasbody ? "POST" : "GET") != 0 && strcmp(t->method, "HEAD") != 0)
    SET(CUSTOMREQUEST, t->method);
  SET(UPLOAD_BUFFERSIZE, t->path != NULL || t->feed ? 256L * 1024 : 64L * 1024);
  return CURLE_OK;
}


/*
** A file that is looked into is named as a folder. OpenSSL finds nothing under it, and
** libcurl knows which connections were verified by it. A colon would part two folders.
*/
static CURLcode setauthorities (tl_transfer *t, const char *ca, int folder) {
  tl_cafile *f = NULL;
  if (ca != NULL && !folder && strchr(ca, ':') == NULL) f = tl_engine_cafile(t->engine, ca);
  if (f != NULL) t->cafile = tl_cafile_keep(f);
  SET(CAINFO, folder || f ? NULL : ca);
  SET(CAPATH, folder || f ? ca : NULL);
  SET(PROXY_CAINFO, folder || f ? NULL : ca);
  SET(PROXY_CAPATH, folder || f ? ca : NULL);
  SET(SSL_CTX_FUNCTION, f ? ontls : NULL);
  SET(SSL_CTX_DATA, f);
  return CURLE_OK;
}


static CURLcode settrust (tl_transfer *t) {
  const tl_httpoptions *o = &t->options;
  struct stat st;
  const char *ca = o->ca;
  int folder = 0;
  if (memcmp(t->url.data, "https", 5) != 0 && o->proxy == NULL) return CURLE_OK;
  tl_ossltls();
  if (ca == NULL) ca = tl_engine_ca(t->engine, &folder);
  else folder = stat(ca, &st) == 0 && S_ISDIR(st.st_mode);
  SET(SSL_VERIFYPEER, (long)o->verify);
  SET(SSL_VERIFYHOST, o->verify ? 2L : 0L);
  SET(SSLCERT, o->cert);
  SET(SSLKEY, o->key ? o->key : o->cert);
  return setauthorities(t, ca, folder);
}


static CURLcode setoptions (tl_transfer *t) {
  const tl_httpoptions *o = &t->options;
  SET(URL, t->url.data);
  SET(HTTPHEADER, t->list);
  SET(CONNECTTIMEOUT_MS, (long)(o->connect_timeout * 1000));
  SET(TIMEOUT_MS, (long)(o->timeout * 1000));
  SET(ACCEPT_ENCODING, o->decode && tl_engine_gzip(t->engine) ? "gzip" : NULL);
  SET(MAXFILESIZE_LARGE, o->max_body == LUA_MAXINTEGER ? (curl_off_t)0 : (curl_off_t)o->max_body);
  SET(PROXY, o->proxy ? o->proxy : "");      /* "": libcurl must not read the environment */
  SET(NOPROXY, o->no_proxy ? o->no_proxy : "");
  return CURLE_OK;
}


static CURLcode openbody (tl_transfer *t) {
  struct stat st;
  t->in = open(t->path, O_RDONLY | O_CLOEXEC);
  if (t->in < 0 || fstat(t->in, &st) != 0) {
    t->oserror = errno;
    t->why = TL_HTTP_READ;
    return CURLE_READ_ERROR;
  }
  if (t->length < 0) t->length = st.st_size > t->offset ? st.st_size - t->offset : 0;
  if (t->offset + t->length > st.st_size) {
    t->why = TL_HTTP_SHRUNK;
    return CURLE_READ_ERROR;
  }
  return CURLE_OK;
}


static CURLcode openout (tl_transfer *t) {
  int how = t->options.to_offset < 0 ? O_TRUNC : 0;
  t->out = open(t->options.to, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666);
  if (t->out < 0 || (how == 0 && lseek(t->out, t->options.to_offset, SEEK_SET) < 0)) {
    t->oserror = errno;
    t->why = TL_HTTP_WRITE;
    return CURLE_WRITE_ERROR;
  }
  return CURLE_OK;
}


CURLcode tl_transfer_prepare (tl_transfer *t) {
  CURLcode code = t->path != NULL ? openbody(t) : CURLE_OK;
  if (code == CURLE_OK && t->options.to != NULL) code = openout(t);
  if (code == CURLE_OK) code = setoptions(t);
  if (code == CURLE_OK) code = settrust(t);
  if (code == CURLE_OK) code = setbody(t);
  return t->code = code;
}


static void empty (tl_buf *b) {
  if (b->size > KEPT) tl_buffree(b);
  else tl_bufclear(b);
}


/* Ready for the next request: buffers and easy handle stay. What libcurl points into is let go. */
void tl_transfer_clear (tl_transfer *t) {
  if (t->in >= 0) close(t->in);
  if (t->out >= 0) close(t->out);
  t->in = t->out = -1;
  tl_cafile_close(t->cafile);
  t->cafile = NULL;
  empty(&t->url);
  empty(&t->lines);
  empty(&t->headers);
  empty(&t->data);
  t->nlines = t->headend = t->taken = t->need = t->origin = 0;
  t->body = t->path = NULL;
  t->feed = t->starved = t->over = t->ended = 0;
  t->feeder = &t->wait;
  t->left = 0;
  t->length = t->offset = t->sent = t->written = t->progress = 0;
  t->stream = t->paused = t->done = t->attempts = t->hasbody = t->oserror = 0;
  t->status = t->tunnel = 0;
  t->code = CURLE_OK;
  t->why = TL_HTTP_NONE;
  t->detail[0] = '\0';
}

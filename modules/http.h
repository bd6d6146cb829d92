/* http.h -- what the files of tidelock.http owe one another. */
#ifndef TL_HTTP_H
#define TL_HTTP_H

#include <stddef.h>

#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <uv.h>

#include "buf.h"
#include "cafile.h"
#include "loop.h"

#define TL_HTTP_WINDOW (256u * 1024u)  /* bytes of a stream held before the sender is paused */

#define TL_HTTP_MAXBODY (64 * 1024 * 1024)  /* bytes of a body held whole, unless max_body says */

/* Why we ended a transfer ourselves; libcurl's own reasons are in `code`. */
typedef enum tl_httpwhy {
  TL_HTTP_NONE, TL_HTTP_BIG_BODY, TL_HTTP_BIG_HEADERS, TL_HTTP_QUIET, TL_HTTP_READ,
  TL_HTTP_SHRUNK, TL_HTTP_WRITE, TL_HTTP_RESENT, TL_HTTP_STOPPED, TL_HTTP_DENIED, TL_HTTP_MEMORY
} tl_httpwhy;

typedef struct tl_httpoptions {
  lua_Number connect_timeout, read_timeout, timeout;  /* seconds; 0 means none */
  lua_Integer max_body, max_headers, to_offset;       /* bytes; -1 means not given */
  const char *ca, *cert, *key, *proxy, *no_proxy, *to;  /* anchored on the task's stack */
  int verify, decode, once;                           /* once: -1 is all but reads */
} tl_httpoptions;

typedef struct tl_engine tl_engine;
typedef struct tl_transfer tl_transfer;

/*
** One request and its response. Malloc'd, since libcurl and libuv point into
** it; kept with its easy handle on the engine's list of spare ones between
** two requests. While busy it belongs to a box, a userdata on the task's stack.
*/
struct tl_transfer {
  tl_transfer *next, *prev;      /* in the engine's list of busy or of spare ones */
  tl_transfer **box;
  tl_engine *engine;
  CURL *easy;
  uv_timer_t quiet;              /* fires when nothing came for read_timeout */
  tl_wait wait;
  tl_httpoptions options;
  /* the request */
  char method[16];
  tl_buf url;
  size_t origin;                 /* length of scheme://host in url */
  tl_buf lines;                  /* header lines, each with its NUL */
  struct curl_slist *list;       /* nodes that point into lines */
  size_t nlines, maxlines;
  const char *body;              /* a Lua string on the task's stack, or NULL */
  size_t left;                   /* of a body that is fed: what of the piece is still to go */
  const char *path;              /* of a body that comes from a file, or NULL */
  curl_off_t length, offset, sent;
  int hasbody;
  int feed, starved;             /* the body comes by pieces; libcurl waits for the next */
  int over;                      /* of a body without a length: no more will come */
  int ended;                     /* its end went out: the answer's may have been overlooked */
  tl_wait *feeder;               /* who brings the pieces: `wait`, or a task beside it */
  int in, out;                   /* file descriptors, or -1 */
  tl_cafile *cafile;             /* the authorities to look up, or NULL where libcurl loads them */
  /* the response */
  tl_buf headers, data;
  size_t headend;                /* where the trailers begin in headers, or 0 */
  size_t taken, need;            /* of a stream: bytes read, bytes its reader waits for */
  curl_off_t written;            /* bytes of body received, decoded */
  long status;
  int stream, paused;            /* read by pieces; libcurl was told to pause */
  int added;                     /* in the multi handle */
  int done;
  int attempts;                  /* times the request went out */
  uint64_t heard;                /* when the last byte came, by the loop's clock */
  curl_off_t progress;           /* bytes up and down at the last look */
  CURLcode code;
  tl_httpwhy why;
  int oserror;
  long tunnel;                   /* the proxy's status for CONNECT, or 0 */
  char detail[CURL_ERROR_SIZE];
};

/*
** What a task holds: the transfer, NULL once it is let go, and the wait of who brings the
** pieces beside it.
*/
typedef struct tl_httpbox {
  tl_transfer *t;
  tl_wait feeder;
} tl_httpbox;

#define TL_HTTP_TRANSFER "tidelock.http.transfer"

/* http_engine.c: the multi handle on the loop, and the lists of transfers */
tl_engine *tl_engine_new (lua_State *L);                    /* pushes its box */
tl_transfer *tl_engine_acquire (lua_State *L, tl_engine *e);  /* pushes the transfer's box */
CURLcode tl_engine_start (tl_transfer *t);
void tl_engine_stop (tl_transfer *t);                       /* out of the multi; harmless twice */
void tl_engine_release (tl_transfer *t);                    /* stops it and keeps it as spare */
CURLcode tl_engine_resume (tl_transfer *t);                 /* lets a paused stream flow again */
void tl_engine_ended (tl_transfer *t);                      /* the body's end goes out */
void tl_engine_abort (tl_transfer *t);                      /* ends it as failed; wakes who waits */
const char *tl_engine_ca (tl_engine *e, int *folder);       /* the system's certificates, or NULL */
tl_cafile *tl_engine_cafile (tl_engine *e, const char *path);  /* NULL: libcurl is to load it */
int tl_engine_gzip (tl_engine *e);

/* http_request.c: the tables at 1 and 2 into a transfer; raises on misuse */
void tl_request_read (lua_State *L, tl_transfer *t);

/* http_transfer.c: an easy handle's options and callbacks */
int tl_transfer_init (tl_transfer *t);                      /* what is the same for every request */
CURLcode tl_transfer_prepare (tl_transfer *t);  /* opens files; why and oserror say more */
void tl_transfer_clear (tl_transfer *t);

/* http.c: the steps that every way to send shares */
typedef enum tl_httphow {      /* at once; the response's body by pieces; the request's; both */
  TL_HTTP_WHOLE, TL_HTTP_STREAM, TL_HTTP_FEED, TL_HTTP_TALK
} tl_httphow;

#define TL_HTTP_RESPONSE "tidelock.http.response"
#define TL_HTTP_CONVERSATION "tidelock.http.talk"

tl_transfer *tl_http_begin (lua_State *L, tl_httphow how);
void tl_http_keep (lua_State *L, const char *kind);
void tl_http_feed (lua_State *L, tl_transfer *t, const char *piece, size_t len);
void tl_http_pushhead (lua_State *L, tl_transfer *t);

/* http_talk.c */
int tl_http_converse (lua_State *L);
extern const luaL_Reg tl_http_talkmethods[], tl_http_talkmeta[];

/* http_error.c */
int tl_transfer_fail (lua_State *L, tl_transfer *t);        /* nil, err */

#endif

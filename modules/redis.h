/* redis.h -- what the files of tidelock.redis owe one another. */
#ifndef TL_REDIS_H
#define TL_REDIS_H

#include <netdb.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>
#include <lua.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "buf.h"
#include "loop.h"

typedef struct tl_link tl_link;
typedef struct tl_request tl_request;

/* Why a link ended. */
typedef enum tl_linkwhy {
  TL_LINK_NONE, TL_LINK_DNS, TL_LINK_CONNECT, TL_LINK_SLOW, TL_LINK_TLS, TL_LINK_QUIET,
  TL_LINK_BROKEN, TL_LINK_CLOSED, TL_LINK_PROTOCOL, TL_LINK_BIG, TL_LINK_REFUSED, TL_LINK_MEMORY
} tl_linkwhy;

typedef struct tl_linkoptions {
  const char *host, *path, *ca, *cert, *key, *name;   /* name: of the certificate, else host */
  lua_Integer port, max_reply;
  lua_Number connect_timeout, timeout;                /* seconds; 0 means none */
  int tls, verify;
} tl_linkoptions;

/*
** One command, or several that belong together, and their replies. Malloc'd:
** replies come in order, so one whose task was cancelled stays in the line.
*/
struct tl_request {
  tl_request *next;              /* in the link's line */
  tl_request **box;              /* the userdata that owns it; NULL when abandoned */
  tl_link *link;
  tl_wait wait;
  tl_buf text;                   /* the commands as RESP */
  size_t firstlen;               /* of the first of them */
  redisReply **replies;
  size_t count, got;
  uint64_t firstend;             /* where the first ends, in all the bytes of the link */
  uint64_t deadline;             /* by the loop's clock */
  int waiting, failed, unsent;   /* in the line; ended without its replies; surely never run */
  char name[24];                 /* the first command's, for messages */
};

typedef struct tl_push {         /* what came unasked: a message of a subscription */
  struct tl_push *next;
  redisReply *reply;
} tl_push;

typedef enum tl_linkstate { TL_OPENING, TL_HANDSHAKE, TL_LIVE, TL_DEAD } tl_linkstate;

/* A connection. Malloc'd, since libuv points into it; freed when box and handles are gone. */
/* What makes a reader's replies: hiredis's own, but for arrays in arrays without an end. */
typedef struct tl_makers {
  redisReplyObjectFunctions ours;
  const redisReplyObjectFunctions *theirs;
  int toodeep;                   /* one was refused for that */
} tl_makers;

struct tl_link {
  tl_link **box;
  int handles;                   /* of libuv's, not yet closed; a look-up counts */
  tl_linkstate state;
  tl_linkwhy why;
  uv_poll_t poll;
  uv_prepare_t flush;            /* runs before libuv waits: one write a turn */
  uv_timer_t clock;
  uv_getaddrinfo_t lookup;
  struct addrinfo *found, *address;
  int fd, polled, looking, wantwrite;
  SSL *ssl;
  redisReader *reader;
  tl_makers makers;              /* of the reader */
  tl_buf out;
  size_t outpos;                 /* of out, what is written */
  uint64_t appended, written;    /* bytes in all */
  size_t received;               /* since the last whole reply */
  size_t piece;                  /* bytes to take from the socket in one turn */
  size_t maxreply;
  uint64_t timeout, opentimeout; /* milliseconds */
  tl_request *first, **last;     /* sent or to be sent, in order */
  tl_push *pushed, **lastpush;
  size_t npushed;
  int subscriber;
  tl_wait wait;                  /* of who opens it, or who receives */
  int verify;
  char where[280], name[256], port[8];
  char detail[256];
};

/* redis_link.c: the socket, the line of requests, and their replies; no Lua but in `new` */
tl_link *tl_link_new (lua_State *L);                  /* pushes its box */
tl_linkwhy tl_link_open (tl_link *k, const tl_linkoptions *o);  /* then wait for state to change */
int tl_link_send (tl_link *k, tl_request *r);         /* 0 if there is no memory */
int tl_link_write (tl_link *k, const tl_buf *text);   /* without a reply: for subscriptions */
void tl_link_close (tl_link *k, tl_linkwhy why, const char *detail);
void tl_link_settle (tl_link *k);  /* after a wait: does the loop still need it? */
redisReply *tl_link_receive (tl_link *k);             /* the next push, to be freed; or NULL */
void tl_request_free (tl_request *r);

/* redis_tls.c */
SSL *tl_tls_new (const tl_linkoptions *o, char *detail, size_t size);  /* NULL, and why */
void tl_tls_why (SSL *ssl, char *detail, size_t size);

/* redis_reply.c */
redisReader *tl_reply_reader (tl_makers *m);          /* which must live as long as the reader */
const char *tl_reply_why (const redisReader *r, const tl_makers *m);  /* NULL: no memory */
void tl_reply_push (lua_State *L, const redisReply *r);   /* nil as redis.null inside lists */
int tl_reply_fail (lua_State *L, const char *name, const char *where, const redisReply *r);
int tl_link_fail (lua_State *L, const tl_link *k, const char *name, int request, int unsent);

#endif

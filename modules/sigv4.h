/* sigv4.h -- AWS signatures without Lua: a request in, every stage of its signature out. */
#ifndef TL_SIGV4_H
#define TL_SIGV4_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

#include "buf.h"
#include "sha256.h"

typedef struct tl_text { const char *s; size_t n; } tl_text;    /* borrowed bytes */
#define TL_TEXT(literal) ((tl_text){literal, sizeof(literal) - 1})

typedef struct tl_pair {        /* a header or a query parameter */
  tl_text name, value;
  size_t order;                 /* as it was given: equal names keep it */
} tl_pair;

typedef struct tl_pairs {       /* grows by malloc, keeps its memory; failed sticks */
  tl_pair *at;
  size_t n, size;
  int failed;
} tl_pairs;

enum {                          /* tl_sig.flags */
  TL_SIG_DOUBLE = 1,            /* URI-encode the path once more: all services but S3 */
  TL_SIG_NORMALIZE = 2,         /* resolve ., .. and // in the path: all services but S3 */
  TL_SIG_QUERY = 4,             /* presign: the signature goes into the query */
  TL_SIG_OMITTOKEN = 8          /* send the session token without signing it */
};

#define TL_EMPTYHASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define TL_SIGMAX 144           /* characters of a signature: DER in hexadecimal, at most */

/*
** One signature. Fill the first part (borrowed until the result is read), add
** the headers, run; the second part then holds the stages. A tl_sig is zeroed
** once, used for many requests, and freed once.
*/
typedef struct tl_sig {
  tl_text method, path, query;  /* path and query as they are sent */
  tl_text host, body;
  tl_text payload;              /* its hash or a word; taken from header or body if empty */
  tl_text keyid, secret, token;
  tl_text region, service;      /* with v4a, region is the region set */
  int64_t time, expires;        /* seconds since 1970; seconds */
  unsigned flags;
  int asymmetric;               /* SigV4a */
  int content_sha;              /* send and sign the payload's hash as a header */

  tl_pairs headers;             /* by tl_sigheader */
  char date[17];                /* 20150830T123600Z */
  char bodyhash[2 * SHA256_DIGEST_LENGTH];
  tl_buf scope;                 /* 20150830/us-east-1/sqs/aws4_request */
  tl_buf names;                 /* host;x-amz-date */
  tl_buf canonical, tosign;
  tl_buf result;                /* the Authorization header, or the query with its signature */
  char signature[TL_SIGMAX];
  size_t siglen;

  int has_host, has_sha;
  size_t namebytes;             /* of all headers' names */
  tl_buf lower, wire, work;     /* names in lower case; parameters; encoded query */
  tl_pairs params;
} tl_sig;

typedef enum tl_sigrole {       /* what signing does with a header of the caller's */
  TL_SIGN, TL_SKIP,             /* signs it; leaves it alone, since proxies change it */
  TL_REPLACE                    /* leaves it out, since the signature brings its own */
} tl_sigrole;

#define TL_SIGKEYS 16
#define TL_SIGAKEYS 4

typedef struct tl_sigkeys {     /* derived keys, few, the least recently used goes first */
  struct { unsigned char id[SHA256_DIGEST_LENGTH]; uint64_t used; tl_hmac key; } v4[TL_SIGKEYS];
  struct { unsigned char id[SHA256_DIGEST_LENGTH]; uint64_t used; EVP_PKEY *key; } v4a[TL_SIGAKEYS];
  uint64_t clock;
} tl_sigkeys;

/* sigv4canon.c */
tl_sigrole tl_sigrole_of (tl_text name);
void tl_sigheader (tl_sig *s, tl_text name, tl_text value);
void tl_sigown (tl_sig *s);                       /* adds the headers that the signature brings */
void tl_signames (tl_sig *s);                     /* headers to lower case, sorted; names */
void tl_sigcanon (tl_sig *s);                     /* canonical, from names and all else */
void tl_siguri (tl_buf *b, tl_text s, int slash); /* percent-encodes all but A-Z a-z 0-9 - . _ ~ */
void tl_sigtrim (tl_buf *b, tl_text s);           /* ends trimmed, inner white space one space */
tl_pair *tl_pairadd (tl_pairs *p, tl_text name, tl_text value);
void tl_pairsort (tl_pairs *p, int byvalue);

/* sigv4sign.c: NULL, or a sentence that says why not */
void tl_sigclear (tl_sig *s);                     /* empty, memory kept */
void tl_sigfree (tl_sig *s);
const char *tl_sigdate (tl_sig *s);               /* date and scope, from time, region, service */
const char *tl_sigrun (tl_sig *s, tl_sigkeys *keys);
const char *tl_sigstring (tl_sig *s, tl_sigkeys *keys);   /* signature of `tosign` as it stands */
EVP_PKEY *tl_sigafind (tl_sig *s, tl_sigkeys *keys);      /* SigV4a's derived key, or NULL */
void tl_sigkeysfree (tl_sigkeys *keys);

/* sigv4a.c */
EVP_PKEY *tl_sigakey (tl_text keyid, tl_text secret);     /* NULL when OpenSSL fails */
int tl_sigapublic (EVP_PKEY *key, unsigned char xy[64]);
int tl_sigasign (EVP_PKEY *key, const void *s, size_t n, char *hex, size_t *len);

#endif

/*
** provider.c -- OpenSSL's default provider with less on offer.
** OpenSSL 3 makes an object of every cipher of a provider when the first is asked for, and
** the same with digests and with decoders of keys, which it then goes through for every key
** that it reads. It knows 120 ciphers; TLS speaks of ten. The rest was a quarter of what a
** single call over TLS cost.
*/
#include "ossl.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

#define MOST 64   /* algorithms offered of a kind */

/* Not declared by OpenSSL, but in its archive: how the default provider begins. */
extern OSSL_provider_init_fn ossl_default_provider_init;

typedef struct offer {
  int operation;
  const char *const *names;      /* the first names of what is wanted */
  OSSL_ALGORITHM list[MOST + 1];
} offer;

/* CTR is for random numbers, CBC for servers of TLS 1.2 that know no better. */
static const char *const ciphers[] = {
  "AES-256-GCM", "AES-128-GCM", "ChaCha20-Poly1305", "AES-256-CTR", "AES-256-ECB",
  "AES-256-CBC", "AES-128-CBC", "AES-256-CBC-HMAC-SHA1", "AES-128-CBC-HMAC-SHA1",
  "AES-256-CBC-HMAC-SHA256", "AES-128-CBC-HMAC-SHA256", "NULL", NULL
};

static const char *const digests[] = {
  "SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512", "MD5", "MD5-SHA1", NULL
};

/* DER is how PEM is taken off. */
static const char *const decoders[] = {"RSA", "RSA-PSS", "EC", "ED25519", "DER", NULL};

static offer offers[] = {
  {.operation = OSSL_OP_CIPHER, .names = ciphers},
  {.operation = OSSL_OP_DIGEST, .names = digests},
  {.operation = OSSL_OP_DECODER, .names = decoders},
};

static OSSL_FUNC_provider_query_operation_fn *query;   /* the default provider's own */


static int wanted (const OSSL_ALGORITHM *a, const char *const *names) {
  size_t n = strcspn(a->algorithm_names, ":");
  const char *input = strstr(a->property_definition, "input=");
  if (input != NULL && strncmp(input, "input=der", 9) != 0 && strncmp(input, "input=pem", 9) != 0)
    return 0;
  for (; *names != NULL; names++)
    if (strlen(*names) == n && strncmp(*names, a->algorithm_names, n) == 0) return 1;
  return 0;
}


/* The same list less what is not wanted; all of it where it does not fit. */
static const OSSL_ALGORITHM *prune (offer *o, const OSSL_ALGORITHM *all) {
  size_t n = 0;
  if (o->list[0].algorithm_names != NULL) return o->list;
  for (const OSSL_ALGORITHM *a = all; a != NULL && a->algorithm_names != NULL; a++) {
    if (!wanted(a, o->names)) continue;
    if (n == MOST) return all;
    o->list[n++] = *a;
  }
  return o->list;
}


static const OSSL_ALGORITHM *onquery (void *ctx, int operation, int *nocache) {
  const OSSL_ALGORITHM *all = query(ctx, operation, nocache);
  for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
    if (offers[i].operation == operation) return prune(&offers[i], all);
  return all;
}


static int begin (const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                  const OSSL_DISPATCH **out, void **ctx) {
  static OSSL_DISPATCH own[16];
  size_t n = 0;
  if (!ossl_default_provider_init(core, in, out, ctx)) return 0;
  for (const OSSL_DISPATCH *d = *out; d->function_id != 0; d++) {
    if (n == sizeof own / sizeof *own - 1) return 1;
    own[n] = *d;
    if (d->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
      query = OSSL_FUNC_provider_query_operation(d);
      own[n].function = (void (*) (void))onquery;
    }
    n++;
  }
  *out = own;
  return 1;
}


int tl_osslprovider (void) {
  static int added;
  if (!added) added = OSSL_PROVIDER_add_builtin(NULL, "tidelock", begin);
  return added && OSSL_PROVIDER_load(NULL, "tidelock") != NULL;
}

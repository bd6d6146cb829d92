/* sha256.h -- SHA-256 and HMAC over it, for little more than the compression function's time. */
#ifndef TL_SHA256_H
#define TL_SHA256_H

#include <stddef.h>
#include <openssl/sha.h>

typedef struct tl_hmac {        /* the key's two blocks, hashed: a signing key kept costs no more */
  SHA256_CTX inner, outer;
} tl_hmac;

void tl_sha256 (const void *s, size_t n, unsigned char out[SHA256_DIGEST_LENGTH]);

/* The key is `prefix` and `key` joined. Wipe a tl_hmac as you would the key. */
void tl_hmackey (tl_hmac *h, const char *prefix, const void *key, size_t n);
void tl_hmac256 (const tl_hmac *h, const void *s, size_t n,
                 unsigned char out[SHA256_DIGEST_LENGTH]);

#endif

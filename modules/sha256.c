/* sha256.c -- SHA-256 and HMAC over it, for little more than the compression function's time. */

/*
** The low-level calls are deprecated in OpenSSL 3 in favour of EVP, which costs
** several allocations and virtual calls a hash: on the 200 bytes of a string to
** sign that is more than the hashing itself. The code behind both is the same.
*/
#define OPENSSL_SUPPRESS_DEPRECATED

#include "sha256.h"

#include <string.h>

#include <openssl/crypto.h>

#define BLOCK SHA256_CBLOCK
#define SIZE  SHA256_DIGEST_LENGTH


void tl_sha256 (const void *s, size_t n, unsigned char out[SIZE]) {
  SHA256_CTX c;
  SHA256_Init(&c);
  SHA256_Update(&c, s, n);
  SHA256_Final(out, &c);
}


/* A key longer than a block stands for its own hash. */
static void fold (unsigned char block[BLOCK], const char *prefix, const void *key, size_t n) {
  size_t np = strlen(prefix);
  memset(block, 0, BLOCK);
  if (np + n <= BLOCK) {
    memcpy(block, prefix, np);
    if (n > 0) memcpy(block + np, key, n);
  }
  else {
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, prefix, np);
    SHA256_Update(&c, key, n);
    SHA256_Final(block, &c);
  }
}


void tl_hmackey (tl_hmac *h, const char *prefix, const void *key, size_t n) {
  unsigned char block[BLOCK];
  int i;
  fold(block, prefix, key, n);
  for (i = 0; i < BLOCK; i++) block[i] ^= 0x36;
  SHA256_Init(&h->inner);
  SHA256_Update(&h->inner, block, BLOCK);
  for (i = 0; i < BLOCK; i++) block[i] ^= 0x36 ^ 0x5c;
  SHA256_Init(&h->outer);
  SHA256_Update(&h->outer, block, BLOCK);
  OPENSSL_cleanse(block, sizeof block);
}


void tl_hmac256 (const tl_hmac *h, const void *s, size_t n, unsigned char out[SIZE]) {
  SHA256_CTX c = h->inner;
  SHA256_Update(&c, s, n);
  SHA256_Final(out, &c);
  c = h->outer;
  SHA256_Update(&c, out, SIZE);
  SHA256_Final(out, &c);
  OPENSSL_cleanse(&c, sizeof c);
}

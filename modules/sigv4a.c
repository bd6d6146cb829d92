/* sigv4a.c -- SigV4a: one signature for many regions, by ECDSA on P-256 with a derived key. */
#include "sigv4.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#include "armor.h"
#include "ossl.h"

#define SIZE 32
#define LABEL "AWS4-ECDSA-P256-SHA256"
#define TRIES 254               /* each fails with a chance of 2^-32 */

/* The order of P-256, less 2: a candidate above it is refused. */
static const unsigned char limit[SIZE] = {
  0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f
};


/* Not in constant time; what it tells is the outcome, which is known anyway. */
static int above (const unsigned char *a, const unsigned char *b) {
  return memcmp(a, b, SIZE) > 0;
}


static void increment (unsigned char *v) {
  int i = SIZE;
  unsigned carry = 1;
  while (i-- > 0) {
    carry += v[i];
    v[i] = (unsigned char)carry;
    carry >>= 8;
  }
}


/* NIST SP 800-108's KDF in counter mode, until a candidate is a private key. */
static int private_key (tl_text keyid, tl_text secret, unsigned char d[SIZE]) {
  static const unsigned char bits[] = {0, 0, 1, 0};      /* 256, asked for */
  tl_buf input = {0};
  tl_hmac h;
  int counter, found = 0;
  tl_bufadd(&input, "\0\0\0\1" LABEL "\0", 4 + sizeof LABEL);
  tl_bufadd(&input, keyid.s, keyid.n);
  tl_bufchar(&input, 0);
  tl_bufadd(&input, (const char *)bits, sizeof bits);
  tl_hmackey(&h, "AWS4A", secret.s, secret.n);
  for (counter = 1; !found && !input.failed && counter <= TRIES; counter++) {
    input.data[input.len - sizeof bits - 1] = (char)counter;
    tl_hmac256(&h, input.data, input.len, d);
    found = !above(d, limit);
  }
  if (found) increment(d);
  OPENSSL_cleanse(&h, sizeof h);
  tl_buffree(&input);
  return found;
}


/* Q = dG, uncompressed. */
static int public_point (const BIGNUM *d, unsigned char *out, size_t size) {
  EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  EC_POINT *q = group ? EC_POINT_new(group) : NULL;
  int ok = q != NULL && EC_POINT_mul(group, q, d, NULL, NULL, NULL) &&
           EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, out, size, NULL) == size;
  EC_POINT_free(q);
  EC_GROUP_free(group);
  return ok;
}


static EVP_PKEY *from_params (OSSL_PARAM *params) {
  EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL) : NULL;
  EVP_PKEY *key = NULL;
  if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
      EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0) key = NULL;
  EVP_PKEY_CTX_free(ctx);
  return key;
}


static EVP_PKEY *build (const BIGNUM *d) {
  unsigned char q[1 + 2 * SIZE];
  OSSL_PARAM_BLD *bld = public_point(d, q, sizeof q) ? OSSL_PARAM_BLD_new() : NULL;
  OSSL_PARAM *params = NULL;
  EVP_PKEY *key;
  if (bld != NULL && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                                     "prime256v1", 0) &&
      OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) &&
      OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, q, sizeof q))
    params = OSSL_PARAM_BLD_to_param(bld);
  key = from_params(params);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(bld);
  return key;
}


EVP_PKEY *tl_sigakey (tl_text keyid, tl_text secret) {
  unsigned char bytes[SIZE];
  EVP_PKEY *key = NULL;
  if (tl_osslready() && private_key(keyid, secret, bytes)) {
    BIGNUM *d = BN_secure_new();
    if (d != NULL && BN_bin2bn(bytes, SIZE, d) != NULL) {
      BN_set_flags(d, BN_FLG_CONSTTIME);
      key = build(d);
    }
    BN_clear_free(d);
  }
  OPENSSL_cleanse(bytes, sizeof bytes);
  return key;
}


int tl_sigapublic (EVP_PKEY *key, unsigned char xy[2 * SIZE]) {
  unsigned char q[1 + 2 * SIZE];
  size_t n;
  if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, q, sizeof q, &n) ||
      n != sizeof q) return 0;
  memcpy(xy, q + 1, 2 * SIZE);
  return 1;
}


/* Out of memory, OpenSSL 3.0 may call a signature made whose size is -1: hence the look at it. */
int tl_sigasign (EVP_PKEY *key, const void *s, size_t n, char *hex, size_t *len) {
  unsigned char hash[SHA256_DIGEST_LENGTH], der[TL_SIGMAX / 2];
  size_t size = sizeof der;
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  int ok;
  tl_sha256(s, n, hash);
  ok = ctx != NULL && EVP_PKEY_sign_init(ctx) > 0 &&
       EVP_PKEY_sign(ctx, der, &size, hash, sizeof hash) > 0 &&
       2 < size && size <= sizeof der && der[0] == 0x30 && der[1] == size - 2;
  EVP_PKEY_CTX_free(ctx);
  if (!ok) return 0;
  tl_hex(hex, der, size);
  *len = 2 * size;
  return 1;
}

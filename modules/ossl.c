/* ossl.c -- how OpenSSL starts, and what is left out until TLS is wanted. */
#define OPENSSL_SUPPRESS_DEPRECATED   /* the loaders of single libraries' words */

#include "ossl.h"

#include <stdlib.h>

#include <openssl/cryptoerr_legacy.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>


/* Certificates are signed over these; TLS and all else ask providers for digests by name. */
static void adddigests (void) {
  EVP_add_digest(EVP_sha1());
  EVP_add_digest(EVP_sha224());
  EVP_add_digest(EVP_sha256());
  EVP_add_digest(EVP_sha384());
  EVP_add_digest(EVP_sha512());
}


/*
** The system's openssl.cnf is for the system's OpenSSL: what it loads may not fit the
** one linked here, and reading it costs a sixth of a single call. Who names a file in
** OPENSSL_CONF gets it. The words of its errors, 4,000 of them, cost a tenth, and the list
** of old names for every cipher and digest that there is another. What the library holds
** at the exit is left to the system.
*/
void tl_osslstart (void) {
  uint64_t config = getenv("OPENSSL_CONF") != NULL ? 0 : OPENSSL_INIT_NO_LOAD_CONFIG;
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS
                      | OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS
                      | config, NULL);
}


int tl_osslready (void) {
  static int ready;
  if (!ready)
    ready = OSSL_LIB_CTX_get0_global_default() != NULL
            && (getenv("OPENSSL_CONF") != NULL || tl_osslprovider());
  return ready;
}


void tl_osslquiet (void) {
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL);
}


void tl_ossltls (void) {
  static int made;
  if (made) return;
  made = 1;
  tl_osslquiet();
  tl_osslready();
  adddigests();
}


/* A second time does nothing; without memory errors stay numbers. */
void tl_osslwords (void) {
  static int (*const loaders[]) (void) = {
    ERR_load_ERR_strings, ERR_load_ASN1_strings, ERR_load_BIO_strings, ERR_load_CRYPTO_strings,
    ERR_load_EC_strings, ERR_load_EVP_strings, ERR_load_PEM_strings, ERR_load_RSA_strings,
    ERR_load_SSL_strings, ERR_load_X509_strings, ERR_load_X509V3_strings
  };
  static int loaded;
  if (loaded) return;
  loaded = 1;
  for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) loaders[i]();
}

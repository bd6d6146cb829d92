/* ossl.c -- how OpenSSL starts, and what is left out until TLS is wanted. */
#define OPENSSL_SUPPRESS_DEPRECATED   /* the loaders of single libraries' words */

#include "ossl.h"

#include <stdlib.h>

#include <openssl/cryptoerr_legacy.h>


/*
** The system's openssl.cnf is for the system's OpenSSL: what it loads may not fit the
** one linked here, and reading it costs a sixth of a single call. Who names a file in
** OPENSSL_CONF gets it. The words of its errors, 4,000 of them, cost a tenth. What the
** library holds at the exit is left to the system.
*/
void tl_osslstart (void) {
  uint64_t config = getenv("OPENSSL_CONF") != NULL ? 0 : OPENSSL_INIT_NO_LOAD_CONFIG;
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | config, NULL);
}


/* The SSL library loads its own. A second time does nothing; without memory errors stay numbers. */
void tl_osslwords (void) {
  static int (*const loaders[]) (void) = {
    ERR_load_ERR_strings, ERR_load_ASN1_strings, ERR_load_BIO_strings, ERR_load_CRYPTO_strings,
    ERR_load_EC_strings, ERR_load_EVP_strings, ERR_load_PEM_strings, ERR_load_RSA_strings,
    ERR_load_X509_strings, ERR_load_X509V3_strings
  };
  static int loaded;
  if (loaded) return;
  loaded = 1;
  for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) loaders[i]();
}

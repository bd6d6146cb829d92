/* ossl.h -- how OpenSSL starts, and whether it is fit to be called. */
#ifndef TL_OSSL_H
#define TL_OSSL_H

#include <openssl/crypto.h>

/*
** OpenSSL 3.0 makes its default context at the first call that needs one. If
** memory is short just then it goes on without, and crashes. Ask this before any
** EVP or RAND call: 0 means "not enough memory", and may do so for good. Who sets
** OPENSSL_CONF gets OpenSSL as that says; all others the provider of provider.c.
*/
int tl_osslready (void);

/* provider.c: the default provider, cut down to what is needed; 0 without memory. */
int tl_osslprovider (void);

/* Before anything else of OpenSSL. */
void tl_osslstart (void);

/* Before libcurl starts the SSL library, which else loads its words. */
void tl_osslquiet (void);

/* Before a connection by TLS. A second time does nothing. */
void tl_ossltls (void);

/* Before an error is put into words: ERR_reason_error_string knows them from here on. */
void tl_osslwords (void);

#endif

/* cafile.h -- a file of authorities' certificates, looked into instead of loaded. */
#ifndef TL_CAFILE_H
#define TL_CAFILE_H

#include <openssl/ssl.h>

typedef struct tl_cafile tl_cafile;

/*
** The index of the file at `path`: `old` if it is that, and is still as it was; else `old`
** is closed. NULL where there is no such file, or no memory.
*/
tl_cafile *tl_cafile_open (tl_cafile *old, const char *path);

/*
** Whether it can be looked into. What has more in it than plain certificates, or is
** damaged, OpenSSL is to load as ever, and to say what is wrong with it.
*/
int tl_cafile_plain (const tl_cafile *f);

tl_cafile *tl_cafile_keep (tl_cafile *f);   /* one user more; each closes it */

/* Trusts what the file has for this context, which keeps it. 1, or 0 without memory. */
int tl_cafile_use (tl_cafile *f, SSL_CTX *ctx);

void tl_cafile_close (tl_cafile *f);   /* NULL is nothing */

#endif

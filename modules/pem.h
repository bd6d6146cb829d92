/* pem.h -- the letters of PEM, decoded where they lie. */
#ifndef TL_PEM_H
#define TL_PEM_H

#include <stddef.h>

/*
** What base64 says in `text`, blanks and line ends aside, is written over it. Returns its
** length, or -1 where it is none. An empty line is left to OpenSSL, which takes it for the
** end of headers.
*/
long tl_pemdecode (char *text, size_t len);

#endif

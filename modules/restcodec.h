/* restcodec.h -- what the REST protocols bind: URI labels, query string, headers, status, body. */
#ifndef TL_RESTCODEC_H
#define TL_RESTCODEC_H

#include "codec.h"

/* Slot 2 of the stack: the input, 3: the request table, 4: the body's buffer. Fills the request. */
int tl_restencode (tl_walk *w, const tl_format *format, const char *contenttype);

/* The input is at the top: replaces it by the expanded host prefix. */
int tl_resthost (tl_walk *w);

/* Slot 4: the answer's headers; the output table is at the top, and filled. */
int tl_restdecode (tl_walk *w, const tl_format *format, const tl_shape *s, lua_Integer status,
                   const char *body, size_t len);

/*
** Members of the modelled error (named by `code` of the table at the top) that stand in headers:
** into `detail`.
*/
void tl_resterrorheaders (tl_walk *w, lua_Integer status);

#endif

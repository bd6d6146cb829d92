/* cboritem.h -- CBOR (RFC 8949) item by item: read and written, skipped or pushed. */
#ifndef TL_CBORITEM_H
#define TL_CBORITEM_H

#include <stddef.h>
#include <stdint.h>
#include <lua.h>

#include "buf.h"

#define TL_CBORDEPTH 64

typedef enum tl_cborkind {
  TL_CB_UINT, TL_CB_NINT, TL_CB_BYTES, TL_CB_TEXT, TL_CB_ARRAY, TL_CB_MAP, TL_CB_TAG,
  TL_CB_FALSE, TL_CB_TRUE, TL_CB_NULL, TL_CB_FLOAT, TL_CB_SIMPLE, TL_CB_BREAK
} tl_cborkind;

/* Where reading is. The first fault sticks in `why`, at `at`; then every call returns -1. */
typedef struct tl_cborin {
  const unsigned char *at, *end;
  const char *why;
  int depth;                   /* of the item that is read next */
} tl_cborin;

/*
** What stands at the head of an item. Of bytes and text that are not `open`,
** `s` are the n bytes, and reading goes on behind them. An open (indefinite)
** item goes on until its break. Counts are checked against the bytes at hand.
*/
typedef struct tl_cboritem {
  uint8_t kind, open;
  uint64_t n;                  /* a number (-1 - n of TL_CB_NINT), length, count or tag */
  double real;
  const char *s;
} tl_cboritem;

int tl_cborfault (tl_cborin *in, const char *why);        /* returns -1 */
int tl_cborhead (tl_cborin *in, tl_cboritem *it);
int tl_cborvalue (tl_cborin *in, tl_cboritem *it);        /* the same, past any tags, no break */
int tl_cborskip (tl_cborin *in, const tl_cboritem *it);   /* what is inside of the item */

/* Going through a container: 1, and reading stands at its next item; 0 at its end; -1. */
int tl_cbormore (tl_cborin *in, const tl_cboritem *it, uint64_t *i);

int tl_cborenter (tl_cborin *in);                         /* before the inside: -1 if too deep */
void tl_cborleave (tl_cborin *in);

/* These push one value for the item. After a -1 the stack may hold pieces of it. */
int tl_cborstring (lua_State *L, tl_cborin *in, const tl_cboritem *it);
void tl_cborinteger (lua_State *L, const tl_cboritem *it);  /* beyond 64 bits it is a float */
int tl_cborpush (lua_State *L, tl_cborin *in, const tl_cboritem *it);

/* ----- writing ----- */

void tl_cboradd (tl_buf *b, tl_cborkind kind, uint64_t n);  /* the head, as short as can be */
void tl_cboraddint (tl_buf *b, int64_t n);
void tl_cboraddfloat (tl_buf *b, float n);
void tl_cboradddouble (tl_buf *b, double n);
void tl_cboraddtext (tl_buf *b, const char *s, size_t len);
void tl_cboraddbytes (tl_buf *b, const char *s, size_t len);
void tl_cboropenmap (tl_buf *b);
void tl_cborclose (tl_buf *b);

#endif

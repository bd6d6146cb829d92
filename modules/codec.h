/* codec.h -- what codec.c (bindings) and the body formats owe one another. */
#ifndef TL_CODEC_H
#define TL_CODEC_H

#include <stddef.h>
#include <lua.h>

#include "buf.h"
#include "models.h"

#define TL_MAXDEPTH 64
#define TL_VALUEROOM 8    /* stack slots that a value of an answer may take, at each depth */
#define TL_NAMES 128      /* names of members kept while a long body is decoded; a power of 2 */

/*
** Where in the caller's value a walk is: a chain on the C stack, read only when
** there is a fault to tell.
*/
typedef struct tl_at {
  const struct tl_at *up;
  const char *name;       /* of a member or a map's key; NULL for an item of a list */
  size_t len;
  lua_Integer index;
} tl_at;

typedef struct tl_walk {
  lua_State *L;
  const tl_model *model;
  const tl_op *op;
  tl_buf *out;            /* encode: where the body goes */
  const tl_at *at;
  int depth;
  int rest;               /* top-level members with another location than the body stay out of it */
  int names;              /* decode of a long body: first of TL_NAMES slots, above a list's mark */
  uint32_t *named;        /* whose names they hold: 1 + the member's index, or 0; lies below */
  int secrets;            /* decode: what the model calls sensitive comes as secrets, not as text */
  char path[256];         /* "Entries[2].Id", and why: the first fault */
  char why[256];
} tl_walk;

/*
** A body format. Both return 0, or -1 with the fault in the walk.
** `encode` appends the body of the value at the top of the stack and leaves it
** there. `decode` adds what the bytes say to the table at the top.
*/
typedef struct tl_format {
  int (*encode) (tl_walk *w, const tl_shape *shape, const tl_member *ref);
  int (*decode) (tl_walk *w, const tl_shape *shape, const char *bytes, size_t len);
} tl_format;

extern const tl_format tl_json, tl_xml, tl_query, tl_ec2, tl_cbor;

/* ----- walk.c: the caller's value against its shape ----- */

/* Records the first fault, at the walk's place; returns -1. */
int tl_fault (tl_walk *w, const char *fmt, ...);

/*
** Calls `each` for every member that the structure at the top of the stack has,
** in the model's order, its value at the top; refuses unknown and missing ones.
*/
typedef int (*tl_each) (tl_walk *w, const tl_member *m, void *ud);
int tl_members (tl_walk *w, const tl_shape *s, tl_each each, void *ud);

/*
** The same for the items of a list (index from 1) and the pairs of a map (key in
** the walk's place).
*/
int tl_items (tl_walk *w, const tl_shape *s, tl_each each, void *ud);
int tl_pairs (tl_walk *w, const tl_shape *s, tl_each each, void *ud);

/* Scalars at the top of the stack, checked. */
int tl_getstring (tl_walk *w, const tl_shape *s, const char **text, size_t *len);
int tl_getinteger (tl_walk *w, const tl_shape *s, lua_Integer *n);
int tl_getnumber (tl_walk *w, lua_Number *n);    /* also "NaN", "Infinity", "-Infinity" */
int tl_getboolean (tl_walk *w, int *b);
int tl_getstamp (tl_walk *w, lua_Number *seconds);

/* Appends the text of the scalar at the top as headers, URIs, forms and XML want it. */
int tl_addtext (tl_walk *w, const tl_shape *s, int stamp, tl_buf *out);
void tl_addfloat (tl_buf *out, lua_Number n);
void tl_addbase64 (tl_buf *out, const char *s, size_t len);
void tl_addstamp (tl_buf *out, double seconds, int format);   /* a tl_stampformat */

#define tl_shapeof(w, m) ((w)->model->shapes + (m)->shape)
#define tl_memberat(w, s, i) ((w)->model->members + (s)->first + (i))
/*
** Stands this member in the body? Of the top level only some, in the REST protocols; headers of an
** event never.
*/
#define tl_inbody(w, m) \
  ((!(w)->rest || (w)->depth > 1 || (m)->location == TL_BODY) && !((m)->flags & TL_M_EVENTHEADER))

/* ----- reading ----- */

/* Of an answer only headers and the status stand elsewhere, whatever the shape says as an input. */
#define tl_inanswer(m) ((m)->location < TL_HEADER)

/* The member of that wire name; `*next` is where to look first, and is moved on. */
const tl_member *tl_nextwire (const tl_model *m, const tl_shape *s, uint32_t *next,
                              const char *name, size_t len);

/*
** Pushes a member's name. In long bodies the same few come thousands of times, and
** hashing each is dear: kept.
*/
void tl_pushname (tl_walk *w, const tl_member *m);

/* From now on names are kept, in slots above the top, and there is stack room for any depth. */
void tl_keepnames (tl_walk *w);

/*
** Pushes an empty list with room for `n`, marked as tidelock.json marks arrays:
** empty, it prints as [].
*/
void tl_pushlist (tl_walk *w, size_t n);

/* Pushes text or bytes as they are, or as a secret where asked for and the shape is sensitive. */
void tl_pushstring (tl_walk *w, const tl_shape *s, const char *text, size_t len);

/* Pushes the scalar that a text means to a shape; what can't be read is pushed as the text. */
void tl_pushtext (tl_walk *w, const tl_shape *s, const char *text, size_t len);

/*
** Add what an error's body says to the table at the top, which may hold a code
** from the headers: code, message, type, request_id, detail (modelled members).
** 0 if the body says nothing.
*/
int tl_jsonerror (tl_walk *w, const char *bytes, size_t len);
int tl_xmlerror (tl_walk *w, const char *bytes, size_t len);
int tl_cborerror (tl_walk *w, const char *bytes, size_t len);

/* The shape of the error with that code: of the operation's own, else of the service's; or NULL. */
const tl_shape *tl_errorshape (const tl_model *m, const tl_op *op, const char *code, size_t len);

#endif

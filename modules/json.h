/* json.h -- JSON for other C files: text written into a buffer, text read into Lua values. */
#ifndef TL_JSON_H
#define TL_JSON_H

#include <stddef.h>
#include <lua.h>
#include <yyjson.h>

#include "buf.h"

#define TL_JSONDEPTH 512   /* of JSON that no model describes */

/* Pushes the box that owns a parsed document: NULL at first, freed when collected. */
yyjson_doc **tl_docnew (lua_State *L);
void tl_docfree (yyjson_doc **box);          /* at once; harmless twice */

/* Parses into a box that it pushes; NULL with the reason in `*err`, nothing pushed. */
yyjson_doc *tl_docparse (lua_State *L, const char *s, size_t len, yyjson_read_err *err);
void tl_docdrop (lua_State *L, int idx);     /* frees the document of the box at `idx` */

int tl_isjsonnull (lua_State *L, int idx);   /* is the value json.null? */

/*
** Pushes the value; `nulls` says whether null becomes json.null or is dropped.
** Returns 0, or -1 (and pushes nothing) where it is nested too deep.
*/
int tl_jsonpush (lua_State *L, yyjson_val *v, int nulls);

/* Appends the text in quotes. Returns -1 at bytes that are not UTF-8, unless `replace`. */
int tl_jsonstring (tl_buf *b, const char *s, size_t len, int replace);

/* Appends a number that reads as the same float again; -1 where it is NaN or infinite. */
int tl_jsonfloat (tl_buf *b, double n);

/*
** Appends the value at `idx`, without spaces. Returns 0, or -1 and pushes the
** reason, a sentence that begins with where in the value the fault is.
*/
int tl_jsonadd (lua_State *L, int idx, tl_buf *b);

void tl_pusharraymark (lua_State *L);        /* the metatable of json.array */
int tl_isarray (lua_State *L, int idx);      /* does the table carry it? */

/* The length of the UTF-8 sequence at `s`, of at most `n` bytes; 0 if it is none. */
size_t tl_utf8 (const char *s, size_t n);

#endif

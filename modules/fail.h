/* fail.h -- how a module says that the outside world failed: nil, err. */
#ifndef TL_FAIL_H
#define TL_FAIL_H

#include <lua.h>

/*
** Pushes nil and {code = code, message = ...}; returns 2. `code` is a short
** stable word, the message a sentence: what was tried, on what, why, what next.
** The format is lua_pushfstring's.
*/
int tl_fail (lua_State *L, const char *code, const char *fmt, ...);

#endif

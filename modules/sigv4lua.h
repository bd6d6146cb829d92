/* sigv4lua.h -- what the two Lua files of SigV4 share: one signer a state. */
#ifndef TL_SIGV4LUA_H
#define TL_SIGV4LUA_H

#include <lua.h>

#include "sigv4.h"

typedef struct tl_signer {      /* a userdata, first upvalue of every function */
  tl_sig sig;
  tl_sigkeys keys;
} tl_signer;

/* With the library below the signer on the stack: adds stream and framed_length; pushes nothing. */
void tl_sigstream_open (lua_State *L);

#endif

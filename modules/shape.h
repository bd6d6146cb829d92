/* shape.h -- what the records of a shape say, as a plain Lua table. */
#ifndef TL_SHAPE_H
#define TL_SHAPE_H

#include <lua.h>

#include "models.h"

/* Pushes string `off` of the model, nil where it is absent. */
void tl_pushmodelstr (lua_State *L, const tl_model *m, uint32_t off);

/*
** Pushes {name, type, ...} of a shape: of a structure `members`, an array in
** the model's order of {name, shape, type, wire, location, required, ...}; of a
** list `member`, of a map `key` and `value`, which are names of shapes, and
** `items`, an array of the same as full records. Flags that are not set and
** bounds that are not given are absent.
*/
void tl_pushshape (lua_State *L, const tl_model *m, const tl_shape *s);

#endif

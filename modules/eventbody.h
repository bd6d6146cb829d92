/* eventbody.h -- what the two directions of tidelock.eventbody share. */
#ifndef TL_EVENTBODY_H
#define TL_EVENTBODY_H

#include "codec.h"

const tl_format *tl_eventformat (const tl_model *m);

/* The union of events that a structure (an operation's input or output) carries, or NULL. */
const tl_shape *tl_eventstream (const tl_walk *w, uint32_t shape);

int tl_eventencode (lua_State *L);   /* eventwrite.c */

#endif

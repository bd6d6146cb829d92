/* loop.h -- how a C operation parks the task that asked for it, and wakes it again. */
#ifndef TL_LOOP_H
#define TL_LOOP_H

#include <lua.h>
#include <uv.h>

/*
** One wait, a field of the C operation's own struct. The way of a wait:
** check arguments, `tl_hold`, start the operation, `lua_yieldk(L, 0, ctx, k)`.
** A C callback fills the struct and calls `tl_wake`; `k` then runs inside the
** task and makes the Lua values. If the operation can't start, `tl_drop` and
** return nil, err. `w->co` is not NULL from hold to the moment `k` runs.
*/
typedef struct tl_wait tl_wait;
struct tl_wait {
  tl_wait *next, *prev;         /* in the ready queue */
  lua_State *co;                /* the parked task's thread, or NULL */
  int queued;                   /* woken, not yet resumed */
  void (*cancel) (tl_wait *w);  /* stops the operation; may be NULL; must not wake */
};

uv_loop_t *tl_loop (void);                 /* made before the first state, freed after the last */
void tl_mustwait (lua_State *L);           /* raises where hold would: call it before acquiring */
void tl_hold (lua_State *L, tl_wait *w);   /* park the running task on w; raises outside a task */
void tl_drop (tl_wait *w);                 /* forget the task; harmless when not held */
void tl_wake (tl_wait *w);                 /* from a C callback: resume it at the next turn */

/* For the host alone: begin and end of the process's loop, and the turning of it. */
int tl_loop_open (void);                   /* 0, or a libuv error */
int tl_loop_run (lua_State *L, int nargs); /* main task: function, args at the top; as lua_pcall */
void tl_loop_stop (lua_State *L);          /* cancels every task; before lua_close */
int tl_loop_close (void);                  /* after lua_close; 0, or UV_EBUSY: a handle is open */

#endif

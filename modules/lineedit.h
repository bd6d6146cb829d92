/* lineedit.h -- an editor of a line on the terminal: ours, and what any other must do. */
#ifndef TL_LINEEDIT_H
#define TL_LINEEDIT_H

#include <stddef.h>

/* What a key, or a part of one, led to. */
typedef enum tl_keys { TL_MORE, TL_LINE, TL_TAB, TL_END, TL_NOMEM } tl_keys;

/*
** An editor. The terminal is its own between `start` and `stop`; keys are fed
** one at a time, so that a loop can turn while a person thinks. After TL_LINE,
** TL_TAB and TL_MORE `text` gives the line; after TL_LINE and TL_END it has
** stopped. Functions that return int say 0 when memory was short.
*/
typedef struct tl_editor {
  const char *name;
  int (*start) (void *self, const char *prompt);
  void (*stop) (void *self);
  tl_keys (*feed) (void *self);                 /* one key; blocks where none was typed */
  int (*pending) (void *self);                  /* whether one was read already */
  const char *(*text) (void *self, size_t *len, size_t *point);
  int (*replace) (void *self, size_t from, size_t to, const char *s, size_t len);
  void (*redraw) (void *self);                  /* on the cursor's row, as if it were empty */
  void (*drop) (void *self);                    /* forgets the line, as at Ctrl-C, and stops */
  void (*resize) (void *self);
  int (*remember) (void *self, const char *line, size_t len);
} tl_editor;

typedef struct tl_lineedit tl_lineedit;

extern const tl_editor tl_lineeditor;           /* its `self` is a tl_lineedit */
tl_lineedit *tl_lineedit_new (int in, int out); /* NULL when memory is short */
void tl_lineedit_free (tl_lineedit *e);         /* the terminal is given back; harmless with NULL */

#endif

/* lineedit.c -- the built-in editor of a line: arrows, history and the usual control keys. */
#include "lineedit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define HISTORY 1000
#define KEY(c) ((c) & 0x1f)
#define MAXESCAPE 16

typedef struct text { char *s; size_t len, size; } text;

struct tl_lineedit {
  int in, out, raw;
  struct termios old;
  text line, prompt, screen;       /* screen: what the next write shows */
  size_t point;
  char *history[HISTORY];
  size_t nhistory, at;             /* at == nhistory: the line that is being written */
  char *unfinished;                /* it, while an older one is shown */
  char keys[256];                  /* read and not yet fed */
  size_t nkeys, key;
  char escape[MAXESCAPE];          /* a sequence that has begun */
  size_t nescape;
};

/* ----- texts ----- */

static int room (text *t, size_t len) {
  size_t size = t->size > 0 ? t->size : 64;
  char *s;
  if (len < t->size) return 1;
  while (size <= len) size *= 2;
  if ((s = realloc(t->s, size)) == NULL) return 0;
  t->s = s;
  t->size = size;
  return 1;
}


static int splice (text *t, size_t from, size_t to, const char *s, size_t len) {
  if (!room(t, t->len - (to - from) + len)) return 0;
  memmove(t->s + from + len, t->s + to, t->len - to);
  if (len > 0) memcpy(t->s + from, s, len);
  t->len += len - (to - from);
  t->s[t->len] = '\0';
  return 1;
}


static int append (text *t, const char *s, size_t len) {
  return splice(t, t->len, t->len, s, len);
}


static int inside (char c) {       /* a byte of a character, but not its first */
  return ((unsigned char)c & 0xc0) == 0x80;
}


static size_t before (const text *t, size_t at) {
  if (at > 0) at--;
  while (at > 0 && inside(t->s[at])) at--;
  return at;
}


static size_t after (const text *t, size_t at) {
  if (at < t->len) at++;
  while (at < t->len && inside(t->s[at])) at++;
  return at;
}


static size_t columns (const char *s, size_t len) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) n += !inside(s[i]);
  return n;
}

/* ----- the screen ----- */

static size_t width (const tl_lineedit *e) {
  struct winsize size;
  return ioctl(e->out, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}


static void send (int fd, const char *s, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, s, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    s += n;
    len -= (size_t)n;
  }
}


/* The part of the line that fits beside the prompt, with the point in it. */
static void visible (const tl_lineedit *e, size_t *from, size_t *to) {
  size_t left = columns(e->prompt.s, e->prompt.len), all = width(e);
  size_t space = all > left + 2 ? all - left - 1 : 1;
  *from = 0;
  while (columns(e->line.s + *from, e->point - *from) >= space && *from < e->point)
    *from = after(&e->line, *from);
  *to = *from;
  while (*to < e->line.len && columns(e->line.s + *from, *to - *from) < space)
    *to = after(&e->line, *to);
}


static void redraw (void *self) {
  tl_lineedit *e = self;
  text *s = &e->screen;
  size_t from, to, back;
  visible(e, &from, &to);
  s->len = 0;
  append(s, "\r\033[K", 4);
  append(s, e->prompt.s, e->prompt.len);
  append(s, e->line.s + from, to - from);
  for (size_t i = e->prompt.len + 4; i < s->len; i++)
    /* the line ends of an older, longer input */
    if ((unsigned char)s->s[i] < 32) s->s[i] = ' ';
  back = columns(e->line.s + e->point, to - e->point);
  for (; back > 0; back--) append(s, "\b", 1);
  send(e->out, s->s, s->len);
}


static void stop (void *self) {
  tl_lineedit *e = self;
  if (e->raw) tcsetattr(e->in, TCSADRAIN, &e->old);
  e->raw = 0;
}


static int start (void *self, const char *prompt) {
  tl_lineedit *e = self;
  struct termios raw;
  e->prompt.len = e->line.len = e->point = 0;
  e->at = e->nhistory;
  if (!append(&e->prompt, prompt, strlen(prompt)) || !append(&e->line, "", 0)) return 0;
  if (!e->raw && tcgetattr(e->in, &e->old) == 0) {
    raw = e->old;                  /* Ctrl-C stays a signal: who runs the loop decides */
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON | ISTRIP);
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    e->raw = tcsetattr(e->in, TCSADRAIN, &raw) == 0;
  }
  redraw(e);
  return 1;
}


static void drop (void *self) {
  tl_lineedit *e = self;
  send(e->out, "^C\n", 3);
  e->nescape = 0;
  e->key = e->nkeys;
  stop(e);
}

/* ----- history ----- */

static int remember (void *self, const char *line, size_t len) {
  tl_lineedit *e = self;
  char *copy = malloc(len + 1);
  if (copy == NULL) return 0;
  memcpy(copy, line, len);
  copy[len] = '\0';
  if (e->nhistory == HISTORY) {
    free(e->history[0]);
    memmove(e->history, e->history + 1, (HISTORY - 1) * sizeof e->history[0]);
    e->nhistory--;
  }
  e->history[e->nhistory++] = copy;
  return 1;
}


static int show (tl_lineedit *e, const char *s) {
  if (!splice(&e->line, 0, e->line.len, s, strlen(s))) return 0;
  e->point = e->line.len;
  return 1;
}


static int older (tl_lineedit *e) {
  if (e->at == 0) return 1;
  if (e->at == e->nhistory) {
    free(e->unfinished);
    if ((e->unfinished = strdup(e->line.s)) == NULL) return 0;
  }
  return show(e, e->history[--e->at]);
}


static int newer (tl_lineedit *e) {
  if (e->at == e->nhistory) return 1;
  if (++e->at < e->nhistory) return show(e, e->history[e->at]);
  return show(e, e->unfinished != NULL ? e->unfinished : "");
}

/* ----- keys ----- */

static int erase (tl_lineedit *e, size_t from, size_t to) {
  splice(&e->line, from, to, NULL, 0);
  e->point = from;
  return 1;
}


static int eraseword (tl_lineedit *e) {
  size_t from = e->point;
  while (from > 0 && e->line.s[from - 1] == ' ') from--;
  while (from > 0 && e->line.s[from - 1] != ' ') from--;
  return erase(e, from, e->point);
}


/* A whole sequence after ESC; those it does not know do nothing. */
static int arrow (tl_lineedit *e) {
  switch (e->escape[e->nescape - 1]) {
    case 'A': return older(e);
    case 'B': return newer(e);
    case 'C': e->point = after(&e->line, e->point); return 1;
    case 'D': e->point = before(&e->line, e->point); return 1;
    case 'H': e->point = 0; return 1;
    case 'F': e->point = e->line.len; return 1;
    case '~': break;
    default: return 1;
  }
  switch (e->nescape == 3 ? e->escape[1] : '\0') {
    case '1': case '7': e->point = 0; return 1;
    case '4': case '8': e->point = e->line.len; return 1;
    case '3': return erase(e, e->point, after(&e->line, e->point));
    default: return 1;
  }
}


static int escaped (tl_lineedit *e, char c) {
  int begins = e->nescape == 1 && (c == '[' || c == 'O'), ok = 1;
  if (e->nescape < MAXESCAPE) e->escape[e->nescape++] = c;
  if (begins || (c >= '0' && c <= '9') || c == ';') return 1;
  e->nescape--;                    /* without the ESC itself: "[", numbers, a letter */
  memmove(e->escape, e->escape + 1, e->nescape);
  if (e->nescape >= 2) ok = arrow(e);
  e->nescape = 0;
  return ok;
}


static int control (tl_lineedit *e, char c) {
  switch (c) {
    case KEY('A'): e->point = 0; return 1;
    case KEY('B'): e->point = before(&e->line, e->point); return 1;
    case KEY('D'): return erase(e, e->point, after(&e->line, e->point));
    case KEY('E'): e->point = e->line.len; return 1;
    case KEY('F'): e->point = after(&e->line, e->point); return 1;
    case KEY('H'): case 127: return erase(e, before(&e->line, e->point), e->point);
    case KEY('K'): return erase(e, e->point, e->line.len);
    case KEY('L'): send(e->out, "\033[H\033[2J", 7); return 1;
    case KEY('N'): return newer(e);
    case KEY('P'): return older(e);
    case KEY('U'): return erase(e, 0, e->point);
    case KEY('W'): return eraseword(e);
    case 27: e->escape[0] = c; e->nescape = 1; return 1;
    default: return 1;
  }
}


static tl_keys finish (tl_lineedit *e, tl_keys what) {
  e->point = e->line.len;
  redraw(e);
  send(e->out, "\n", 1);
  stop(e);
  return what;
}


static tl_keys press (tl_lineedit *e, char c) {
  int ok;
  if (e->nescape > 0) ok = escaped(e, c);
  else if (c == '\r' || c == '\n') return finish(e, TL_LINE);
  else if (c == '\t') return TL_TAB;
  else if (c == KEY('D') && e->line.len == 0) return finish(e, TL_END);
  else if ((unsigned char)c < 32 || c == 127) ok = control(e, c);
  else if ((ok = splice(&e->line, e->point, e->point, &c, 1)) != 0) e->point++;
  if (!ok) return TL_NOMEM;
  if (e->nescape == 0 && e->key == e->nkeys) redraw(e);   /* once for all that was pasted */
  return TL_MORE;
}


static int pending (void *self) {
  tl_lineedit *e = self;
  return e->key < e->nkeys;
}


static tl_keys feed (void *self) {
  tl_lineedit *e = self;
  if (!pending(e)) {
    ssize_t n;
    do n = read(e->in, e->keys, sizeof e->keys); while (n < 0 && errno == EINTR);
    if (n <= 0) return finish(e, TL_END);
    e->nkeys = (size_t)n;
    e->key = 0;
  }
  return press(e, e->keys[e->key++]);
}


static const char *textof (void *self, size_t *len, size_t *point) {
  tl_lineedit *e = self;
  *len = e->line.len;
  *point = e->point;
  return e->line.s;
}


static int replace (void *self, size_t from, size_t to, const char *s, size_t len) {
  tl_lineedit *e = self;
  if (!splice(&e->line, from, to, s, len)) return 0;
  e->point = from + len;
  redraw(e);
  return 1;
}

/* ----- its life ----- */

const tl_editor tl_lineeditor = {
  "built-in", start, stop, feed, pending, textof, replace, redraw, drop, redraw, remember
};


tl_lineedit *tl_lineedit_new (int in, int out) {
  tl_lineedit *e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  e->in = in;
  e->out = out;
  if (append(&e->line, "", 0) && append(&e->prompt, "", 0) && append(&e->screen, "", 0)) return e;
  tl_lineedit_free(e);
  return NULL;
}


void tl_lineedit_free (tl_lineedit *e) {
  if (e == NULL) return;
  stop(e);
  for (size_t i = 0; i < e->nhistory; i++) free(e->history[i]);
  free(e->unfinished);
  free(e->line.s);
  free(e->prompt.s);
  free(e->screen.s);
  free(e);
}

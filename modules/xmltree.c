/* xmltree.c -- an XML document as a flat array of nodes; no entity but the five, no doctype. */
#include "xmltree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>
#include <lauxlib.h>

#include "codec.h"

#define TREE "tidelock.xml.tree"
#define KEPT "tidelock.xml.kept"      /* the box that rests in the registry */
#define KEEP ((size_t)4 << 20)        /* bytes that it may keep for the next document */

typedef struct reader {
  tl_tree *tree;
  XML_Parser parser;
  uint32_t open[TL_MAXDEPTH];   /* the way down to the element being read */
  int depth;
  const char *why;              /* why reading was stopped */
  int nomemory;
} reader;

typedef struct box {            /* frees whatever a raise leaves */
  tl_tree tree;
  XML_Parser parser;
  int busy;
} box;


static void drop (box *b) {
  if (b->parser != NULL) XML_ParserFree(b->parser);
  free(b->tree.nodes);
  free(b->tree.text);
  *b = (box){.parser = NULL};
}


/* Memory of a usual size rests for the next document: fresh pages cost more than their parsing. */
void tl_xmlfree (lua_State *L, int idx) {
  box *b = lua_touserdata(L, idx);
  if (b->tree.maxtext + b->tree.maxnodes * sizeof *b->tree.nodes > KEEP) drop(b);
  b->tree.nnodes = b->tree.textlen = 0;
  b->busy = 0;
}


static int box_gc (lua_State *L) {
  drop(luaL_checkudata(L, 1, TREE));
  return 0;
}


static box *freshbox (lua_State *L) {
  box *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (box){.parser = NULL};
  /* filled before it is registered: never without __gc */
  if (luaL_getmetatable(L, TREE) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushcfunction(L, box_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, TREE);
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, TREE);
  }
  lua_setmetatable(L, -2);
  return b;
}


/*
** Pushes the box at rest; a fresh one where that is in use (by a call that a finalizer cut into)
** or was lost.
*/
static box *newbox (lua_State *L) {
  box *b = lua_getfield(L, LUA_REGISTRYINDEX, KEPT) == LUA_TUSERDATA ? lua_touserdata(L, -1) : NULL;
  if (b == NULL || b->busy) {
    lua_pop(L, 1);
    b = freshbox(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, KEPT);
  }
  b->busy = 1;
  return b;
}

/* ----- expat's callbacks: they touch no Lua ----- */

static void stop (reader *r, const char *why) {
  if (r->why == NULL) r->why = why;
  XML_StopParser(r->parser, XML_FALSE);
}


static int room (void **data, size_t *max, size_t need, size_t each) {
  size_t n = *max > 0 ? *max : 64;
  void *p;
  if (need <= *max) return 1;
  while (n < need) n *= 2;
  if (n > UINT32_MAX / 2 || (p = realloc(*data, n * each)) == NULL) return 0;
  *data = p;
  *max = n;
  return 1;
}


/* Room that most documents need, at once: growing would copy, and touch, every page twice. */
static void reserve (tl_tree *t, size_t len) {
  if (len > INT32_MAX / 4) return;
  room((void **)&t->text, &t->maxtext, len + 1, 1);
  room((void **)&t->nodes, &t->maxnodes, len / 32 + 1, sizeof *t->nodes);
}


static int addtext (reader *r, const char *s, size_t len) {
  tl_tree *t = r->tree;
  if (!room((void **)&t->text, &t->maxtext, t->textlen + len + 1, 1)) {
    r->nomemory = 1;
    stop(r, "not enough memory");
    return 0;
  }
  memcpy(t->text + t->textlen, s, len);
  t->textlen += len;
  return 1;
}


static void addattrs (reader *r, tl_node *n, const char **attrs) {
  n->attrs = (uint32_t)r->tree->textlen;
  for (; attrs[0] != NULL; attrs += 2, n->nattrs++) {
    if (!addtext(r, attrs[0], strlen(attrs[0]) + 1) || !addtext(r, attrs[1], strlen(attrs[1]) + 1))
      return;
  }
}


static void link_ (tl_tree *t, uint32_t parent, uint32_t child) {
  if (t->nodes[parent].last != 0) t->nodes[t->nodes[parent].last].next = child;
  else t->nodes[parent].first = child;
  t->nodes[parent].last = child;
}


static void onstart (void *ud, const char *name, const char **attrs) {
  reader *r = ud;
  tl_tree *t = r->tree;
  const char *colon = strrchr(name, ':');
  uint32_t at = (uint32_t)t->nnodes;
  tl_node n = {0};
  if (r->depth == TL_MAXDEPTH) { stop(r, "it is nested too deep"); return; }
  if (!room((void **)&t->nodes, &t->maxnodes, t->nnodes + 1, sizeof *t->nodes)) {
    r->nomemory = 1;
    stop(r, "not enough memory");
    return;
  }
  if (colon != NULL) name = colon + 1;
  n.namelen = (uint32_t)strlen(name);
  n.name = (uint32_t)t->textlen;
  if (!addtext(r, name, n.namelen)) return;
  addattrs(r, &n, attrs);
  n.text = (uint32_t)t->textlen;
  t->nodes[t->nnodes++] = n;
  if (r->depth > 0) link_(t, r->open[r->depth - 1], at);
  r->open[r->depth++] = at;
}


static void onend (void *ud, const char *name) {
  reader *r = ud;
  tl_node *n = &r->tree->nodes[r->open[--r->depth]];
  (void)name;
  if (n->first == 0) n->textlen = (uint32_t)r->tree->textlen - n->text;
}


static void ontext (void *ud, const char *s, int len) {
  reader *r = ud;
  if (r->depth > 0 && r->tree->nodes[r->open[r->depth - 1]].first == 0) addtext(r, s, (size_t)len);
}


/* Entities are declared in a doctype; AWS sends none, and a bomb needs one. */
static void ondoctype (void *ud, const char *name, const char *system, const char *public,
                       int internal) {
  (void)name; (void)system; (void)public; (void)internal;
  stop(ud, "it holds a DOCTYPE, which AWS never sends");
}

/* ----- parsing ----- */

static void prepare (reader *r, box *b) {
  r->tree = &b->tree;
  r->parser = b->parser;
  XML_SetUserData(b->parser, r);
  XML_SetElementHandler(b->parser, onstart, onend);
  XML_SetCharacterDataHandler(b->parser, ontext);
  XML_SetStartDoctypeDeclHandler(b->parser, ondoctype);
}


static void explain (const reader *r, char *why, size_t size) {
  if (r->why != NULL) { snprintf(why, size, "%s", r->why); return; }
  snprintf(why, size, "line %lu, column %lu: %s",
           (unsigned long)XML_GetCurrentLineNumber(r->parser),
           (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1,
           XML_ErrorString(XML_GetErrorCode(r->parser)));
}


tl_tree *tl_xmlparse (lua_State *L, const char *s, size_t len, char *why, size_t size) {
  reader r = {0};
  box *b = newbox(L);
  int ok;
  if (b->parser == NULL) b->parser = XML_ParserCreate(NULL);
  else XML_ParserReset(b->parser, NULL);
  if (b->parser == NULL) luaL_error(L, "not enough memory");
  prepare(&r, b);
  reserve(&b->tree, len);
  ok = len <= INT32_MAX && XML_Parse(b->parser, s, (int)len, 1) == XML_STATUS_OK && r.why == NULL;
  if (!ok) {
    int nomemory = r.nomemory || XML_GetErrorCode(b->parser) == XML_ERROR_NO_MEMORY;
    if (len > INT32_MAX) snprintf(why, size, "it is larger than 2 GB");
    else explain(&r, why, size);
    tl_xmlfree(L, -1);
    lua_pop(L, 1);
    if (nomemory) luaL_error(L, "not enough memory");
    return NULL;
  }
  return &b->tree;
}


int tl_xmlis (const tl_tree *t, const tl_node *n, const char *name) {
  return strlen(name) == n->namelen && memcmp(t->text + n->name, name, n->namelen) == 0;
}


const tl_node *tl_xmlchild (const tl_tree *t, const tl_node *n, const char *name) {
  for (n = tl_xmlfirst(t, n); n != NULL; n = tl_xmlnext(t, n))
    if (tl_xmlis(t, n, name)) return n;
  return NULL;
}

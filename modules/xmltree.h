/* xmltree.h -- an XML document as a flat array of nodes: small, safe, read by index. */
#ifndef TL_XMLTREE_H
#define TL_XMLTREE_H

#include <stddef.h>
#include <stdint.h>
#include <lua.h>

typedef struct tl_node {
  uint32_t name, namelen;       /* offsets into `text`; the name without its prefix */
  uint32_t text, textlen;       /* of a leaf: all its characters */
  uint32_t attrs, nattrs;       /* name NUL value NUL ... in `text`, prefixes kept */
  uint32_t first, next;         /* child and sibling, or 0: node 0, the root, is nobody's child */
  uint32_t last;                /* while reading */
} tl_node;

typedef struct tl_tree {
  tl_node *nodes;
  size_t nnodes, maxnodes;
  char *text;
  size_t textlen, maxtext;
} tl_tree;

/*
** Parses; pushes the box that owns the tree. NULL with a sentence in `why`, nothing pushed; raises
** without memory.
*/
tl_tree *tl_xmlparse (lua_State *L, const char *s, size_t len, char *why, size_t size);

/* Frees the tree of the box at `idx` at once; harmless twice. */
void tl_xmlfree (lua_State *L, int idx);

int tl_xmlis (const tl_tree *t, const tl_node *n, const char *name);
const tl_node *tl_xmlchild (const tl_tree *t, const tl_node *n, const char *name);   /* or NULL */
#define tl_xmlfirst(t, n) ((n)->first ? &(t)->nodes[(n)->first] : NULL)
#define tl_xmlnext(t, n) ((n)->next ? &(t)->nodes[(n)->next] : NULL)

#endif

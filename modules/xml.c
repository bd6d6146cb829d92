/* xml.c -- XML bodies by shape: written for rest-xml, read for rest-xml, query and ec2. */
#include <string.h>
#include <strings.h>

#include <lauxlib.h>

#include "codec.h"
#include "json.h"
#include "xmltree.h"

/* ----- encode ----- */

typedef struct element { const char *name; size_t len; } element;

static int addnode (tl_walk *w, const tl_member *ref, element e);

static void escape (tl_buf *out, const char *s, size_t len) {
  for (size_t i = 0; i < len; i++) {
    switch (s[i]) {
      case '&': tl_bufstr(out, "&amp;"); break;
      case '<': tl_bufstr(out, "&lt;"); break;
      case '>': tl_bufstr(out, "&gt;"); break;
      case '"': tl_bufstr(out, "&quot;"); break;
      case '\r': tl_bufstr(out, "&#xD;"); break;
      case '\n': tl_bufstr(out, "&#xA;"); break;
      case '\t': tl_bufstr(out, "&#x9;"); break;   /* an attribute would lose it */
      default: tl_bufchar(out, s[i]);
    }
  }
}


static void addnamespace (tl_walk *w, uint32_t uri, uint32_t prefix) {
  size_t len;
  const char *s = tl_modelstr(w->model, uri, &len);
  if (uri == 0) return;
  tl_bufstr(w->out, " xmlns");
  if (prefix != 0) {
    tl_bufchar(w->out, ':');
    tl_bufstr(w->out, tl_modelstr(w->model, prefix, NULL));
  }
  tl_bufstr(w->out, "=\"");
  escape(w->out, s, len);
  tl_bufchar(w->out, '"');
}


/* The reference's namespace, else its shape's. */
static void opentag (tl_walk *w, element e, const tl_member *ref) {
  const tl_shape *s = tl_shapeof(w, ref);
  tl_bufchar(w->out, '<');
  tl_bufadd(w->out, e.name, e.len);
  if (ref->nsuri != 0) addnamespace(w, ref->nsuri, ref->nsprefix);
  else addnamespace(w, s->nsuri, s->nsprefix);
}


static void closetag (tl_walk *w, element e) {
  tl_bufadd(w->out, "</", 2);
  tl_bufadd(w->out, e.name, e.len);
  tl_bufchar(w->out, '>');
}


static element elementof (tl_walk *w, uint32_t wire, const char *otherwise) {
  element e = {otherwise, 0};
  if (wire != 0) e.name = tl_modelstr(w->model, wire, &e.len);
  else e.len = strlen(otherwise);
  return e;
}


/* The text of the scalar at the top goes through a buffer of its own, to be escaped. */
static int addscalar (tl_walk *w, const tl_member *ref) {
  tl_buf *text = tl_bufnew(w->L);
  int bad;
  lua_insert(w->L, -2);
  bad = tl_addtext(w, tl_shapeof(w, ref), ref->stamp, text);
  if (bad == 0) escape(w->out, text->data, text->len);
  w->out->failed |= text->failed;
  tl_buffree(text);
  lua_remove(w->L, -2);
  return bad;
}


static int addattribute (tl_walk *w, const tl_member *m, void *ud) {
  element e = elementof(w, m->wire, "");
  (void)ud;
  if (!(m->flags & TL_M_XMLATTRIBUTE)) return 0;
  tl_bufchar(w->out, ' ');
  tl_bufadd(w->out, e.name, e.len);
  tl_bufstr(w->out, "=\"");
  if (addscalar(w, m) != 0) return -1;
  tl_bufchar(w->out, '"');
  return 0;
}


static int addchild (tl_walk *w, const tl_member *m, void *ud) {
  (void)ud;
  if (!tl_inbody(w, m) || m->flags & TL_M_XMLATTRIBUTE) return 0;
  return addnode(w, m, elementof(w, m->wire, ""));
}


static int addmembers (tl_walk *w, const tl_shape *s) {
  int attributes = 0;
  for (uint32_t i = 0; i < s->count; i++)
    attributes |= tl_memberat(w, s, i)->flags & TL_M_XMLATTRIBUTE;
  if (attributes && tl_members(w, s, addattribute, NULL) != 0) return -1;
  tl_bufchar(w->out, '>');
  return tl_members(w, s, addchild, NULL);
}


static int additem (tl_walk *w, const tl_member *m, void *ud) {
  return addnode(w, m, *(element *)ud);
}


static int addlist (tl_walk *w, const tl_member *ref, element e) {
  const tl_shape *s = tl_shapeof(w, ref);
  element item = elementof(w, tl_memberat(w, s, 0)->wire, "member");
  if (ref->flags & TL_M_FLATTENED) return tl_items(w, s, additem, &e);
  opentag(w, e, ref);
  tl_bufchar(w->out, '>');
  if (tl_items(w, s, additem, &item) != 0) return -1;
  closetag(w, e);
  return 0;
}

typedef struct mapping { const tl_shape *map; const tl_member *ref; element entry; } mapping;

static int addpair (tl_walk *w, const tl_member *m, void *ud) {
  mapping *map = ud;
  const tl_member *key = tl_memberat(w, map->map, 0);
  element k = elementof(w, key->wire, "key"), v = elementof(w, m->wire, "value");
  int bad;
  tl_bufchar(w->out, '<');
  tl_bufadd(w->out, map->entry.name, map->entry.len);
  tl_bufchar(w->out, '>');
  lua_pushlstring(w->L, w->at->name, w->at->len);
  bad = addnode(w, key, k);
  lua_pop(w->L, 1);
  if (bad != 0 || addnode(w, m, v) != 0) return -1;
  closetag(w, map->entry);
  return 0;
}


static int addmap (tl_walk *w, const tl_member *ref, element e) {
  mapping map = {tl_shapeof(w, ref), ref, {"entry", 5}};
  if (ref->flags & TL_M_FLATTENED) {
    map.entry = e;
    return tl_pairs(w, map.map, addpair, &map);
  }
  opentag(w, e, ref);
  tl_bufchar(w->out, '>');
  if (tl_pairs(w, map.map, addpair, &map) != 0) return -1;
  closetag(w, e);
  return 0;
}


static int addnode (tl_walk *w, const tl_member *ref, element e) {
  const tl_shape *s = tl_shapeof(w, ref);
  int bad;
  if (s->type == TL_LIST) return addlist(w, ref, e);
  if (s->type == TL_MAP) return addmap(w, ref, e);
  opentag(w, e, ref);
  if (s->type == TL_STRUCTURE) bad = addmembers(w, s);
  else {
    tl_bufchar(w->out, '>');
    bad = addscalar(w, ref);
  }
  closetag(w, e);
  return bad;
}


/*
** The root is named by the payload's reference, else by the operation's input,
** else by its shape.
*/
static int encode (tl_walk *w, const tl_shape *s, const tl_member *ref) {
  const tl_op *op = w->op;
  element root;
  if (ref != NULL)
    return addnode(w, ref, elementof(w, ref->flags & TL_M_HAS_WIRE ? ref->wire
                                        : s->wire != 0 ? s->wire : s->name, ""));
  root = elementof(w, op->inputwire != 0 ? op->inputwire : s->name, "");
  tl_bufchar(w->out, '<');
  tl_bufadd(w->out, root.name, root.len);
  if (op->inputnsuri != 0) addnamespace(w, op->inputnsuri, op->inputnsprefix);
  else if (s->nsuri != 0) addnamespace(w, s->nsuri, s->nsprefix);
  else addnamespace(w, w->model->h->nsuri, 0);
  if (addmembers(w, s) != 0) return -1;
  closetag(w, root);
  return 0;
}

/* ----- decode ----- */


static void pushnode (tl_walk *w, const tl_tree *t, const tl_member *ref, const tl_node *n);


/* Tables are made as large as they will be: growing one step by step is dear. */
static int children (const tl_tree *t, const tl_node *n) {
  int count = 0;
  for (n = tl_xmlfirst(t, n); n != NULL && count < INT16_MAX; n = tl_xmlnext(t, n)) count++;
  return count;
}


static void pushpair (tl_walk *w, const tl_tree *t, const tl_shape *map, const tl_node *entry) {
  const tl_member *key = tl_memberat(w, map, 0), *value = tl_memberat(w, map, 1);
  const char *keyname = key->wire ? tl_modelstr(w->model, key->wire, NULL) : "key";
  const char *valuename = value->wire ? tl_modelstr(w->model, value->wire, NULL) : "value";
  const tl_node *k = tl_xmlchild(t, entry, keyname), *v = tl_xmlchild(t, entry, valuename);
  if (k == NULL) return;
  lua_pushlstring(w->L, t->text + k->text, k->textlen);
  if (v != NULL) pushnode(w, t, value, v);
  else lua_pushliteral(w->L, "");
  lua_rawset(w->L, -3);
}


static void pushmap (tl_walk *w, const tl_tree *t, const tl_shape *s, const tl_node *n) {
  lua_newtable(w->L);
  for (n = tl_xmlfirst(t, n); n != NULL; n = tl_xmlnext(t, n)) pushpair(w, t, s, n);
}


static void pushlist (tl_walk *w, const tl_tree *t, const tl_shape *s, const tl_node *n) {
  lua_Integer i = 0;
  tl_pushlist(w, (size_t)children(t, n));
  for (n = tl_xmlfirst(t, n); n != NULL; n = tl_xmlnext(t, n)) {
    pushnode(w, t, tl_memberat(w, s, 0), n);
    lua_rawseti(w->L, -2, ++i);
  }
}


/* The name is at the top but one of the table: its list or map so far, or a new one, is pushed. */
static void pushsofar (tl_walk *w, const tl_shape *s) {
  lua_pushvalue(w->L, -1);
  if (lua_rawget(w->L, -3) == LUA_TTABLE) return;
  lua_pop(w->L, 1);
  if (s->type == TL_LIST) tl_pushlist(w, 4);
  else lua_newtable(w->L);
}


/* One of the repeated elements of a flattened list or map; the member's name is at the top. */
static void addflat (tl_walk *w, const tl_tree *t, const tl_shape *s, const tl_node *n) {
  pushsofar(w, s);
  if (s->type == TL_MAP) pushpair(w, t, s, n);
  else {
    pushnode(w, t, tl_memberat(w, s, 0), n);
    lua_rawseti(w->L, -2, (lua_Integer)lua_rawlen(w->L, -2) + 1);
  }
  lua_rawset(w->L, -3);
}


static void setattributes (tl_walk *w, const tl_tree *t, const tl_shape *s, const tl_node *n) {
  const char *at = t->text + n->attrs;
  for (uint32_t i = 0; i < n->nattrs; i++) {
    const char *name = at, *value = name + strlen(name) + 1;
    at = value + strlen(value) + 1;
    for (uint32_t j = 0; j < s->count; j++) {
      const tl_member *m = tl_memberat(w, s, j);
      if (!(m->flags & TL_M_XMLATTRIBUTE)
          || strcmp(tl_modelstr(w->model, m->wire, NULL), name) != 0)
        continue;
      lua_pushstring(w->L, tl_modelstr(w->model, m->name, NULL));
      tl_pushtext(w, tl_shapeof(w, m), value, strlen(value));
      lua_rawset(w->L, -3);
    }
  }
}


/*
** Flattened lists and maps are named, on the wire, by their items where those have
** a name of their own.
*/
static const tl_member *memberof (tl_walk *w, const tl_shape *s, uint32_t *next, const tl_tree *t,
                                  const tl_node *n) {
  const char *name = t->text + n->name;
  const tl_member *m = tl_nextwire(w->model, s, next, name, n->namelen);
  if (m == NULL || !(m->flags & TL_M_FLATTENED)) {
    for (uint32_t i = 0; m == NULL && i < s->count; i++) {
      const tl_member *each = tl_memberat(w, s, i);
      const tl_shape *list = tl_shapeof(w, each);
      if (!(each->flags & TL_M_FLATTENED) || list->type != TL_LIST) continue;
      if (tl_memberat(w, list, 0)->wire != 0
          && tl_xmlis(t, n, tl_modelstr(w->model, tl_memberat(w, list, 0)->wire, NULL))) m = each;
    }
  }
  return m != NULL && tl_inanswer(m) ? m : NULL;
}


/* Sets the members among the node's children in the table at the top; returns how many it knew. */
static uint32_t fill (tl_walk *w, const tl_tree *t, const tl_shape *s, const tl_node *n) {
  uint32_t next = 0, found = 0;
  if (n->nattrs > 0) setattributes(w, t, s, n);
  for (n = tl_xmlfirst(t, n); n != NULL; n = tl_xmlnext(t, n)) {
    const tl_member *m = memberof(w, s, &next, t, n);
    const tl_shape *shape;
    if (m == NULL) continue;
    found++;
    if (next > 0) next--;   /* the same element may come again */
    shape = tl_shapeof(w, m);
    tl_pushname(w, m);
    if (m->flags & TL_M_FLATTENED && (shape->type == TL_LIST || shape->type == TL_MAP))
      addflat(w, t, shape, n);
    else {
      pushnode(w, t, m, n);
      lua_rawset(w->L, -3);
    }
  }
  return found;
}


static void pushstructure (tl_walk *w, const tl_tree *t, const tl_shape *s, const tl_node *n) {
  lua_createtable(w->L, 0, children(t, n));
  if (fill(w, t, s, n) > 0 || !(s->flags & TL_S_UNION) || n->first == 0) return;
  n = tl_xmlfirst(t, n);
  lua_createtable(w->L, 0, 1);
  lua_pushlstring(w->L, t->text + n->name, n->namelen);
  lua_setfield(w->L, -2, "name");
  lua_setfield(w->L, -2, "SDK_UNKNOWN_MEMBER");
}


static void pushnode (tl_walk *w, const tl_tree *t, const tl_member *ref, const tl_node *n) {
  const tl_shape *s = tl_shapeof(w, ref);
  luaL_checkstack(w->L, 8, "an answer of AWS");
  switch (s->type) {
    case TL_STRUCTURE: pushstructure(w, t, s, n); break;
    case TL_LIST: pushlist(w, t, s, n); break;
    case TL_MAP: pushmap(w, t, s, n); break;
    default: tl_pushtext(w, s, t->text + n->text, n->textlen);
  }
}


/*
** Where the output begins: query wraps it once more, as <NAMEResult>; the others
** start at the root.
*/
static const tl_node *start (tl_walk *w, const tl_tree *t) {
  const tl_node *n;
  if (w->model->h->protocol != TL_QUERY) return t->nodes;
  if (w->op->outputwrapper != 0)
    n = tl_xmlchild(t, t->nodes, tl_modelstr(w->model, w->op->outputwrapper, NULL));
  else {
    n = tl_xmlchild(t, t->nodes, lua_pushfstring(w->L, "%sResult",
                                                 tl_modelstr(w->model, w->op->name, NULL)));
    lua_pop(w->L, 1);
  }
  return n != NULL ? n : t->nodes;
}


static int decode (tl_walk *w, const tl_shape *shape, const char *bytes, size_t len) {
  char why[160];
  tl_tree *t;
  if (len == 0) return 0;
  t = tl_xmlparse(w->L, bytes, len, why, sizeof why);
  if (t == NULL) return tl_fault(w, "the XML is broken: %s", why);
  if (t->nodes->namelen == 4 && strncasecmp(t->text + t->nodes->name, "html", 4) == 0) {
    tl_xmlfree(w->L, -1);
    return tl_fault(w, "it is a web page: what answered is a proxy or another server, not AWS");
  }
  lua_insert(w->L, -2);
  fill(w, t, shape, start(w, t));
  tl_xmlfree(w->L, -2);
  lua_remove(w->L, -2);
  return 0;
}

const tl_format tl_xml = {encode, decode};

/* ----- errors ----- */

static int settext (lua_State *L, const char *key, const tl_tree *t, const tl_node *n) {
  if (n == NULL || n->first != 0) return 0;
  lua_pushlstring(L, t->text + n->text, n->textlen);
  lua_setfield(L, -2, key);
  return 1;
}


/* <Error> is the root (S3), its child (query), or its grandchild in <Errors> (ec2). */
static const tl_node *errornode (const tl_tree *t) {
  const tl_node *root = t->nodes, *n;
  if (tl_xmlis(t, root, "Error")) return root;
  if ((n = tl_xmlchild(t, root, "Error")) != NULL) return n;
  if ((n = tl_xmlchild(t, root, "Errors")) != NULL) return tl_xmlchild(t, n, "Error");
  return tl_xmlchild(t, root, "Code") != NULL ? root : NULL;
}


static const tl_node *requestid (const tl_tree *t, const tl_node *error) {
  static const char *const names[] = {"RequestId", "RequestID", "requestId"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const tl_node *n = tl_xmlchild(t, t->nodes, names[i]);
    if (n == NULL) n = tl_xmlchild(t, error, names[i]);
    if (n != NULL) return n;
  }
  return NULL;
}


static void setdetail (tl_walk *w, const tl_tree *t, const tl_node *error, const tl_node *code) {
  const tl_shape *s = NULL;
  if (code) s = tl_errorshape(w->model, w->op, t->text + code->text, code->textlen);
  if (s == NULL) return;
  lua_newtable(w->L);
  fill(w, t, s, error);
  lua_setfield(w->L, -2, "detail");
}


int tl_xmlerror (tl_walk *w, const char *bytes, size_t len) {
  char why[160];
  tl_tree *t = len > 0 ? tl_xmlparse(w->L, bytes, len, why, sizeof why) : NULL;
  const tl_node *error, *code;
  if (t == NULL) return 0;
  lua_insert(w->L, -2);
  error = errornode(t);
  if (error != NULL) {
    code = tl_xmlchild(t, error, "Code");
    settext(w->L, "code", t, code);
    if (!settext(w->L, "message", t, tl_xmlchild(t, error, "Message")))
      settext(w->L, "message", t, tl_xmlchild(t, error, "message"));
    settext(w->L, "type", t, tl_xmlchild(t, error, "Type"));
    settext(w->L, "request_id", t, requestid(t, error));
    setdetail(w, t, error, code);
  }
  tl_xmlfree(w->L, -2);
  lua_remove(w->L, -2);
  return error != NULL;
}

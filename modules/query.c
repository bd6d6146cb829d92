/* query.c -- form bodies of the query and ec2 protocols: "Entries.member.1.Id=a&...". */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "codec.h"
#include "uri.h"

#define MAXNAME 1024   /* of a dotted name; 64 levels of nesting stay far below */

/*
** The dotted name so far lives on the C stack of the walk: appended to on the way
** down, cut on the way up.
*/
typedef struct form {
  char name[MAXNAME];
  size_t len;
  int ec2;
} form;

static int addvalue (tl_walk *w, const tl_member *ref, void *ud);

static int push (tl_walk *w, form *f, const char *s, size_t len, int upper) {
  if (f->len + len + 2 > MAXNAME)
    return tl_fault(w, "has a name longer than %d bytes on the wire", MAXNAME);
  if (f->len > 0) f->name[f->len++] = '.';
  memcpy(f->name + f->len, s, len);
  if (upper && len > 0) f->name[f->len] = (char)toupper((unsigned char)s[0]);
  f->len += len;
  return 0;
}


static int pushindex (tl_walk *w, form *f, lua_Integer i) {
  char digits[24];
  return push(w, f, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)i), 0);
}


static void addkey (tl_walk *w, form *f) {
  tl_bufchar(w->out, '&');
  tl_uriadd(w->out, f->name, f->len, "");
  tl_bufchar(w->out, '=');
}


static int addpair (tl_walk *w, form *f, const char *value, size_t len) {
  addkey(w, f);
  tl_uriadd(w->out, value, len, "");
  return 0;
}

/* ----- members ----- */

/* query: the wire name; ec2: queryName, else the wire name with a capital. */
static int pushmember (tl_walk *w, form *f, const tl_member *m) {
  size_t len;
  const char *s = tl_modelstr(w->model, f->ec2 && m->queryname != 0 ? m->queryname : m->wire, &len);
  return push(w, f, s, len, f->ec2 && m->queryname == 0);
}


static int addmember (tl_walk *w, const tl_member *m, void *ud) {
  form *f = ud;
  size_t len = f->len;
  int bad = pushmember(w, f, m) != 0 || addvalue(w, m, f) != 0;
  f->len = len;
  return bad ? -1 : 0;
}


static int additem (tl_walk *w, const tl_member *m, void *ud) {
  form *f = ud;
  size_t len = f->len;
  int bad = pushindex(w, f, w->at->index) != 0 || addvalue(w, m, f) != 0;
  f->len = len;
  return bad ? -1 : 0;
}


/* A flattened list goes by its items' name, where they have one, instead of its own. */
static int listname (tl_walk *w, form *f, const tl_member *ref, const tl_member *item) {
  size_t len;
  const char *s = tl_modelstr(w->model, item->wire, &len);
  if (f->ec2) return 0;
  if (!(ref->flags & TL_M_FLATTENED))
    return item->wire != 0 ? push(w, f, s, len, 0) : push(w, f, "member", 6, 0);
  if (item->wire == 0) return 0;
  while (f->len > 0 && f->name[f->len - 1] != '.') f->len--;
  if (f->len > 0) f->len--;
  return push(w, f, s, len, 0);
}


static int addlist (tl_walk *w, const tl_member *ref, form *f) {
  const tl_shape *s = tl_shapeof(w, ref);
  if (lua_istable(w->L, -1) && lua_rawlen(w->L, -1) == 0 && !f->ec2) {
    if (tl_items(w, s, additem, f) != 0) return -1;
    return addpair(w, f, "", 0);   /* an empty list is sent as such */
  }
  if (listname(w, f, ref, tl_memberat(w, s, 0)) != 0) return -1;
  return tl_items(w, s, additem, f);
}

typedef struct mapping { const tl_shape *map; form *form; } mapping;

static int addfield (tl_walk *w, form *f, const tl_member *m, const char *otherwise) {
  size_t at = f->len, len;
  const char *s = m->wire != 0 ? tl_modelstr(w->model, m->wire, &len) : otherwise;
  int bad = push(w, f, s, m->wire != 0 ? len : strlen(s), 0) != 0 || addvalue(w, m, f) != 0;
  f->len = at;
  return bad ? -1 : 0;
}


static int addentry (tl_walk *w, const tl_member *value, void *ud) {
  mapping *map = ud;
  form *f = map->form;
  size_t len = f->len;
  int bad = pushindex(w, f, w->at->index);
  if (bad == 0) {
    lua_pushlstring(w->L, w->at->name, w->at->len);
    bad = addfield(w, f, tl_memberat(w, map->map, 0), "key");
    lua_pop(w->L, 1);
  }
  if (bad == 0) bad = addfield(w, f, value, "value");
  f->len = len;
  return bad;
}


static int addmap (tl_walk *w, const tl_member *ref, form *f) {
  mapping map = {tl_shapeof(w, ref), f};
  if (!(ref->flags & TL_M_FLATTENED) && push(w, f, "entry", 5, 0) != 0) return -1;
  return tl_pairs(w, map.map, addentry, &map);
}


static int addstring (tl_walk *w, const tl_shape *s, form *f) {
  const char *text;
  size_t len;
  return tl_getstring(w, s, &text, &len) == 0 ? addpair(w, f, text, len) : -1;
}


/* Whole numbers, true and false have no byte that would have to be encoded. */
static int addplain (tl_walk *w, const tl_shape *s, form *f) {
  addkey(w, f);
  return tl_addtext(w, s, TL_STAMP_DEFAULT, w->out);
}


/* The text of the scalar goes through a buffer of its own, to be percent-encoded. */
static int addscalar (tl_walk *w, const tl_member *ref, form *f) {
  tl_buf *text = tl_bufnew(w->L);
  int bad;
  lua_insert(w->L, -2);
  bad = tl_addtext(w, tl_shapeof(w, ref), ref->stamp, text);
  if (bad == 0) addpair(w, f, text->data, text->len);
  w->out->failed |= text->failed;
  tl_buffree(text);
  lua_remove(w->L, -2);
  return bad;
}


static int addvalue (tl_walk *w, const tl_member *ref, void *ud) {
  form *f = ud;
  size_t len = f->len;
  int bad;
  switch (tl_shapeof(w, ref)->type) {
    case TL_STRUCTURE: bad = tl_members(w, tl_shapeof(w, ref), addmember, f); break;
    case TL_LIST: bad = addlist(w, ref, f); break;
    case TL_MAP: bad = addmap(w, ref, f); break;
    case TL_STRING: bad = addstring(w, tl_shapeof(w, ref), f); break;
    case TL_INTEGER: case TL_LONG: case TL_BOOLEAN: bad = addplain(w, tl_shapeof(w, ref), f); break;
    default: bad = addscalar(w, ref, f);
  }
  f->len = len;
  return bad;
}


static void addaction (tl_walk *w) {
  tl_bufstr(w->out, "Action=");
  tl_bufstr(w->out, tl_modelstr(w->model, w->op->name, NULL));
  tl_bufstr(w->out, "&Version=");
  tl_bufstr(w->out, tl_modelstr(w->model, w->model->h->apiversion, NULL));
}


/* A NULL shape: the operation takes nothing. */
static int encodeform (tl_walk *w, const tl_shape *s, int ec2) {
  form f = {.len = 0, .ec2 = ec2};
  addaction(w);
  return s == NULL ? 0 : tl_members(w, s, addmember, &f);
}


static int encodequery (tl_walk *w, const tl_shape *s, const tl_member *ref) {
  (void)ref;
  return encodeform(w, s, 0);
}


static int encodeec2 (tl_walk *w, const tl_shape *s, const tl_member *ref) {
  (void)ref;
  return encodeform(w, s, 1);
}


static int decode (tl_walk *w, const tl_shape *shape, const char *bytes, size_t len) {
  return tl_xml.decode(w, shape, bytes, len);
}

const tl_format tl_query = {encodequery, decode}, tl_ec2 = {encodeec2, decode};

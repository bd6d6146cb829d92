/* jsonbody.c -- JSON bodies of the json and rest-json protocols, by shape, both ways. */
#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "codec.h"
#include "json.h"

/* ----- encode ----- */

static int addvalue (tl_walk *w, const tl_member *ref, void *ud);

typedef struct comma { int first; } comma;

static void separate (tl_walk *w, comma *c) {
  if (!c->first) tl_bufchar(w->out, ',');
  c->first = 0;
}


static int addmember (tl_walk *w, const tl_member *m, void *ud) {
  size_t len;
  const char *name = tl_modelstr(w->model, m->wire, &len);
  if (!tl_inbody(w, m)) return 0;
  separate(w, ud);
  tl_jsonstring(w->out, name, len, 1);
  tl_bufchar(w->out, ':');
  return addvalue(w, m, NULL);
}


static int additem (tl_walk *w, const tl_member *m, void *ud) {
  separate(w, ud);
  if (tl_isjsonnull(w->L, -1)) return tl_bufstr(w->out, "null"), 0;
  return addvalue(w, m, NULL);
}


static int addpair (tl_walk *w, const tl_member *m, void *ud) {
  separate(w, ud);
  tl_jsonstring(w->out, w->at->name, w->at->len, 1);
  tl_bufchar(w->out, ':');
  if (tl_isjsonnull(w->L, -1)) return tl_bufstr(w->out, "null"), 0;
  return addvalue(w, m, NULL);
}


static int adddocument (tl_walk *w) {
  if (tl_jsonadd(w->L, -1, w->out) == 0) return 0;
  tl_fault(w, "can't be written as JSON: %s", lua_tostring(w->L, -1));
  lua_pop(w->L, 1);
  return -1;
}


static int addstructure (tl_walk *w, const tl_shape *s) {
  comma c = {1};
  if (s->flags & TL_S_DOCUMENT) return adddocument(w);
  tl_bufchar(w->out, '{');
  if (tl_members(w, s, addmember, &c) != 0) return -1;
  tl_bufchar(w->out, '}');
  return 0;
}


static int addstring (tl_walk *w, const tl_shape *s) {
  const char *text;
  size_t len;
  if (tl_getstring(w, s, &text, &len) != 0) return -1;
  tl_jsonstring(w->out, text, len, 1);
  return 0;
}


static int addblob (tl_walk *w, const tl_shape *s) {
  const char *bytes;
  size_t len;
  if (tl_getstring(w, s, &bytes, &len) != 0) return -1;
  tl_bufchar(w->out, '"');
  tl_addbase64(w->out, bytes, len);
  tl_bufchar(w->out, '"');
  return 0;
}


static int addnumber (tl_walk *w) {
  lua_Number n;
  if (lua_isinteger(w->L, -1)) return tl_bufint(w->out, lua_tointeger(w->L, -1)), 0;
  if (tl_getnumber(w, &n) != 0) return -1;
  if (!isfinite(n)) tl_bufchar(w->out, '"');
  tl_addfloat(w->out, n);
  if (!isfinite(n)) tl_bufchar(w->out, '"');
  return 0;
}


static int addstamp (tl_walk *w, int format) {
  lua_Number seconds;
  if (tl_getstamp(w, &seconds) != 0) return -1;
  if (format == TL_STAMP_DEFAULT) format = TL_STAMP_UNIX;
  if (format != TL_STAMP_UNIX) tl_bufchar(w->out, '"');
  tl_addstamp(w->out, seconds, format);
  if (format != TL_STAMP_UNIX) tl_bufchar(w->out, '"');
  return 0;
}


static int addlist (tl_walk *w, const tl_shape *s) {
  comma c = {1};
  tl_bufchar(w->out, '[');
  if (tl_items(w, s, additem, &c) != 0) return -1;
  tl_bufchar(w->out, ']');
  return 0;
}


static int addmap (tl_walk *w, const tl_shape *s) {
  comma c = {1};
  tl_bufchar(w->out, '{');
  if (tl_pairs(w, s, addpair, &c) != 0) return -1;
  tl_bufchar(w->out, '}');
  return 0;
}


static int addvalue (tl_walk *w, const tl_member *ref, void *ud) {
  const tl_shape *s = tl_shapeof(w, ref);
  (void)ud;
  switch (s->type) {
    case TL_STRUCTURE: return addstructure(w, s);
    case TL_LIST: return addlist(w, s);
    case TL_MAP: return addmap(w, s);
    case TL_STRING: return addstring(w, s);
    case TL_BLOB: return addblob(w, s);
    case TL_FLOAT: case TL_DOUBLE: case TL_BIGDECIMAL: return addnumber(w);
    case TL_TIMESTAMP: return addstamp(w, ref->stamp);
    /* numbers, true and false are JSON as they are */
    default: return tl_addtext(w, s, 0, w->out);
  }
}


static int encode (tl_walk *w, const tl_shape *shape, const tl_member *ref) {
  return ref != NULL ? addvalue(w, ref, NULL) : addstructure(w, shape);
}

/* ----- decode ----- */

static void pushvalue (tl_walk *w, const tl_shape *s, yyjson_val *v);

static void pushitem (tl_walk *w, const tl_shape *s, yyjson_val *v) {
  if (yyjson_is_null(v)) tl_jsonpush(w->L, v, 1);
  else pushvalue(w, s, v);
}


/* A union's member that this model does not know is told by its name. */
static void unknownunion (tl_walk *w, yyjson_val *obj) {
  yyjson_obj_iter iter = yyjson_obj_iter_with(obj);
  yyjson_val *key;
  while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
    if (yyjson_is_null(yyjson_obj_iter_get_val(key)) || yyjson_equals_str(key, "__type")) continue;
    lua_createtable(w->L, 0, 1);
    lua_pushlstring(w->L, yyjson_get_str(key), yyjson_get_len(key));
    lua_setfield(w->L, -2, "name");
    lua_setfield(w->L, -2, "SDK_UNKNOWN_MEMBER");
    return;
  }
}


/* Sets the members found in the object in the table at the top. */
static void fill (tl_walk *w, const tl_shape *s, yyjson_val *obj) {
  yyjson_obj_iter iter = yyjson_obj_iter_with(obj);
  yyjson_val *key, *value;
  uint32_t next = 0, found = 0;
  while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
    const tl_member *m = tl_nextwire(w->model, s, &next, yyjson_get_str(key), yyjson_get_len(key));
    value = yyjson_obj_iter_get_val(key);
    if (m == NULL || (w->rest && w->depth == 1 && !tl_inanswer(m))) continue;
    found++;
    if (yyjson_is_null(value)) continue;
    tl_pushname(w, m);
    pushvalue(w, tl_shapeof(w, m), value);
    lua_rawset(w->L, -3);
  }
  if (found == 0 && s->flags & TL_S_UNION) unknownunion(w, obj);
}


static void pushstructure (tl_walk *w, const tl_shape *s, yyjson_val *v) {
  size_t n = yyjson_obj_size(v);
  lua_createtable(w->L, 0, (int)(n < s->count ? n : s->count));
  fill(w, s, v);
}


static void pushlist (tl_walk *w, const tl_shape *s, yyjson_val *v) {
  const tl_shape *item = tl_shapeof(w, tl_memberat(w, s, 0));
  yyjson_arr_iter iter = yyjson_arr_iter_with(v);
  yyjson_val *each;
  lua_Integer i = 0;
  tl_pushlist(w, yyjson_arr_size(v));
  while ((each = yyjson_arr_iter_next(&iter)) != NULL) {
    pushitem(w, item, each);
    lua_rawseti(w->L, -2, ++i);
  }
}


static void pushmap (tl_walk *w, const tl_shape *s, yyjson_val *v) {
  const tl_shape *value = tl_shapeof(w, tl_memberat(w, s, 1));
  yyjson_obj_iter iter = yyjson_obj_iter_with(v);
  yyjson_val *key;
  lua_createtable(w->L, 0, (int)yyjson_obj_size(v));
  while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
    lua_pushlstring(w->L, yyjson_get_str(key), yyjson_get_len(key));
    pushitem(w, value, yyjson_obj_iter_get_val(key));
    lua_rawset(w->L, -3);
  }
}


static void toodeep (tl_walk *w) {
  tl_fault(w, "the JSON is nested more than %d deep", TL_MAXDEPTH);
  lua_pushnil(w->L);
}


/* A number that should be text, and the like, comes as it was sent. */
static void pushscalar (tl_walk *w, const tl_shape *s, yyjson_val *v) {
  int textual = s->type == TL_BLOB || s->type == TL_TIMESTAMP || s->type == TL_FLOAT
                || s->type == TL_DOUBLE || s->type == TL_INTEGER || s->type == TL_LONG
                || s->type == TL_BIGDECIMAL;
  if (yyjson_is_str(v) && textual) tl_pushtext(w, s, yyjson_get_str(v), yyjson_get_len(v));
  else if (yyjson_is_num(v) && (s->type == TL_FLOAT || s->type == TL_DOUBLE))
    lua_pushnumber(w->L, yyjson_get_num(v));
  else if (yyjson_is_real(v)
           && (s->type == TL_TIMESTAMP || s->type == TL_INTEGER || s->type == TL_LONG)
           && floor(yyjson_get_real(v)) == yyjson_get_real(v) && fabs(yyjson_get_real(v)) < 9e15)
    lua_pushinteger(w->L, (lua_Integer)yyjson_get_real(v));
  else if (tl_jsonpush(w->L, v, 1) != 0) toodeep(w);
}


static void pushvalue (tl_walk *w, const tl_shape *s, yyjson_val *v) {
  if (s->type == TL_STRING && yyjson_is_str(v)) {
    tl_pushstring(w, s, yyjson_get_str(v), yyjson_get_len(v));
    return;
  }
  if (w->names == 0) luaL_checkstack(w->L, TL_VALUEROOM, "an answer of AWS");
  if (++w->depth > TL_MAXDEPTH) toodeep(w);
  else if (s->type == TL_STRUCTURE && !(s->flags & TL_S_DOCUMENT) && yyjson_is_obj(v))
    pushstructure(w, s, v);
  else if (s->type == TL_LIST && yyjson_is_arr(v)) pushlist(w, s, v);
  else if (s->type == TL_MAP && yyjson_is_obj(v)) pushmap(w, s, v);
  else pushscalar(w, s, v);
  w->depth--;
}


/* The text's box stays on the stack meanwhile: a raise frees it. */
static int decode (tl_walk *w, const tl_shape *shape, const char *bytes, size_t len) {
  yyjson_read_err err;
  yyjson_doc *doc;
  yyjson_val *root;
  if (len == 0) return 0;
  doc = tl_docparse(w->L, bytes, len, &err);
  if (doc == NULL)
    return tl_fault(w, "the JSON is broken after %zu of %zu bytes: %s", err.pos, len, err.msg);
  root = yyjson_doc_get_root(doc);
  lua_insert(w->L, -2);
  w->depth = 1;
  if (yyjson_is_obj(root)) fill(w, shape, root);
  else if (!yyjson_is_null(root))
    tl_fault(w, "the JSON is %s, not an object", yyjson_get_type_desc(root));
  w->depth = 0;
  tl_docdrop(w->L, -2);
  lua_remove(w->L, -2);
  return w->why[0] == '\0' ? 0 : -1;
}

const tl_format tl_json = {encode, decode};

/* ----- errors ----- */

static void setstr (lua_State *L, const char *key, const char *s, size_t len) {
  lua_pushlstring(L, s, len);
  lua_setfield(L, -2, key);
}


/* "com.amazonaws.sqs#QueueDoesNotExist:http://..." is QueueDoesNotExist. */
static void trimcode (const char **s, size_t *len) {
  const char *colon = memchr(*s, ':', *len), *hash;
  if (colon != NULL) *len = (size_t)(colon - *s);
  hash = memrchr(*s, '#', *len);
  if (hash == NULL) return;
  *len -= (size_t)(hash + 1 - *s);
  *s = hash + 1;
}


static void setcode (lua_State *L, yyjson_val *root) {
  static const char *const keys[] = {"__type", "code", "Code"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    yyjson_val *v = yyjson_obj_get(root, keys[i]);
    const char *s = yyjson_get_str(v);
    size_t len = yyjson_get_len(v);
    if (s == NULL) continue;
    trimcode(&s, &len);
    setstr(L, "code", s, len);
    return;
  }
}


static void setmessage (lua_State *L, yyjson_val *root) {
  static const char *const keys[] = {"message", "Message", "errorMessage"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    yyjson_val *v = yyjson_obj_get(root, keys[i]);
    if (!yyjson_is_str(v)) continue;
    setstr(L, "message", yyjson_get_str(v), yyjson_get_len(v));
    return;
  }
}


/* The code in the table may come from a header: that one knows the namespace's true name. */
static void setdetail (tl_walk *w, yyjson_val *root) {
  size_t len;
  const char *code;
  const tl_shape *s = NULL;
  if (lua_getfield(w->L, -1, "code") == LUA_TSTRING) {
    code = lua_tolstring(w->L, -1, &len);
    s = tl_errorshape(w->model, w->op, code, len);
  }
  lua_pop(w->L, 1);
  if (s == NULL) return;
  lua_newtable(w->L);
  w->depth = 1;
  fill(w, s, root);
  w->depth = 0;
  lua_setfield(w->L, -2, "detail");
}


/* Adds to the error table at the top, which may hold a code from the headers. */
int tl_jsonerror (tl_walk *w, const char *bytes, size_t len) {
  yyjson_read_err err;
  yyjson_doc *doc = len > 0 ? tl_docparse(w->L, bytes, len, &err) : NULL;
  yyjson_val *root = yyjson_doc_get_root(doc);
  int ok = yyjson_is_obj(root);
  if (doc == NULL) return 0;
  lua_insert(w->L, -2);
  if (ok) {
    if (lua_getfield(w->L, -1, "code") == LUA_TNIL) { lua_pop(w->L, 1); setcode(w->L, root); }
    else lua_pop(w->L, 1);
    setmessage(w->L, root);
    setdetail(w, root);
  }
  tl_docdrop(w->L, -2);
  lua_remove(w->L, -2);
  return ok;
}

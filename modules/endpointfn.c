/* endpointfn.c -- the functions of the endpoint rules' language, over views of text. */
#include "endpoint.h"

#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

static const tl_evalue nothing = {.kind = TL_V_NONE};


static tl_evalue textvalue (const char *s, size_t len) {
  return (tl_evalue){.kind = TL_V_STRING, .text = {s, len}};
}


static tl_evalue viewof (tl_text t) {
  return textvalue(t.s, t.len);
}


static tl_evalue boolvalue (int b) {
  return (tl_evalue){.kind = TL_V_BOOL, .n = b};
}


static int istrue (const tl_evalue *v) {
  return v->kind == TL_V_BOOL ? v->n : v->kind != TL_V_NONE;
}


static int isalnumeric (char c) {  /* of ASCII, whatever the locale */
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}


/* The bytes of the string that was just left on the stack. */
static tl_evalue topvalue (lua_State *L) {
  size_t len;
  const char *s = lua_tolstring(L, -1, &len);
  return textvalue(s, len);
}

/*
** {======================================================
** Pieces of text
** =======================================================
*/

/* Cuts the next piece off `*rest` at ':' or '/', or at `by`; 0 when none was left (`s` NULL). */
static int nextpiece (tl_text *rest, tl_text by, int whole, tl_text *piece) {
  size_t i, skip = by.len ? by.len : 1;
  if (rest->s == NULL) return 0;
  *piece = *rest;
  for (i = 0; !whole && i + skip <= rest->len; i++) {
    const char *s = rest->s + i;
    if (by.len ? memcmp(s, by.s, by.len) == 0 : *s == ':' || *s == '/') {
      piece->len = i;
      *rest = (tl_text){s + skip, rest->len - i - skip};
      return 1;
    }
  }
  *rest = (tl_text){NULL, 0};
  return 1;
}


static int countpieces (const tl_evalue *from) {
  tl_text rest = from->text, piece;
  int n = 0;
  while (nextpiece(&rest, from->by, from->n > 0 && n == from->n - 1, &piece)) n++;
  return n;
}


static tl_evalue piece_at (const tl_evalue *from, int n) {
  tl_text rest = from->text, piece;
  int i;
  if (n < 0) n += countpieces(from);
  if (n < 0) return nothing;
  for (i = 0; nextpiece(&rest, from->by, from->n > 0 && i == from->n - 1, &piece); i++)
    if (i == n) return viewof(piece);
  return nothing;
}


static tl_evalue item_at (lua_State *L, const tl_evalue *list, int n) {
  tl_evalue v = nothing;
  if (n < 0) n += (int)lua_rawlen(L, list->n);
  if (n < 0) return nothing;
  lua_rawgeti(L, list->n, (lua_Integer)n + 1);
  if (lua_type(L, -1) == LUA_TSTRING) v = topvalue(L);  /* the list keeps it */
  lua_pop(L, 1);
  return v;
}

/* }====================================================== */

/*
** {======================================================
** ARNs
** =======================================================
*/

/* The field of an ARN, 0 to 4; the resource, 5, is all the rest. 0 when there is none. */
static int arnfield (tl_text arn, int n, tl_text *field) {
  const char *s = arn.s, *end = arn.s + arn.len, *colon;
  for (; n >= 0; n--) {
    colon = memchr(s, ':', (size_t)(end - s));
    if (colon == NULL) return 0;
    *field = (tl_text){s, (size_t)(colon - s)};
    s = colon + 1;
  }
  return 1;
}


static tl_text arnresource (tl_text arn) {
  tl_text last = {arn.s, 0};
  arnfield(arn, 4, &last);
  last.s += last.len + 1;
  last.len = (size_t)(arn.s + arn.len - last.s);
  return last;
}


static tl_evalue fn_parsearn (lua_State *L, const tl_evalue *args, unsigned n) {
  tl_text partition, service, account;
  (void)L; (void)n;
  if (args->kind != TL_V_STRING || args->text.len < 4 || memcmp(args->text.s, "arn:", 4) != 0)
    return nothing;
  if (!arnfield(args->text, 1, &partition) || !arnfield(args->text, 2, &service)
      || !arnfield(args->text, 4, &account)) return nothing;
  if (partition.len == 0 || service.len == 0 || arnresource(args->text).len == 0)
    return nothing;
  return (tl_evalue){.kind = TL_V_ARN, .text = args->text};
}


static tl_evalue arn_attribute (const tl_evalue *arn, tl_eattr attr, int n) {
  tl_text field = {"", 0};
  tl_evalue all;
  if (attr < TL_E_ARNPARTITION || attr > TL_E_RESOURCEID) return nothing;
  if (attr != TL_E_RESOURCEID) {
    arnfield(arn->text, 1 + (int)(attr - TL_E_ARNPARTITION), &field);
    return viewof(field);
  }
  all = (tl_evalue){.kind = TL_V_PIECES, .text = arnresource(arn->text)};
  return n == TL_E_NOINDEX ? all : piece_at(&all, n);
}

/* }====================================================== */

/*
** {======================================================
** URLs
** =======================================================
*/

typedef struct urlparts { tl_text scheme, authority, host, path; } urlparts;


static int goodport (const char *s, const char *end) {
  long port = 0;
  for (; s < end; s++) {
    if (*s < '0' || *s > '9') return 0;
    port = port * 10 + (*s - '0');
    if (port > 65535) return 0;
  }
  return 1;
}


/* Host without the user, the port, and the brackets of an IPv6 address. */
static int cuthost (urlparts *u) {
  const char *s = u->authority.s, *end = s + u->authority.len, *c, *at = NULL;
  for (c = s; c < end; c++) if (*c == '@') at = c;
  if (at != NULL) s = at + 1;
  if (s < end && *s == '[') {
    const char *close = memchr(s, ']', (size_t)(end - s));
    if (close == NULL) return 0;
    u->host = (tl_text){s + 1, (size_t)(close - s - 1)};
    return close + 1 == end || (close[1] == ':' && goodport(close + 2, end));
  }
  c = memchr(s, ':', (size_t)(end - s));
  u->host = (tl_text){s, (size_t)((c ? c : end) - s)};
  return c == NULL || goodport(c + 1, end);
}


static int cuturl (tl_text url, urlparts *u) {
  size_t scheme = 0, i;
  if (url.len >= 8 && memcmp(url.s, "https://", 8) == 0) scheme = 5;
  else if (url.len >= 7 && memcmp(url.s, "http://", 7) == 0) scheme = 4;
  else return 0;
  for (i = 0; i < url.len; i++)
    if (url.s[i] == '?' || url.s[i] == '#' || (unsigned char)url.s[i] <= ' ') return 0;
  u->scheme = (tl_text){url.s, scheme};
  u->authority = (tl_text){url.s + scheme + 3, 0};
  for (i = scheme + 3; i < url.len && url.s[i] != '/'; i++) u->authority.len++;
  u->path = (tl_text){url.s + i, url.len - i};
  return u->authority.len > 0 && cuthost(u);
}


static int isipv4 (tl_text t) {
  int part = -1, parts = 1;
  size_t i;
  for (i = 0; i < t.len; i++) {
    char c = t.s[i];
    if (c == '.') {
      if (part < 0 || ++parts > 4) return 0;
      part = -1;
    }
    else if (c >= '0' && c <= '9' && part < 100) part = (part < 0 ? 0 : part) * 10 + (c - '0');
    else return 0;
    if (part > 255) return 0;
  }
  return parts == 4 && part >= 0;
}


/* Only a bracketed host holds a colon; cuthost has seen the brackets. */
static int isipv6 (tl_text t) {
  size_t i, colons = 0;
  for (i = 0; i < t.len && t.s[i] != '%'; i++) {
    if (t.s[i] == ':') colons++;
    else if (t.s[i] != '.' && !isxdigit((unsigned char)t.s[i])) return 0;
  }
  return colons >= 2;
}


static tl_evalue fn_parseurl (lua_State *L, const tl_evalue *args, unsigned n) {
  urlparts u;
  (void)L; (void)n;
  if (args->kind != TL_V_STRING || !cuturl(args->text, &u)) return nothing;
  return (tl_evalue){.kind = TL_V_URL, .text = args->text};
}


/* The path with a slash at its end, left on the stack where it had none. */
static tl_evalue normalized (lua_State *L, tl_text path) {
  if (path.len > 0 && path.s[path.len - 1] == '/') return viewof(path);
  luaL_checkstack(L, 8, "endpoint text");
  lua_pushlstring(L, path.s, path.len);
  lua_pushliteral(L, "/");
  lua_concat(L, 2);
  return topvalue(L);
}


static tl_evalue url_attribute (lua_State *L, const tl_evalue *url, tl_eattr attr) {
  urlparts u;
  if (!cuturl(url->text, &u)) return nothing;
  switch (attr) {
    case TL_E_SCHEME: return viewof(u.scheme);
    case TL_E_AUTHORITY: return viewof(u.authority);
    case TL_E_PATH: return viewof(u.path);
    case TL_E_NORMALIZEDPATH: return normalized(L, u.path);
    case TL_E_ISIP: return boolvalue(isipv4(u.host) || isipv6(u.host));
    default: return nothing;
  }
}

/* }====================================================== */

/*
** {======================================================
** Attributes
** =======================================================
*/

static tl_evalue partition_attribute (const tl_partition *p, tl_eattr attr) {
  switch (attr) {
    case TL_E_NAME: return viewof(p->name);
    case TL_E_DNSSUFFIX: return viewof(p->dnssuffix);
    case TL_E_DUALSTACKDNSSUFFIX: return viewof(p->dualstackdnssuffix);
    case TL_E_IMPLICITGLOBALREGION: return viewof(p->implicitglobalregion);
    case TL_E_SUPPORTSFIPS: return boolvalue(p->fips);
    case TL_E_SUPPORTSDUALSTACK: return boolvalue(p->dualstack);
    default: return nothing;
  }
}


tl_evalue tl_eattribute (lua_State *L, const tl_evalue *from, tl_eattr attr, int n) {
  if (attr == TL_E_WHOLE) return *from;
  switch (from->kind) {
    case TL_V_PARTITION: return partition_attribute(from->partition, attr);
    case TL_V_ARN: return arn_attribute(from, attr, n);
    case TL_V_URL: return url_attribute(L, from, attr);
    case TL_V_LIST: return attr == TL_E_ELEMENT ? item_at(L, from, n) : nothing;
    case TL_V_PIECES: return attr == TL_E_ELEMENT ? piece_at(from, n) : nothing;
    default: return nothing;
  }
}

/* }====================================================== */

/*
** {======================================================
** Functions
** =======================================================
*/

static tl_evalue fn_value (lua_State *L, const tl_evalue *args, unsigned n) {
  (void)L; (void)n;
  return args[0];
}


static tl_evalue fn_isset (lua_State *L, const tl_evalue *args, unsigned n) {
  (void)L; (void)n;
  return boolvalue(args->kind != TL_V_NONE);
}


static tl_evalue fn_equals (lua_State *L, const tl_evalue *args, unsigned n) {
  const tl_evalue *a = &args[0], *b = &args[1];
  (void)L; (void)n;
  if (a->kind != b->kind) return boolvalue(0);
  if (a->kind == TL_V_STRING)
    return boolvalue(a->text.len == b->text.len && memcmp(a->text.s, b->text.s, a->text.len) == 0);
  return boolvalue((a->kind == TL_V_BOOL || a->kind == TL_V_INTEGER) && a->n == b->n);
}


/* Without a region it is the first partition: importexport's rules ask so. */
static tl_evalue fn_partition (lua_State *L, const tl_evalue *args, unsigned n) {
  tl_text region = {"", 0};
  (void)n;
  if (args->kind == TL_V_STRING) region = args->text;
  else if (args->kind != TL_V_NONE) return nothing;
  return (tl_evalue){.kind = TL_V_PARTITION, .partition = tl_partitionof(L, region)};
}


static int goodlabel (const char *s, size_t len) {
  size_t i;
  if (len == 0 || len > 63 || s[0] == '-' || s[len - 1] == '-') return 0;
  for (i = 0; i < len; i++)
    if (!isalnumeric(s[i]) && s[i] != '-') return 0;
  return 1;
}


static int goodlabels (tl_text t, int subdomains) {
  tl_text piece, dot = {".", 1};
  if (!subdomains) return goodlabel(t.s, t.len);
  while (nextpiece(&t, dot, 0, &piece))
    if (!goodlabel(piece.s, piece.len)) return 0;
  return 1;
}


static tl_evalue fn_hostlabel (lua_State *L, const tl_evalue *args, unsigned n) {
  (void)L; (void)n;
  return boolvalue(args->kind == TL_V_STRING && goodlabels(args->text, istrue(&args[1])));
}


static tl_evalue fn_s3bucket (lua_State *L, const tl_evalue *args, unsigned n) {
  tl_text t = args->text;
  size_t i;
  (void)L; (void)n;
  if (args->kind != TL_V_STRING || t.len < 3 || t.len > 63 || isipv4(t)) return boolvalue(0);
  for (i = 0; i < t.len; i++)
    if (t.s[i] >= 'A' && t.s[i] <= 'Z') return boolvalue(0);
  return boolvalue(goodlabels(t, istrue(&args[1])));
}


static tl_evalue fn_substring (lua_State *L, const tl_evalue *args, unsigned n) {
  tl_text t = args->text;
  size_t i, start, stop;
  (void)L; (void)n;
  if (args[0].kind != TL_V_STRING || args[1].kind != TL_V_INTEGER || args[2].kind != TL_V_INTEGER)
    return nothing;
  if (args[1].n < 0 || args[1].n >= args[2].n || (size_t)args[2].n > t.len) return nothing;
  for (i = 0; i < t.len; i++)
    if ((unsigned char)t.s[i] > 127) return nothing;  /* they count characters, not bytes */
  start = (size_t)args[1].n;
  stop = (size_t)args[2].n;
  return textvalue(istrue(&args[3]) ? t.s + t.len - stop : t.s + start, stop - start);
}


static tl_evalue fn_uriencode (lua_State *L, const tl_evalue *args, unsigned n) {
  static const char digits[] = "0123456789ABCDEF";
  luaL_Buffer b;
  size_t i;
  (void)n;
  if (args->kind != TL_V_STRING) return nothing;
  luaL_checkstack(L, 8, "endpoint text");
  luaL_buffinit(L, &b);
  for (i = 0; i < args->text.len; i++) {
    unsigned char c = (unsigned char)args->text.s[i];
    if (isalnumeric((char)c) || (c != '\0' && strchr("-_.~", c) != NULL)) luaL_addchar(&b, (char)c);
    else {
      luaL_addchar(&b, '%');
      luaL_addchar(&b, digits[c >> 4]);
      luaL_addchar(&b, digits[c & 15]);
    }
  }
  luaL_pushresult(&b);
  return topvalue(L);
}


static tl_evalue fn_split (lua_State *L, const tl_evalue *args, unsigned n) {
  tl_evalue v = {.kind = TL_V_PIECES, .text = args[0].text, .by = args[1].text};
  (void)L;
  if (args[0].kind != TL_V_STRING || args[1].kind != TL_V_STRING || args[1].text.len == 0)
    return nothing;
  if (n > 2 && args[2].kind == TL_V_INTEGER && args[2].n > 0) v.n = args[2].n;
  return v;
}


static tl_evalue fn_ite (lua_State *L, const tl_evalue *args, unsigned n) {
  (void)L; (void)n;
  return istrue(&args[0]) ? args[1] : args[2];
}


static tl_evalue fn_coalesce (lua_State *L, const tl_evalue *args, unsigned n) {
  unsigned i;
  (void)L;
  for (i = 0; i < n; i++)
    if (args[i].kind != TL_V_NONE) return args[i];
  return nothing;
}


const tl_efunction tl_efunctions[TL_E_NOPS] = {
  [TL_E_VALUE] = {fn_value, 1, 1},
  [TL_E_ISSET] = {fn_isset, 1, 1},
  [TL_E_EQUALS] = {fn_equals, 2, 2},
  [TL_E_PARTITION] = {fn_partition, 1, 1},
  [TL_E_PARSEARN] = {fn_parsearn, 1, 1},
  [TL_E_PARSEURL] = {fn_parseurl, 1, 1},
  [TL_E_HOSTLABEL] = {fn_hostlabel, 2, 2},
  [TL_E_S3BUCKET] = {fn_s3bucket, 2, 2},
  [TL_E_SUBSTRING] = {fn_substring, 4, 4},
  [TL_E_URIENCODE] = {fn_uriencode, 1, 1},
  [TL_E_SPLIT] = {fn_split, 2, 3},
  [TL_E_ITE] = {fn_ite, 3, 3},
  [TL_E_COALESCE] = {fn_coalesce, 1, TL_E_MAXARGS}
};

/* }====================================================== */

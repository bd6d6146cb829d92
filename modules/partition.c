/* partition.c -- which partition a region lies in: the data behind aws.partition. */
#include "endpoint.h"
#include "modules.h"
#include "pack.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

typedef struct region { tl_text name; const tl_partition *partition; } region;

/* Lives in the registry; its user value keeps the strings that its texts are views of. */
typedef struct partitions {
  size_t npartitions, nregions, nparts;
  region *regions;             /* sorted by name */
  tl_partition parts[];        /* npartitions, then those that single regions override */
} partitions;

static const char key = 0;


static void rawfield (lua_State *L, int idx, const char *name) {
  idx = lua_absindex(L, idx);
  if (lua_type(L, idx) != LUA_TTABLE) { lua_pushnil(L); return; }
  lua_pushstring(L, name);
  lua_rawget(L, idx);
}


/* Keeps the string on the top in the list at `keep` and pops it. */
static tl_text keeptext (lua_State *L, int keep) {
  tl_text t;
  t.s = lua_tolstring(L, -1, &t.len);
  lua_rawseti(L, keep, (lua_Integer)lua_rawlen(L, keep) + 1);
  return t;
}


static int textfield (lua_State *L, int idx, const char *name, int keep, tl_text *to) {
  rawfield(L, idx, name);
  if (lua_type(L, -1) != LUA_TSTRING) { lua_pop(L, 1); return 0; }
  *to = keeptext(L, keep);
  return 1;
}


static int boolfield (lua_State *L, int idx, const char *name, int *to) {
  int found;
  rawfield(L, idx, name);
  found = lua_isboolean(L, -1);
  if (found) *to = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return found;
}


/* Reads what a table says of a partition over what `p` already has; how much it said. */
static int readoutputs (lua_State *L, int idx, int keep, tl_partition *p) {
  idx = lua_absindex(L, idx);
  return textfield(L, idx, "name", keep, &p->name)
       + textfield(L, idx, "dnsSuffix", keep, &p->dnssuffix)
       + textfield(L, idx, "dualStackDnsSuffix", keep, &p->dualstackdnssuffix)
       + textfield(L, idx, "implicitGlobalRegion", keep, &p->implicitglobalregion)
       + boolfield(L, idx, "supportsFIPS", &p->fips)
       + boolfield(L, idx, "supportsDualStack", &p->dualstack);
}


static size_t countregions (lua_State *L, int list, size_t n) {
  size_t i, count = 0;
  for (i = 1; i <= n; i++) {
    lua_rawgeti(L, list, (lua_Integer)i);
    rawfield(L, -1, "regions");
    if (lua_istable(L, -1))
      for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING) count++;
    lua_pop(L, 2);
  }
  return count;
}


/* The regions of the partition table on the top, whose data is `own`. */
static void readregions (lua_State *L, partitions *p, const tl_partition *own, int keep) {
  rawfield(L, -1, "regions");
  if (lua_istable(L, -1)) {
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      region *r = &p->regions[p->nregions];
      tl_partition over = *own;
      if (lua_type(L, -2) != LUA_TSTRING) continue;
      r->partition = own;
      if (readoutputs(L, -1, keep, &over) > 0) {
        p->parts[p->nparts] = over;
        r->partition = &p->parts[p->nparts++];
      }
      lua_pushvalue(L, -2);
      r->name = keeptext(L, keep);
      p->nregions++;
    }
  }
  lua_pop(L, 1);
}


static int comparetext (tl_text a, tl_text b) {
  int c = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);
  return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}


static int compareregion (const void *a, const void *b) {
  return comparetext(((const region *)a)->name, ((const region *)b)->name);
}


static void readpartitions (lua_State *L, partitions *p, int list, int keep) {
  size_t i;
  for (i = 0; i < p->npartitions; i++) {
    tl_partition *own = &p->parts[i];
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    textfield(L, -1, "id", keep, &own->name);
    textfield(L, -1, "regionRegex", keep, &own->regex);
    rawfield(L, -1, "outputs");
    readoutputs(L, -1, keep, own);
    lua_pop(L, 1);
    luaL_argcheck(L, own->name.s != NULL && own->dnssuffix.s != NULL, 1,
                  "a partition lacks its id or its dnsSuffix");
    readregions(L, p, own, keep);
    lua_pop(L, 1);
  }
  qsort(p->regions, p->nregions, sizeof *p->regions, compareregion);
}


/* Makes the data of the decoded table at index 1 and puts it into the registry. */
static void setpartitions (lua_State *L) {
  partitions *p;
  size_t n, nregions, size, i;
  rawfield(L, 1, "partitions");
  luaL_argcheck(L, lua_istable(L, -1) && lua_rawlen(L, -1) > 0, 1,
                "the partition data has no partitions");
  n = lua_rawlen(L, 2);
  nregions = countregions(L, 2, n);
  size = sizeof *p + (n + nregions) * sizeof (tl_partition);
  p = lua_newuserdatauv(L, size + nregions * sizeof (region), 1);
  *p = (partitions){.npartitions = n, .nparts = n};
  p->regions = (region *)(void *)((char *)p + size);
  for (i = 0; i < n + nregions; i++)
    p->parts[i] = (tl_partition){.dualstackdnssuffix = {"", 0}, .implicitglobalregion = {"", 0}};
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 3, 1);
  readpartitions(L, p, 2, 4);
  lua_settop(L, 3);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}


int tl_partitions (lua_State *L) {  /* partitions(table or JSON text) */
  int type = lua_type(L, 1);
  luaL_argexpected(L, type == LUA_TTABLE || type == LUA_TSTRING, 1, "table or JSON text");
  lua_settop(L, 1);
  if (type == LUA_TSTRING) {
    luaL_requiref(L, "tidelock.json", luaopen_tidelock_json, 0);
    lua_getfield(L, -1, "decode");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    luaL_argcheck(L, lua_istable(L, -1), 1, "the partition data is no JSON object");
    lua_replace(L, 1);
    lua_settop(L, 1);
  }
  setpartitions(L);
  return 0;
}


/* The pack's own data, where no other was given. */
static void frompack (lua_State *L) {
  const char *why;
  const tl_packheader *h = tl_packopen(&why);
  const tl_packentry *e = h != NULL ? tl_packfind(TL_PACK_DATA, "partitions", 10) : NULL;
  void *out;
  if (e == NULL)
    luaL_error(L, "there is no partition data: this program was linked without a model pack; "
                  "call endpoint.partitions with the data first");
  luaL_checkstack(L, 8, "partitions");
  lua_pushcfunction(L, tl_partitions);
  out = lua_newuserdatauv(L, e->size, 0);
  if (tl_packinflate(e, out) != 0)
    luaL_error(L, "the partition data could not be inflated: "
                  "not enough memory, or a damaged program file");
  lua_pushlstring(L, out, e->size);
  lua_remove(L, -2);
  lua_call(L, 1, 0);
}


static const partitions *getpartitions (lua_State *L) {
  const partitions *p;
  luaL_checkstack(L, 8, "partitions");
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TNIL) {
    lua_pop(L, 1);
    frompack(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  }
  p = lua_touserdata(L, -1);
  lua_pop(L, 1);  /* the registry keeps it */
  return p;
}


/* The data's expressions are JavaScript's; of what they use POSIX lacks \d (glibc has \w). */
static int translate (tl_text from, char *to, size_t size) {
  size_t i, n = 0;
  for (i = 0; i < from.len && n + 6 < size; i++) {
    if (from.s[i] == '\\' && i + 1 < from.len && from.s[i + 1] == 'd') {
      memcpy(to + n, "[0-9]", 5);
      n += 5;
      i++;
    }
    else if (from.s[i] == '\\' && i + 1 < from.len && from.s[i + 1] == '-') ;
    else to[n++] = from.s[i];
  }
  to[n] = '\0';
  return i == from.len && strlen(to) == n;
}


static int matches (tl_text regex, const char *name) {
  char pattern[256];
  regex_t re;
  int found;
  if (regex.s == NULL || !translate(regex, pattern, sizeof pattern)) return 0;
  if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0) return 0;
  found = regexec(&re, name, 0, NULL, 0) == 0;
  regfree(&re);
  return found;
}


static const tl_partition *byregex (const partitions *p, tl_text name) {
  char copy[128];
  size_t i;
  if (name.len >= sizeof copy || memchr(name.s, '\0', name.len) != NULL) return &p->parts[0];
  memcpy(copy, name.s, name.len);
  copy[name.len] = '\0';
  for (i = 0; i < p->npartitions; i++)
    if (matches(p->parts[i].regex, copy)) return &p->parts[i];
  return &p->parts[0];
}


const tl_partition *tl_partitionof (lua_State *L, tl_text name) {
  const partitions *p = getpartitions(L);
  region wanted = {.name = name};
  const region *r = bsearch(&wanted, p->regions, p->nregions, sizeof *r, compareregion);
  return r != NULL ? r->partition : byregex(p, name);
}


static void settext (lua_State *L, const char *name, tl_text t) {
  lua_pushlstring(L, t.s, t.len);
  lua_setfield(L, -2, name);
}


int tl_partitiontable (lua_State *L) {  /* partition(region) -> {name=, dnsSuffix=, ...} */
  tl_text name;
  const tl_partition *p;
  name.s = luaL_checklstring(L, 1, &name.len);
  p = tl_partitionof(L, name);
  lua_createtable(L, 0, 6);
  settext(L, "name", p->name);
  settext(L, "dnsSuffix", p->dnssuffix);
  settext(L, "dualStackDnsSuffix", p->dualstackdnssuffix);
  settext(L, "implicitGlobalRegion", p->implicitglobalregion);
  lua_pushboolean(L, p->fips);
  lua_setfield(L, -2, "supportsFIPS");
  lua_pushboolean(L, p->dualstack);
  lua_setfield(L, -2, "supportsDualStack");
  return 1;
}

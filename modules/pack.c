/* pack.c -- the model pack linked into the program: its directory, and inflating one entry. */
#include "pack.h"

#include <string.h>

#include <zstd.h>

extern const char tl_pack[], tl_pack_end[];   /* made by the Makefile; empty in the stage tool */

static const tl_packheader *pack;             /* set once the directory is known to be sound */


static size_t packsize (void) {
  return (size_t)((uintptr_t)tl_pack_end - (uintptr_t)tl_pack);
}


static int within (size_t at, size_t len) {
  size_t size = packsize();
  return at <= size && len <= size - at;
}


/* Entries themselves are not looked at: the pack is as much a part of the program as its code. */
static int goodlist (uint32_t at, uint32_t n) {
  return at % sizeof (uint32_t) == 0 && within(at, (size_t)n * sizeof (tl_packentry));
}


const tl_packheader *tl_packopen (const char **why) {
  const tl_packheader *h = (const void *)tl_pack;
  if (pack != NULL) return pack;
  if (packsize() < sizeof *h)
    *why = "this program was built without a model pack; build it with `make`";
  else if (h->magic != TL_PACK_MAGIC || h->version != TL_PACK_VERSION || h->size != packsize())
    *why = "the model pack is of another version than the program; `make clean all` builds both";
  else if (!within(h->dict, h->dictsize)
           || !goodlist(h->services, h->nservices) || !goodlist(h->data, h->ndata))
    *why = "the model pack is damaged; build it again with `make clean all`";
  else
    pack = h;
  return pack;
}


const char *tl_packstr (uint32_t off, size_t *len) {
  uint32_t n;
  memcpy(&n, tl_pack + off, sizeof n);
  *len = n;
  return tl_pack + off + sizeof n;
}


const tl_packentry *tl_packlist (tl_packkind kind, uint32_t *n) {
  *n = kind == TL_PACK_SERVICES ? pack->nservices : pack->ndata;
  return (const void *)(tl_pack + (kind == TL_PACK_SERVICES ? pack->services : pack->data));
}


static int order (const char *a, size_t alen, const char *b, size_t blen) {
  size_t n = alen < blen ? alen : blen;
  for (size_t i = 0; i < n; i++) {
    char x = a[i] == '_' ? '-' : a[i];
    char y = b[i] == '_' ? '-' : b[i];
    if (x != y) return (unsigned char)x < (unsigned char)y ? -1 : 1;
  }
  return alen == blen ? 0 : alen < blen ? -1 : 1;
}


const tl_packentry *tl_packfind (tl_packkind kind, const char *name, size_t len) {
  uint32_t low = 0, high;
  const tl_packentry *list = tl_packlist(kind, &high);
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    size_t elen;
    const char *each = tl_packstr(list[mid].name, &elen);
    int c = order(name, len, each, elen);
    if (c == 0) return &list[mid];
    if (c < 0) high = mid;
    else low = mid + 1;
  }
  return NULL;
}


const char *tl_packplain (const tl_packentry *entry) {
  return entry->packed == entry->size ? tl_pack + entry->at : NULL;
}


int tl_packinflate (const tl_packentry *entry, void *out) {
  const char *plain = tl_packplain(entry);
  ZSTD_DCtx *ctx;
  size_t n;
  if (plain != NULL) {
    memcpy(out, plain, entry->size);
    return 0;
  }
  if ((ctx = ZSTD_createDCtx()) == NULL) return -1;
  n = ZSTD_decompress_usingDict(ctx, out, entry->size, tl_pack + entry->at, entry->packed,
                                tl_pack + pack->dict, pack->dictsize);
  ZSTD_freeDCtx(ctx);
  return !ZSTD_isError(n) && n == entry->size ? 0 : -1;
}

/* pack.h -- the model pack that is linked into the program, as host/pack.lua writes it. */
#ifndef TL_PACK_H
#define TL_PACK_H

#include <stddef.h>
#include <stdint.h>

/*
** A header, two directories of fixed records sorted by name (services, then
** data files), strings, a dictionary shared by all, and one zstd frame an
** entry, or the bytes themselves where `packed` is `size`. All numbers are
** little-endian u32. A string is the offset in the pack of its u32 length, its
** bytes and a NUL. Only the directory and the frame in use are ever read, so
** only their pages come from disk.
*/
#define TL_PACK_MAGIC 0x504c4454u  /* "TDLP" */
#define TL_PACK_VERSION 1u

typedef struct tl_packentry {
  uint32_t name;
  uint32_t at, packed, size;       /* the frame, and how long it is once inflated */
  uint32_t nops;                   /* services only, as all below */
  uint32_t serviceid, fullname, endpointprefix, signingname, apiversion, protocol;
} tl_packentry;

typedef struct tl_packheader {
  uint32_t magic, version, size;
  uint32_t botocore;               /* string: the version of the data */
  uint32_t nservices, services;
  uint32_t ndata, data;
  uint32_t dict, dictsize;
} tl_packheader;

typedef enum tl_packkind { TL_PACK_SERVICES, TL_PACK_DATA } tl_packkind;

/* The linked pack's header, its directory checked; or NULL and the reason in `*why`. */
const tl_packheader *tl_packopen (const char **why);

/* The bytes of a string of the pack, and its length in `*len`. */
const char *tl_packstr (uint32_t off, size_t *len);

/* The entries of one kind and their number. */
const tl_packentry *tl_packlist (tl_packkind kind, uint32_t *n);

/* The entry of that name ('_' and '-' are one), or NULL. */
const tl_packentry *tl_packfind (tl_packkind kind, const char *name, size_t len);

/* The bytes of an entry that is not compressed, aligned to 8; or NULL. */
const char *tl_packplain (const tl_packentry *entry);

/* Inflates an entry into `out`, of `size` bytes. Returns 0, or -1: no memory, or a damaged pack. */
int tl_packinflate (const tl_packentry *entry, void *out);

#endif

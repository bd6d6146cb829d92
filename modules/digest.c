/* digest.c -- tidelock.digest: hashes, checksums, hex and base64, random bytes. */
#include "armor.h"
#include "crc.h"
#include "fail.h"
#include "modules.h"
#include "ossl.h"
#include "secret.h"
#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define DIGESTS "tidelock.digests"
#define DIGEST  "tidelock.digest"

#define FILECHUNK  ((size_t)64 * 1024)
#define MAXRANDOM  ((lua_Integer)1024 * 1024)

enum { AS_MD5, AS_SHA1, AS_SHA256, AS_SHA384, AS_SHA512, HASHES };

static const char *const names[] = {           /* the hashes, then the checksums of crc.h */
  "md5", "sha1", "sha256", "sha384", "sha512", "crc32", "crc32c", "crc64nvme", NULL
};

/* Finding an algorithm takes OpenSSL longer than hashing with it: each is found once. */
typedef struct digests {
  EVP_MD *md[HASHES];
  EVP_MD_CTX *ctx;
} digests;

typedef struct digest {         /* one that is fed piece by piece */
  int kind, done;
  uint64_t crc;
  EVP_MD_CTX *ctx;
} digest;


static int digests_gc (lua_State *L) {
  digests *d = luaL_checkudata(L, 1, DIGESTS);
  int i;
  for (i = 0; i < HASHES; i++) EVP_MD_free(d->md[i]);
  EVP_MD_CTX_free(d->ctx);
  *d = (digests){0};
  return 0;
}


static EVP_MD *find (lua_State *L, int kind) {
  digests *d = lua_touserdata(L, lua_upvalueindex(1));
  if (!tl_osslready()) luaL_error(L, "not enough memory");
  if (d->md[kind] == NULL) d->md[kind] = EVP_MD_fetch(NULL, names[kind], NULL);
  if (d->md[kind] == NULL)
    luaL_error(L, "OpenSSL has no %s here: its configuration (openssl.cnf, or FIPS mode) leaves "
                  "it out; allow it there", names[kind]);
  return d->md[kind];
}


static int hash (lua_State *L, int kind) {
  digests *d = lua_touserdata(L, lua_upvalueindex(1));
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size;
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  EVP_MD *md = find(L, kind);
  if (d->ctx == NULL) d->ctx = EVP_MD_CTX_new();
  if (d->ctx == NULL || !EVP_DigestInit_ex2(d->ctx, md, NULL) ||
      !EVP_DigestUpdate(d->ctx, s, n) || !EVP_DigestFinal_ex(d->ctx, out, &size))
    return luaL_error(L, "OpenSSL could not compute a %s: not enough memory", names[kind]);
  lua_pushlstring(L, (const char *)out, size);
  return 1;
}

static int l_md5 (lua_State *L) { return hash(L, AS_MD5); }
static int l_sha1 (lua_State *L) { return hash(L, AS_SHA1); }
static int l_sha384 (lua_State *L) { return hash(L, AS_SHA384); }
static int l_sha512 (lua_State *L) { return hash(L, AS_SHA512); }


static int l_sha256 (lua_State *L) {
  unsigned char out[SHA256_DIGEST_LENGTH];
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  tl_sha256(s, n, out);
  lua_pushlstring(L, (const char *)out, sizeof out);
  return 1;
}


static int l_hmac_sha256 (lua_State *L) {
  unsigned char out[SHA256_DIGEST_LENGTH];
  tl_hmac h;
  size_t nk, n;
  const char *key = tl_tosecret(L, 1, &nk), *s = luaL_checklstring(L, 2, &n);
  luaL_argexpected(L, key != NULL, 1, "string or secret");
  tl_hmackey(&h, "", key, nk);
  tl_hmac256(&h, s, n, out);
  OPENSSL_cleanse(&h, sizeof h);
  lua_pushlstring(L, (const char *)out, sizeof out);
  return 1;
}


static int pushcrc (lua_State *L, tl_crckind kind, uint64_t crc) {
  unsigned char out[8];
  tl_crcbytes(kind, crc, out);
  lua_pushlstring(L, (const char *)out, tl_crcsize(kind));
  return 1;
}


static int checksum (lua_State *L, tl_crckind kind) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  return pushcrc(L, kind, tl_crc(kind, 0, s, n));
}

static int l_crc32 (lua_State *L) { return checksum(L, TL_CRC32); }
static int l_crc32c (lua_State *L) { return checksum(L, TL_CRC32C); }
static int l_crc64nvme (lua_State *L) { return checksum(L, TL_CRC64NVME); }


/* No Lua between open and close, so nothing can raise past the descriptor. */
static int sha256_of_file (const char *path, unsigned char *chunk, EVP_MD_CTX *ctx) {
  int why = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n;
  if (fd < 0) return errno;
  while ((n = read(fd, chunk, FILECHUNK)) != 0) {
    if (n > 0) EVP_DigestUpdate(ctx, chunk, (size_t)n);
    else if (errno != EINTR) { why = errno; break; }
  }
  close(fd);
  return why;
}


static int l_sha256_file (lua_State *L) {
  digests *d = lua_touserdata(L, lua_upvalueindex(1));
  unsigned char out[SHA256_DIGEST_LENGTH];
  size_t n;
  const char *path = luaL_checklstring(L, 1, &n);
  EVP_MD *md = find(L, AS_SHA256);
  unsigned char *chunk = lua_newuserdatauv(L, FILECHUNK, 0);
  int why;
  luaL_argcheck(L, strlen(path) == n, 1, "a path cannot hold a NUL");
  if (d->ctx == NULL) d->ctx = EVP_MD_CTX_new();
  if (d->ctx == NULL || !EVP_DigestInit_ex2(d->ctx, md, NULL))
    return luaL_error(L, "not enough memory");
  why = sha256_of_file(path, chunk, d->ctx);
  if (why != 0)
    return tl_fail(L, "file", "cannot read %s to compute its SHA-256: %s; check the path and that "
                              "you may read it", path, strerror(why));
  EVP_DigestFinal_ex(d->ctx, out, NULL);
  lua_pushlstring(L, (const char *)out, sizeof out);
  return 1;
}


static int l_hex (lua_State *L) {
  luaL_Buffer b;
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, n <= LUA_MAXINTEGER / 2, 1, "too long");
  tl_hex(luaL_buffinitsize(L, &b, 2 * n), s, n);
  luaL_pushresultsize(&b, 2 * n);
  return 1;
}


static int l_unhex (lua_State *L) {
  luaL_Buffer b;
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  if (!tl_unhex(luaL_buffinitsize(L, &b, n / 2), s, n))
    return tl_fail(L, "hex", "this is not hexadecimal: two digits 0-9 or a-f for each byte and "
                             "nothing else are wanted, in %I characters", (LUAI_UACINT)n);
  luaL_pushresultsize(&b, n / 2);
  return 1;
}


static int l_base64 (lua_State *L) {
  luaL_Buffer b;
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, n <= LUA_MAXINTEGER / 2, 1, "too long");
  tl_base64(luaL_buffinitsize(L, &b, TL_BASE64LEN(n)), s, n);
  luaL_pushresultsize(&b, TL_BASE64LEN(n));
  return 1;
}


static int l_unbase64 (lua_State *L) {
  luaL_Buffer b;
  size_t n, len;
  const char *s = luaL_checklstring(L, 1, &n);
  if (!tl_unbase64(luaL_buffinitsize(L, &b, TL_UNBASE64LEN(n)), s, n, &len))
    return tl_fail(L, "base64", "this is not base64: groups of four of A-Z a-z 0-9 + /, the last "
                                "filled up with =, without white space are wanted, in %I "
                                "characters", (LUAI_UACINT)n);
  luaL_pushresultsize(&b, len);
  return 1;
}


static void randomly (lua_State *L, void *to, size_t n) {
  if (!tl_osslready()) luaL_error(L, "not enough memory");
  if (n > 0 && RAND_bytes(to, (int)n) != 1)
    luaL_error(L, "OpenSSL's random generator failed: the system gives no randomness "
                  "(is /dev/urandom missing in this container?)");
}


static int l_random (lua_State *L) {
  luaL_Buffer b;
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, 0 <= n && n <= MAXRANDOM, 1, "must be between 0 and 1048576 bytes");
  randomly(L, luaL_buffinitsize(L, &b, (size_t)n), (size_t)n);
  luaL_pushresultsize(&b, (size_t)n);
  return 1;
}


static int l_uuid (lua_State *L) {
  static const int groups[] = {4, 2, 2, 2, 6};
  unsigned char bytes[16], *s = bytes;
  char text[36], *to = text;
  int i;
  randomly(L, bytes, sizeof bytes);
  bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);        /* version 4 */
  bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);        /* of RFC 9562 */
  for (i = 0; i < 5; i++) {
    if (i > 0) *to++ = '-';
    tl_hex(to, s, (size_t)groups[i]);
    to += 2 * groups[i];
    s += groups[i];
  }
  lua_pushlstring(L, text, sizeof text);
  return 1;
}


static digest *check (lua_State *L) {
  digest *d = luaL_checkudata(L, 1, DIGEST);
  luaL_argcheck(L, !d->done, 1, "digest is finished; make another with digest.new");
  return d;
}


static int digest_update (lua_State *L) {
  digest *d = check(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  if (d->kind >= HASHES) d->crc = tl_crc((tl_crckind)(d->kind - HASHES), d->crc, s, n);
  else EVP_DigestUpdate(d->ctx, s, n);
  lua_settop(L, 1);
  return 1;
}


static int digest_final (lua_State *L) {
  digest *d = check(L);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size;
  d->done = 1;
  if (d->kind >= HASHES) return pushcrc(L, (tl_crckind)(d->kind - HASHES), d->crc);
  EVP_DigestFinal_ex(d->ctx, out, &size);
  lua_pushlstring(L, (const char *)out, size);
  return 1;
}


static int digest_gc (lua_State *L) {
  digest *d = luaL_checkudata(L, 1, DIGEST);
  EVP_MD_CTX_free(d->ctx);
  d->ctx = NULL;
  d->done = 1;
  return 0;
}


static int l_new (lua_State *L) {
  int kind = luaL_checkoption(L, 1, NULL, names);
  EVP_MD *md = kind < HASHES ? find(L, kind) : NULL;
  digest *d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = (digest){.kind = kind};
  luaL_setmetatable(L, DIGEST);
  if (md == NULL) return 1;
  d->ctx = EVP_MD_CTX_new();
  if (d->ctx == NULL || !EVP_DigestInit_ex2(d->ctx, md, NULL))
    return luaL_error(L, "not enough memory");
  return 1;
}

static const luaL_Reg methods[] = {
  {"update", digest_update}, {"final", digest_final}, {NULL, NULL}
};
static const luaL_Reg meta[] = {{"__gc", digest_gc}, {"__close", digest_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {
  {"base64", l_base64}, {"crc32", l_crc32}, {"crc32c", l_crc32c}, {"crc64nvme", l_crc64nvme},
  {"hex", l_hex}, {"hmac_sha256", l_hmac_sha256}, {"md5", l_md5}, {"new", l_new},
  {"random", l_random}, {"sha1", l_sha1}, {"sha256", l_sha256},
  {"sha256_file", l_sha256_file}, {"sha384", l_sha384}, {"sha512", l_sha512},
  {"unbase64", l_unbase64}, {"unhex", l_unhex}, {"uuid", l_uuid}, {NULL, NULL}
};


static void newmetas (lua_State *L) {
  luaL_newmetatable(L, DIGEST);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, DIGESTS);
  lua_pushcfunction(L, digests_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 2);
}


int luaopen_tidelock_digest (lua_State *L) {
  digests *d;
  newmetas(L);
  luaL_newlibtable(L, functions);
  d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = (digests){0};
  luaL_setmetatable(L, DIGESTS);
  luaL_setfuncs(L, functions, 1);
  return 1;
}

/* sigv4sign.c -- from the canonical request to the signature; derived keys are kept. */
#include "sigv4.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "armor.h"

#define HASH SHA256_DIGEST_LENGTH
#define NOMEMORY "not enough memory"
#define LASTTIME 253402300799 /* the last second of 9999, the last year of four digits */


static tl_text text (const tl_buf *b) {
  return (tl_text){b->data ? b->data : "", b->len};
}


static void add (tl_buf *b, tl_text s) {
  tl_bufadd(b, s.s, s.n);
}


void tl_sigclear (tl_sig *s) {
  tl_buf *all[] = {&s->scope, &s->names, &s->canonical, &s->tosign, &s->result, &s->lower,
                   &s->wire, &s->work};
  size_t i;
  memset(s, 0, offsetof(tl_sig, headers));
  for (i = 0; i < sizeof all / sizeof *all; i++) tl_bufclear(all[i]);
  s->headers.n = s->params.n = 0;
  s->headers.failed = s->params.failed = 0;
  s->has_host = s->has_sha = 0;
  s->namebytes = s->siglen = 0;
}


void tl_sigfree (tl_sig *s) {
  tl_buf *all[] = {&s->scope, &s->names, &s->canonical, &s->tosign, &s->result, &s->lower,
                   &s->wire, &s->work};
  size_t i;
  for (i = 0; i < sizeof all / sizeof *all; i++) tl_buffree(all[i]);
  free(s->headers.at);
  free(s->params.at);
  *s = (tl_sig){0};
}


static int failed (const tl_sig *s) {
  return s->scope.failed || s->names.failed || s->canonical.failed || s->tosign.failed ||
         s->result.failed || s->lower.failed || s->wire.failed || s->work.failed ||
         s->headers.failed || s->params.failed;
}


static void digits (char *to, int n, int v) {
  for (; n > 0; v /= 10) to[--n] = (char)('0' + v % 10);
}


/* Days since 1970 to year, month and day: years begin in March, so leap days end them. */
static void civil (int64_t days, char *to) {
  int z = (int)days + 719468;
  int era = z / 146097, doe = z - era * 146097;
  int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  int month = mp < 10 ? mp + 3 : mp - 9;
  digits(to, 4, yoe + era * 400 + (month <= 2));
  digits(to + 4, 2, month);
  digits(to + 6, 2, doy - (153 * mp + 2) / 5 + 1);
}


const char *tl_sigdate (tl_sig *s) {
  int second = (int)(s->time % 86400);
  if (s->time < 0 || s->time > LASTTIME)
    return "the time to sign with is not between 1970 and 9999: check the clock";
  memcpy(s->date, "00000000T000000Z", sizeof s->date);
  civil(s->time / 86400, s->date);
  digits(s->date + 9, 2, second / 3600);
  digits(s->date + 11, 2, second / 60 % 60);
  digits(s->date + 13, 2, second % 60);
  tl_bufclear(&s->scope);
  tl_bufadd(&s->scope, s->date, 8);
  tl_bufchar(&s->scope, '/');
  if (!s->asymmetric) {
    add(&s->scope, s->region);
    tl_bufchar(&s->scope, '/');
  }
  add(&s->scope, s->service);
  tl_bufstr(&s->scope, "/aws4_request");
  return s->scope.failed ? NOMEMORY : NULL;
}


static tl_text algorithm (const tl_sig *s) {
  return s->asymmetric ? TL_TEXT("AWS4-ECDSA-P256-SHA256") : TL_TEXT("AWS4-HMAC-SHA256");
}


static void hash_payload (tl_sig *s) {
  unsigned char hash[HASH];
  if (s->payload.n > 0) return;
  if (s->body.n == 0) {
    s->payload = TL_TEXT(TL_EMPTYHASH);
    return;
  }
  tl_sha256(s->body.s, s->body.n, hash);
  tl_hex(s->bodyhash, hash, HASH);
  s->payload = (tl_text){s->bodyhash, sizeof s->bodyhash};
}


/* The query as it is sent, but for the signature. */
static void compose (tl_sig *s, int token) {
  tl_buf *b = &s->wire;
  tl_bufclear(b);
  if (s->query.n > 0) {
    add(b, s->query);
    tl_bufchar(b, '&');
  }
  tl_bufstr(b, "X-Amz-Algorithm=");
  add(b, algorithm(s));
  tl_bufstr(b, "&X-Amz-Credential=");
  tl_siguri(b, s->keyid, 0);
  tl_bufstr(b, "%2F");
  tl_siguri(b, text(&s->scope), 0);
  tl_bufstr(b, "&X-Amz-Date=");
  tl_bufadd(b, s->date, 16);
  tl_bufstr(b, "&X-Amz-SignedHeaders=");
  tl_siguri(b, text(&s->names), 0);
  tl_bufstr(b, "&X-Amz-Expires=");
  tl_bufint(b, s->expires);
  if (token && s->token.n > 0) {
    tl_bufstr(b, "&X-Amz-Security-Token=");
    tl_siguri(b, s->token, 0);
  }
  if (s->asymmetric) {
    tl_bufstr(b, "&X-Amz-Region-Set=");
    tl_siguri(b, s->region, 0);
  }
}


static void string_to_sign (tl_sig *s) {
  unsigned char hash[HASH];
  char hex[2 * HASH];
  tl_sha256(s->canonical.data, s->canonical.len, hash);
  tl_hex(hex, hash, HASH);
  tl_bufclear(&s->tosign);
  add(&s->tosign, algorithm(s));
  tl_bufchar(&s->tosign, '\n');
  tl_bufadd(&s->tosign, s->date, 16);
  tl_bufchar(&s->tosign, '\n');
  add(&s->tosign, text(&s->scope));
  tl_bufchar(&s->tosign, '\n');
  tl_bufadd(&s->tosign, hex, sizeof hex);
}


static void finish (tl_sig *s) {
  tl_buf *b = &s->result;
  if (s->flags & TL_SIG_QUERY) {
    if (s->flags & TL_SIG_OMITTOKEN) compose(s, 1);
    add(b, text(&s->wire));
    tl_bufstr(b, "&X-Amz-Signature=");
  }
  else {
    add(b, algorithm(s));
    tl_bufstr(b, " Credential=");
    add(b, s->keyid);
    tl_bufchar(b, '/');
    add(b, text(&s->scope));
    tl_bufstr(b, ", SignedHeaders=");
    add(b, text(&s->names));
    tl_bufstr(b, ", Signature=");
  }
  tl_bufadd(b, s->signature, s->siglen);
}


/*
** What a derived key is kept under: a hash of all that it is derived from, the
** secret too, so that a secret rotated under the same id can't meet the old key.
*/
static int identify (tl_sig *s, unsigned char id[HASH]) {
  tl_text parts[] = {s->keyid, s->secret, {s->date, 8}, s->region, s->service};
  size_t i, n = s->asymmetric ? 2 : 5, total = 0;
  char *to;
  for (i = 0; i < n; i++) total += parts[i].n + sizeof(uint32_t);
  tl_bufclear(&s->work);
  to = tl_bufroom(&s->work, total);
  if (to == NULL) return 0;
  for (i = 0; i < n; i++) {
    uint32_t len = (uint32_t)parts[i].n;
    memcpy(to, &len, sizeof len);
    if (parts[i].n > 0) memcpy(to + sizeof len, parts[i].s, parts[i].n);
    to += sizeof len + parts[i].n;
  }
  tl_sha256(to - total, total, id);
  OPENSSL_cleanse(to - total, total);
  return 1;
}


static void derive (const tl_sig *s, tl_hmac *key) {
  tl_text steps[] = {{s->date, 8}, s->region, s->service, TL_TEXT("aws4_request")};
  unsigned char k[HASH];
  int i;
  tl_hmackey(key, "AWS4", s->secret.s, s->secret.n);
  for (i = 0; i < 4; i++) {
    tl_hmac256(key, steps[i].s, steps[i].n, k);
    tl_hmackey(key, "", k, sizeof k);
  }
  OPENSSL_cleanse(k, sizeof k);
}


static const tl_hmac *find (tl_sig *s, tl_sigkeys *keys) {
  unsigned char id[HASH];
  int i, oldest = 0;
  if (!identify(s, id)) return NULL;
  keys->clock++;
  for (i = 0; i < TL_SIGKEYS; i++) {
    if (keys->v4[i].used > 0 && memcmp(keys->v4[i].id, id, HASH) == 0) {
      keys->v4[i].used = keys->clock;
      return &keys->v4[i].key;
    }
    if (keys->v4[i].used < keys->v4[oldest].used) oldest = i;
  }
  memcpy(keys->v4[oldest].id, id, HASH);
  keys->v4[oldest].used = keys->clock;
  derive(s, &keys->v4[oldest].key);
  return &keys->v4[oldest].key;
}


EVP_PKEY *tl_sigafind (tl_sig *s, tl_sigkeys *keys) {
  unsigned char id[HASH];
  int i, oldest = 0;
  EVP_PKEY *key;
  if (!identify(s, id)) return NULL;
  keys->clock++;
  for (i = 0; i < TL_SIGAKEYS; i++) {
    if (keys->v4a[i].used > 0 && memcmp(keys->v4a[i].id, id, HASH) == 0) {
      keys->v4a[i].used = keys->clock;
      return keys->v4a[i].key;
    }
    if (keys->v4a[i].used < keys->v4a[oldest].used) oldest = i;
  }
  key = tl_sigakey(s->keyid, s->secret);
  if (key == NULL) return NULL;
  EVP_PKEY_free(keys->v4a[oldest].key);       /* OpenSSL wipes private keys itself */
  memcpy(keys->v4a[oldest].id, id, HASH);
  keys->v4a[oldest].used = keys->clock;
  keys->v4a[oldest].key = key;
  return key;
}


const char *tl_sigstring (tl_sig *s, tl_sigkeys *keys) {
  unsigned char mac[HASH];
  if (failed(s)) return NOMEMORY;
  if (s->asymmetric) {
    EVP_PKEY *key = tl_sigafind(s, keys);
    if (key == NULL || !tl_sigasign(key, s->tosign.data, s->tosign.len, s->signature, &s->siglen))
      return "OpenSSL could not sign with ECDSA on P-256 (SigV4a): it is out of memory, or its "
             "configuration (openssl.cnf, FIPS mode) forbids the key; try without it";
  }
  else {
    const tl_hmac *key = find(s, keys);
    if (key == NULL) return NOMEMORY;
    tl_hmac256(key, s->tosign.data, s->tosign.len, mac);
    tl_hex(s->signature, mac, HASH);
    s->siglen = 2 * HASH;
  }
  return NULL;
}


const char *tl_sigrun (tl_sig *s, tl_sigkeys *keys) {
  const char *why = tl_sigdate(s);
  if (why != NULL) return why;
  hash_payload(s);
  tl_sigown(s);
  tl_signames(s);
  if (s->flags & TL_SIG_QUERY) compose(s, !(s->flags & TL_SIG_OMITTOKEN));
  if (failed(s)) return NOMEMORY;
  tl_sigcanon(s);
  if (failed(s)) return NOMEMORY;
  string_to_sign(s);
  why = tl_sigstring(s, keys);
  if (why != NULL) return why;
  finish(s);
  return failed(s) ? NOMEMORY : NULL;
}


void tl_sigkeysfree (tl_sigkeys *keys) {
  int i;
  for (i = 0; i < TL_SIGAKEYS; i++) EVP_PKEY_free(keys->v4a[i].key);
  OPENSSL_cleanse(keys, sizeof *keys);
}

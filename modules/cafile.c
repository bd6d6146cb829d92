/*
** cafile.c -- a file of authorities' certificates, looked into instead of loaded.
** OpenSSL takes 20 ms to make objects of the 145 authorities that a system trusts, and
** a handshake asks for one or two. Here the file is read through once, each certificate
** decoded where it lies and walked as far as its subject, which is all that a look-up goes
** by. What is asked for is read again, and OpenSSL reads and verifies it as if it had loaded
** all: names are compared by its own comparison.
*/
#include "cafile.h"

#include "pem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#define BIGGEST (16 * 1024 * 1024)   /* bytes of a file that is looked into */
#define WINDOW (32 * 1024)           /* bytes of it held at once: the longest certificate */
#define BEGIN "-----BEGIN "
#define END "-----END "

typedef const unsigned char bytes;

typedef struct entry {
  uint64_t subject;        /* the hash of its name */
  off_t at;                /* where its letters begin in the file, and how many they are */
  size_t len;
  int trusted;             /* a TRUSTED CERTIFICATE: what it is trusted for follows */
} entry;

struct tl_cafile {
  int users;
  int plain;               /* it was understood whole: it can be looked into */
  int fd;
  char *path;
  struct stat st;
  size_t n, room;
  entry *entries;
};

/* ----- names ----- */

typedef struct item { bytes *at, *end; int tag; } item;


/* The next item of `in`, which moves behind it; 0 at the end, and where it is no DER. */
static int next (item *in, item *out, int tag) {
  long len;
  int class, form;
  if (in->at >= in->end) return 0;
  out->at = in->at;
  form = ASN1_get_object(&out->at, &len, &out->tag, &class, in->end - in->at);
  if ((form & 0x81) != 0 || (tag != 0 && (out->tag != tag || class != V_ASN1_UNIVERSAL))) return 0;
  if ((form & V_ASN1_CONSTRUCTED) == 0 && (tag == V_ASN1_SEQUENCE || tag == V_ASN1_SET)) return 0;
  if ((form & V_ASN1_CONSTRUCTED) != 0 && tag == 0 && class == V_ASN1_UNIVERSAL) return 0;
  in->at = out->end = out->at + len;
  return 1;
}


/*
** The same for all spellings that OpenSSL holds to be one name: capitals, blanks and the
** kind of string make no difference, nor the order within a set.
*/
static uint64_t hashtext (const item *text) {
  size_t width = text->tag == V_ASN1_BMPSTRING ? 2 : text->tag == V_ASN1_UNIVERSALSTRING ? 4 : 1;
  uint64_t h = 14695981039346656037u;
  for (bytes *s = text->at; (size_t)(text->end - s) >= width; s += width) {
    uint32_t c = 0;
    for (size_t i = 0; i < width; i++) c = c << 8 | s[i];
    if (c <= ' ' || c > '~') continue;
    h = (h ^ (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c)) * 1099511628211u;
  }
  return h;
}


/*
** `name` is what is in a Name's sequence. Its last part tells names apart well enough: what
** hashes alike by chance is compared.
*/
static int hashname (item name, uint64_t *hash) {
  item set = {NULL, NULL, 0}, pair, id, text;
  *hash = 0;
  while (next(&name, &set, V_ASN1_SET)) continue;
  while (next(&set, &pair, V_ASN1_SEQUENCE)) {
    if (!next(&pair, &id, V_ASN1_OBJECT) || !next(&pair, &text, 0)) return 0;
    *hash += hashtext(&text);
  }
  return name.at == name.end;
}


/* TBSCertificate: version, if it is given, number, algorithm, issuer, validity, subject. */
static int hashsubject (item file, int trusted, uint64_t *hash) {
  item cert, tbs, skipped;
  if (!next(&file, &cert, V_ASN1_SEQUENCE) || (!trusted && file.at != file.end)
      || !next(&cert, &tbs, V_ASN1_SEQUENCE)) return 0;
  if (tbs.at < tbs.end && *tbs.at == 0xa0 && !next(&tbs, &skipped, 0)) return 0;
  return next(&tbs, &skipped, V_ASN1_INTEGER) && next(&tbs, &skipped, V_ASN1_SEQUENCE)
         && next(&tbs, &skipped, V_ASN1_SEQUENCE) && next(&tbs, &skipped, V_ASN1_SEQUENCE)
         && next(&tbs, &skipped, V_ASN1_SEQUENCE) && hashname(skipped, hash);
}

/* ----- the file ----- */

/* A part of the file, of which the first byte is at `at`. */
typedef struct window { char *text; size_t len; off_t at; int last; } window;


/* The certificate whose letters, `len` of them, begin at `s`: they are overwritten. */
static int add (tl_cafile *f, const window *w, char *s, size_t len, int trusted) {
  unsigned char *der = (unsigned char *)s;
  long n = tl_pemdecode(s, len);
  item all = {der, der + (n > 0 ? n : 0), 0};
  entry *e;
  if (n <= 0) return 0;
  if (f->n == f->room) {
    size_t room = f->room ? f->room * 2 : 64;
    if ((e = realloc(f->entries, room * sizeof *e)) == NULL) return 0;
    f->entries = e;
    f->room = room;
  }
  e = &f->entries[f->n++];
  *e = (entry){0, w->at + (s - w->text), len, trusted};
  return hashsubject(all, trusted, &e->subject);
}


static int starts (const char *s, const char *end, const char *with) {
  return (size_t)(end - s) >= strlen(with) && memcmp(s, with, strlen(with)) == 0;
}


/*
** One block, whose label is at `s`; where it ends. NULL if it is no plain certificate, or
** not in the window whole, which `*cut` tells.
*/
static char *block (tl_cafile *f, const window *w, char *s, int *cut) {
  static const char *const labels[] = {
    "CERTIFICATE-----", "X509 CERTIFICATE-----", "TRUSTED CERTIFICATE-----"
  };
  const char *end = w->text + w->len;
  char *body, *stop;
  int kind = 0;
  *cut = !w->last;
  while (kind < 3 && !starts(s, end, labels[kind])) kind++;
  if (kind == 3) {
    *cut = *cut && (size_t)(end - s) < strlen(labels[2]);
    return NULL;
  }
  body = s + strlen(labels[kind]);
  stop = memchr(body, '-', (size_t)(end - body));
  if (stop == NULL || (size_t)(end - stop) < strlen(END) + strlen(labels[kind])) return NULL;
  *cut = 0;
  if (!starts(stop, end, END) || !starts(stop + strlen(END), end, labels[kind])) return NULL;
  if (!add(f, w, body, (size_t)(stop - body), kind == 2)) return NULL;
  return stop + strlen(END) + strlen(labels[kind]);
}


/*
** Text around the blocks is nobody's, and so is a BEGIN in the middle of a line. Returns
** how much of the window is done with, or -1 where the file can't be looked into.
*/
static long lookthrough (tl_cafile *f, const window *w) {
  char *s = w->text, *end = w->text + w->len;
  int cut = 0;
  while ((s = memmem(s, (size_t)(end - s), BEGIN, strlen(BEGIN))) != NULL) {
    char *begin = s;
    int inside = s > w->text && s[-1] != '\n' && s[-1] != '\r';
    s += strlen(BEGIN);
    if (!inside && (s = block(f, w, s, &cut)) == NULL)
      return cut ? begin - w->text : -1;
  }
  return w->len > strlen(BEGIN) ? (long)(w->len - strlen(BEGIN)) : 0;
}


/* The window's next part, behind what is kept of it: `done` bytes are not. */
static int slide (int fd, window *w, size_t done) {
  ssize_t n;
  memmove(w->text, w->text + done, w->len - done);
  w->len -= done;
  w->at += (off_t)done;
  if (w->len == WINDOW) return 0;      /* a certificate that is longer than the window */
  do n = read(fd, w->text + w->len, WINDOW - w->len); while (n < 0 && errno == EINTR);
  if (n < 0) return 0;
  w->len += (size_t)n;
  w->last = n == 0;
  return 1;
}


static int load (tl_cafile *f) {
  window w = {malloc(WINDOW), 0, 0, 0};
  long done = 0;
  f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
  while (w.text != NULL && f->fd >= 0 && done >= 0 && !w.last)
    done = slide(f->fd, &w, (size_t)done) ? lookthrough(f, &w) : -1;
  free(w.text);
  return w.last && done >= 0 && f->n > 0;
}

/* ----- look-ups ----- */

/* Read anew from the file, which the name, compared after, tells from another one. */
static X509 *parse (const tl_cafile *f, const entry *e) {
  char *text = malloc(e->len);
  int whole = text != NULL && pread(f->fd, text, e->len, e->at) == (ssize_t)e->len;
  long n = whole ? tl_pemdecode(text, e->len) : -1;
  bytes *at = (bytes *)text;
  X509 *cert = NULL;
  if (n > 0) cert = e->trusted ? d2i_X509_AUX(NULL, &at, n) : d2i_X509(NULL, &at, n);
  free(text);
  return cert;
}


static X509 *candidate (const tl_cafile *f, const entry *e, const X509_NAME *name) {
  X509 *cert = parse(f, e);
  if (cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), name) == 0) return cert;
  X509_free(cert);
  return NULL;
}


/*
** All certificates of this name go into the store, which chooses among them; the answer
** is one that the store holds, without a reference of its own.
*/
static int bysubject (X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
                      X509_OBJECT *found) {
  const tl_cafile *f = X509_LOOKUP_get_method_data(lookup);
  item all = {NULL, NULL, 0}, inner;
  uint64_t hash;
  size_t len;
  int n = 0;
  if (type != X509_LU_X509 || !X509_NAME_get0_der(name, &all.at, &len)) return 0;
  all.end = all.at + len;
  if (!next(&all, &inner, V_ASN1_SEQUENCE) || !hashname(inner, &hash)) return 0;
  for (size_t i = 0; i < f->n; i++) {
    X509 *cert = f->entries[i].subject == hash ? candidate(f, &f->entries[i], name) : NULL;
    if (cert == NULL) continue;
    if (!X509_STORE_add_cert(X509_LOOKUP_get_store(lookup), cert)
        || (n++ == 0 && !X509_OBJECT_set1_X509(found, cert))) {
      X509_free(cert);
      return -1;
    }
    if (n == 1) X509_free(cert);      /* the reference of `found` */
    X509_free(cert);
  }
  return n > 0;
}


static void forget (X509_LOOKUP *lookup) {
  tl_cafile_close(X509_LOOKUP_get_method_data(lookup));
}


static X509_LOOKUP_METHOD *method (void) {
  static X509_LOOKUP_METHOD *made;
  if (made != NULL || (made = X509_LOOKUP_meth_new("tidelock: a file of authorities")) == NULL)
    return made;
  X509_LOOKUP_meth_set_get_by_subject(made, bysubject);
  X509_LOOKUP_meth_set_free(made, forget);
  return made;
}

/* ----- for http ----- */

void tl_cafile_close (tl_cafile *f) {
  if (f == NULL || --f->users > 0) return;
  if (f->fd >= 0) close(f->fd);
  free(f->path);
  free(f->entries);
  free(f);
}


static int same (const tl_cafile *f, const char *path, const struct stat *st) {
  return strcmp(f->path, path) == 0 && f->st.st_ino == st->st_ino && f->st.st_size == st->st_size
         && f->st.st_mtim.tv_sec == st->st_mtim.tv_sec
         && f->st.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}


tl_cafile *tl_cafile_open (tl_cafile *old, const char *path) {
  struct stat st;
  int good = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= BIGGEST;
  tl_cafile *f;
  if (good && old != NULL && same(old, path, &st)) return old;
  tl_cafile_close(old);
  if (!good || (f = calloc(1, sizeof *f)) == NULL) return NULL;
  f->users = 1;
  f->fd = -1;
  f->st = st;
  f->path = strdup(path);
  f->plain = f->path != NULL && load(f);
  if (!f->plain) ERR_clear_error();
  if (f->path != NULL) return f;
  tl_cafile_close(f);
  return NULL;
}


int tl_cafile_plain (const tl_cafile *f) {
  return f != NULL && f->plain;
}


tl_cafile *tl_cafile_keep (tl_cafile *f) {
  f->users++;
  return f;
}


int tl_cafile_use (tl_cafile *f, SSL_CTX *ctx) {
  X509_LOOKUP_METHOD *how = method();
  X509_LOOKUP *lookup = how ? X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), how) : NULL;
  if (lookup == NULL) return 0;
  if (X509_LOOKUP_get_method_data(lookup) == f) return 1;
  if (!X509_LOOKUP_set_method_data(lookup, f)) return 0;
  tl_cafile_keep(f);
  return 1;
}

/* redis_tls.c -- a TLS client that checks the certificate and the name in it. */
#include "redis.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cafile.h"
#include "ossl.h"
#include "trust.h"

/* A file is looked into where it can be; the context keeps it. */
static int loadfile (SSL_CTX *ctx, const char *path) {
  tl_cafile *f = tl_cafile_open(NULL, path);
  int plain = tl_cafile_plain(f), ok = plain && tl_cafile_use(f, ctx);
  tl_cafile_close(f);
  return plain ? ok : SSL_CTX_load_verify_locations(ctx, path, NULL) == 1;
}


static int loadtrust (SSL_CTX *ctx, const char *ca) {
  struct stat st;
  int folder = 0;
  if (ca == NULL) ca = tl_trust(&folder);
  else folder = stat(ca, &st) == 0 && S_ISDIR(st.st_mode);
  if (ca == NULL) return 0;
  return folder ? SSL_CTX_load_verify_locations(ctx, NULL, ca) == 1 : loadfile(ctx, ca);
}


/* Why, in OpenSSL's words, which are loaded now; and they are forgotten. */
static const char *lastreason (void) {
  unsigned long number = ERR_peek_last_error();
  tl_osslwords();
  ERR_clear_error();
  return ERR_reason_error_string(number);
}


static int loadown (SSL_CTX *ctx, const tl_linkoptions *o) {
  if (o->cert == NULL) return 1;
  return SSL_CTX_use_certificate_chain_file(ctx, o->cert) == 1
         && SSL_CTX_use_PrivateKey_file(ctx, o->key ? o->key : o->cert, SSL_FILETYPE_PEM) == 1;
}


/* An address goes by its own check, and is no server name to ask for. */
static int setname (SSL *ssl, const char *name) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) return 1;
  return SSL_set_tlsext_host_name(ssl, name) == 1
         && X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}


static const char *setup (SSL_CTX *ctx, const tl_linkoptions *o) {
  if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) return "TLS 1.2 is not available";
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (o->verify && !loadtrust(ctx, o->ca)) return o->ca ? o->ca : "the system has no certificates";
  if (!loadown(ctx, o)) return o->key ? o->key : o->cert;
  SSL_CTX_set_verify(ctx, o->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
  return NULL;
}


SSL *tl_tls_new (const tl_linkoptions *o, char *detail, size_t size) {
  const char *name = o->name ? o->name : o->host, *wrong;
  SSL_CTX *ctx;
  SSL *ssl;
  tl_ossltls();
  ctx = SSL_CTX_new(TLS_client_method());
  wrong = ctx ? setup(ctx, o) : "no memory";
  ssl = wrong == NULL ? SSL_new(ctx) : NULL;
  if (ssl != NULL && name != NULL && !setname(ssl, name)) {
    SSL_free(ssl);
    ssl = NULL;
    wrong = name;
  }
  if (ssl == NULL) {
    const char *reason = lastreason();
    snprintf(detail, size, "%s: %s", wrong ? wrong : "no memory",
             reason ? reason : "can't be used");
  }
  ERR_clear_error();
  SSL_CTX_free(ctx);       /* the SSL keeps its own reference */
  return ssl;
}


void tl_tls_why (SSL *ssl, char *detail, size_t size) {
  long verified = SSL_get_verify_result(ssl);
  const char *reason = lastreason();
  if (verified != X509_V_OK) reason = X509_verify_cert_error_string(verified);
  snprintf(detail, size, "%s", reason ? reason : "the server closed the connection");
}

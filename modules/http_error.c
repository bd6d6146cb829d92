/* http_error.c -- why a transfer failed: a code, and a sentence without the query or headers. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <openssl/err.h>

#include "fail.h"
#include "ossl.h"

typedef struct verdict {
  const char *code, *why, *next;   /* a NULL why is libcurl's own text */
} verdict;

#define CHECK_HOST "check the host's spelling, and that this machine can resolve names"
#define CHECK_CA \
  "if its certificate comes from a CA of your own, name that CA's file (AWS_CA_BUNDLE)"
#define PROXY "(HTTPS_PROXY, HTTP_PROXY)"
#define CHECK_PROXY "check the proxy " PROXY
#define PASSWORD "put the right ones into its URL " PROXY ", as http://USER:PASSWORD@HOST:PORT"
#define CHECK_SERVER "check that this is the server you meant"
#define CHECK_CLIENT "check the client certificate and its key (options cert and key)"
#define AGAIN "it may or may not have been done: look before you send it again"
#define UNSENT "nothing was sent: try again"

static const struct { tl_httpwhy why; verdict verdict; } ours[] = {
  {TL_HTTP_BIG_BODY, {"too_large", "the answer is longer than max_body allows",
                      "raise max_body, or take it to a file"}},
  {TL_HTTP_BIG_HEADERS, {"too_large", "the answer's headers are longer than max_headers allows",
                         CHECK_SERVER}},
  {TL_HTTP_QUIET, {"timeout", "nothing came for as long as read_timeout allows",
                   "raise read_timeout if the answer may take longer"}},
  {TL_HTTP_READ, {"file", "the body's file can't be read", "check its name and permissions"}},
  {TL_HTTP_SHRUNK, {"file", "the body's file is shorter than the length to send",
                    "send it when nothing writes to it"}},
  {TL_HTTP_WRITE, {"file", "the answer can't be written to its file",
                   "check its folder, its permissions and the space left"}},
  {TL_HTTP_DENIED, {"proxy", "the proxy wants a user and a password (407)", PASSWORD}},
  {TL_HTTP_STOPPED, {"closed", "who sent the body gave up before its end", AGAIN}},
  {TL_HTTP_RESENT, {"closed", "the server closed the kept connection without an answer", AGAIN}},
};

/* A kept connection took the request, and libcurl found nobody to send it to once more. */
static const verdict swallowed = {
  "closed", "the server closed the kept connection without an answer, and takes no other", AGAIN
};

static const struct { CURLcode code; verdict verdict; } curls[] = {
  {CURLE_COULDNT_RESOLVE_HOST, {"dns", "the host name has no address", CHECK_HOST}},
  {CURLE_COULDNT_RESOLVE_PROXY, {"proxy", "the proxy's name has no address",
                                 CHECK_PROXY}},
  {CURLE_PROXY, {"proxy", "the proxy refused", CHECK_PROXY}},
  {CURLE_GOT_NOTHING, {"closed", "the server closed the connection without an answer", AGAIN}},
  {CURLE_PARTIAL_FILE, {"closed", "the answer was cut short", "what came of it was thrown away"}},
  {CURLE_RECV_ERROR, {"closed", "the connection broke before the answer was whole", AGAIN}},
  {CURLE_HTTP2, {"closed", "the HTTP/2 connection broke", AGAIN}},
  {CURLE_HTTP2_STREAM, {"closed", "the server broke the answer off", AGAIN}},
  {CURLE_SEND_ERROR, {"closed", "the connection broke while the request was sent", AGAIN}},
  {CURLE_SEND_FAIL_REWIND, {"closed", "the connection broke while the request was sent", AGAIN}},
  {CURLE_FILESIZE_EXCEEDED, {"too_large", "the answer is longer than max_body allows",
                             "raise max_body, or take it to a file"}},
  {CURLE_PEER_FAILED_VERIFICATION, {"tls", NULL, CHECK_CA}},
  {CURLE_SSL_CACERT_BADFILE, {"tls", "the CA file can't be read", "check its name and contents"}},
  {CURLE_SSL_CONNECT_ERROR, {"tls", NULL, "check that the port speaks TLS 1.2 or later"}},
  {CURLE_SSL_CERTPROBLEM, {"tls", "the client certificate can't be used", CHECK_CLIENT}},
  {CURLE_SSL_CLIENTCERT, {"tls", "the server wants a client certificate", CHECK_CLIENT}},
  {CURLE_SSL_CIPHER, {"tls", NULL, "the server is too old, or too strict"}},
  {CURLE_UNSUPPORTED_PROTOCOL, {"protocol", "what answers there does not speak HTTP",
                                CHECK_SERVER}},
  {CURLE_WEIRD_SERVER_REPLY, {"protocol", "what answers there does not speak HTTP", CHECK_SERVER}},
  {CURLE_BAD_CONTENT_ENCODING, {"protocol", "the answer can't be decompressed",
                                "check what stands between here and the server"}},
};

static const verdict unknown = {"protocol", NULL, CHECK_SERVER};


/* The proxy's URL without the scheme, user and password in it. */
static const char *proxyhost (const char *proxy) {
  const char *at = strrchr(proxy, '@'), *scheme = strstr(proxy, "://");
  return at ? at + 1 : scheme ? scheme + 3 : proxy;
}


static int says (const tl_transfer *t, const char *text) {
  return strstr(t->detail, text) != NULL;
}


/* OpenSSL's words are not loaded until now: libcurl could give the error's number only. */
static void putinwords (tl_transfer *t) {
  const char *at = strstr(t->detail, "error:");
  unsigned long number = at != NULL ? strtoul(at + strlen("error:"), NULL, 16) : 0;
  const char *reason;
  if (number == 0) return;
  tl_osslwords();
  reason = ERR_reason_error_string(number);
  if (reason != NULL) snprintf(t->detail, sizeof t->detail, "%s", reason);
}


/* libcurl says "Failed to connect to HOST port N", whichever of the two it is. */
static void connectfailed (tl_transfer *t, verdict *v) {
  const char *to = strstr(t->detail, "connect to "), *proxy = t->options.proxy;
  if (t->attempts > 0) { *v = swallowed; return; }
  *v = (verdict){"connect", "can't connect", "check host and port, and that the service is up"};
  if (says(t, "Unsupported proxy scheme"))
    *v = (verdict){"proxy", "there is no such kind of proxy",
                   "begin its URL " PROXY " with http:// or https://"};
  if (to == NULL || proxy == NULL) return;
  to += strlen("connect to ");
  if (strncmp(to, proxyhost(proxy), strcspn(to, " ")) == 0)
    *v = (verdict){"proxy", "can't connect to the proxy", CHECK_PROXY};
}


/* The peer took the connection, and then said nothing. */
static void handshakefailed (tl_transfer *t, verdict *v) {
  const char *proxy = t->options.proxy;
  *v = (verdict){"timeout", "connected, but what answers there did not complete the handshake",
                 "check that the port speaks TLS"};
  if (proxy != NULL && strncmp(proxy, "https:", 6) == 0)
    v->next = "check that the port speaks TLS; most proxies do not: their URLs begin with http://";
}


/* Whether a proxy was asked for a tunnel: nothing else goes out before the request. */
static int tunnelling (const tl_transfer *t) {
  long asked = 0;
  curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &asked);
  return t->attempts == 0 && asked > 0;
}


/* The same libcurl code serves two clocks; whether it ever sent tells them apart. */
static void timedout (tl_transfer *t, verdict *v) {
  *v = (verdict){"timeout", "the answer was not whole within the timeout",
                 "raise timeout, or look why the server is slow"};
  if (t->attempts > 0) return;
  *v = (verdict){"timeout", "no connection within connect_timeout",
                 "check host, port, routes and firewalls (a security group drops in silence)"};
  if (says(t, "Resolving"))
    *v = (verdict){"dns", "the name was not resolved within connect_timeout", CHECK_HOST};
  else if (says(t, "SSL")) handshakefailed(t, v);
  else if (tunnelling(t))
    *v = (verdict){"timeout", "the proxy made no connection within connect_timeout",
                   "check that it may reach this host, or name the host in NO_PROXY"};
}


static void tunnelfailed (tl_transfer *t, verdict *v) {
  *v = (verdict){"connect", "the proxy can't reach the host",
                 "check the host's spelling, and the proxy"};
  if (t->tunnel == 407)
    *v = (verdict){"proxy", "the proxy wants a user and a password (407)", PASSWORD};
  else if (t->tunnel / 100 == 4)
    *v = (verdict){"proxy", "the proxy refuses to connect",
                   "have it allow this host, or name the host in NO_PROXY"};
}


/* Before the request went out nobody can have done it. */
static void brokeearly (tl_transfer *t, verdict *v) {
  v->next = UNSENT;
  if (!tunnelling(t)) return;
  *v = (verdict){"connect", "the proxy closed the connection without an answer", CHECK_PROXY};
}


/* Through a proxy's own TLS libcurl loses the reason, which may be the server's certificate. */
static void brokeinhandshake (tl_transfer *t, verdict *v) {
  const char *proxy = t->options.proxy;
  *v = (verdict){"closed", "the connection broke in the TLS handshake",
                 "check that the port speaks TLS 1.2 or later, and try again"};
  if (proxy != NULL && strncmp(proxy, "https:", 6) == 0)
    *v = (verdict){"tls", "the TLS handshake through the proxy failed", CHECK_CA};
}


/* In TLS 1.3 a server looks at the client's certificate after the client thinks all is well. */
static void wantscertificate (verdict *v) {
  *v = (verdict){"tls", "the server wants a client certificate, or another one", CHECK_CLIENT};
}


/* Of the two that may show a certificate. */
static int proxydistrusted (const tl_transfer *t) {
  const char *proxy = t->options.proxy;
  long wrong = 0;
  if (t->code != CURLE_PEER_FAILED_VERIFICATION || proxy == NULL) return 0;
  curl_easy_getinfo(t->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &wrong);
  return wrong != 0 && strncmp(proxy, "https:", 6) == 0;
}


static verdict judge (tl_transfer *t) {
  verdict v = unknown;
  size_t i;
  putinwords(t);
  for (i = 0; i < sizeof ours / sizeof *ours; i++)
    if (ours[i].why == t->why) return ours[i].verdict;
  for (i = 0; i < sizeof curls / sizeof *curls; i++)
    if (curls[i].code == t->code) v = curls[i].verdict;
  if (t->code == CURLE_COULDNT_CONNECT) connectfailed(t, &v);
  else if (t->code == CURLE_OPERATION_TIMEDOUT) timedout(t, &v);
  else if (t->tunnel != 0 && t->tunnel / 100 != 2) tunnelfailed(t, &v);
  else if (proxydistrusted(t))
    v = (verdict){"proxy", "the proxy's certificate is not accepted", CHECK_CA};
  else if (says(t, "alert") && says(t, "certificate")) wantscertificate(&v);
  else if (says(t, "Unsupported proxy syntax"))
    v = (verdict){"proxy", "the proxy's URL can't be read",
                  "write it " PROXY " as http://HOST:PORT"};
  else if (says(t, "SSL_connect: SSL_ERROR_SYSCALL")) brokeinhandshake(t, &v);
  else if (says(t, "chunk")) v = unknown;
  else if (t->code == CURLE_PARTIAL_FILE && t->status == 0)
    v = (verdict){"closed", "the connection broke before an answer came", AGAIN};
  else if (strcmp(v.code, "closed") == 0 && t->attempts == 0) brokeearly(t, &v);
  return v;
}


/* What the system or libcurl adds, in brackets; a path, where a file is the matter. */
static void pushdetail (lua_State *L, tl_transfer *t, const verdict *v) {
  const char *file = t->why == TL_HTTP_WRITE ? t->options.to : t->path;
  const char *proxied = strstr(v->why, "proxy") != NULL ? t->options.proxy : NULL;
  if (strcmp(v->code, "file") == 0)
    lua_pushfstring(L, " (%s%s%s)", file, t->oserror ? ": " : "",
                    t->oserror ? strerror(t->oserror) : "");
  else if (t->code == CURLE_SSL_CACERT_BADFILE && t->options.ca != NULL)
    lua_pushfstring(L, " (%s)", t->options.ca);
  else if (t->code == CURLE_SSL_CERTPROBLEM && t->options.cert != NULL)
    lua_pushfstring(L, " (%s)", t->options.cert);
  else if (proxied != NULL) lua_pushfstring(L, " (%s)", proxyhost(proxied));
  else if (strcmp(v->code, "connect") == 0 && t->oserror != 0)
    lua_pushfstring(L, " (%s)", strerror(t->oserror));
  else if (strcmp(v->code, "closed") == 0 && t->why == TL_HTTP_NONE && t->detail[0] != '\0'
           && !says(t, "SYSCALL"))
    lua_pushfstring(L, " (%s)", t->detail);
  else lua_pushliteral(L, "");
}


/*
** Nil and {code, message, remedy, sent}: what to do next stands at the end of the message,
** and by itself. `sent` is false where the request certainly did not leave: only then is
** sending again sure not to do it twice.
*/
int tl_transfer_fail (lua_State *L, tl_transfer *t) {
  verdict v = judge(t);
  const char *detail, *origin;
  luaL_checkstack(L, 8, "error object");
  if (t->why == TL_HTTP_MEMORY || t->code == CURLE_OUT_OF_MEMORY)
    return luaL_error(L, "not enough memory");
  if (v.why == NULL) v.why = t->detail[0] != '\0' ? t->detail : curl_easy_strerror(t->code);
  pushdetail(L, t, &v);
  detail = lua_tostring(L, -1);
  origin = lua_pushlstring(L, t->url.data, t->origin);
  tl_fail(L, v.code, "%s %s: %s%s; %s", t->method, origin, v.why, detail, v.next);
  lua_pushstring(L, v.next);
  lua_setfield(L, -2, "remedy");
  lua_pushboolean(L, t->attempts > 0);
  lua_setfield(L, -2, "sent");
  return 2;
}

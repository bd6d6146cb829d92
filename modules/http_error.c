/* http_error.c -- why a transfer failed: a code, and a sentence without the query or headers. */
#include "http.h"

#include <string.h>

#include <lauxlib.h>

#include "fail.h"

typedef struct verdict {
  const char *code, *why, *next;   /* a NULL why is libcurl's own text */
} verdict;

#define CHECK_HOST "check the host's spelling, and that this machine can resolve names"
#define CHECK_CA \
  "if its certificate comes from a CA of your own, name that CA's file (AWS_CA_BUNDLE)"
#define CHECK_PROXY "check the proxy (HTTPS_PROXY, HTTP_PROXY)"
#define CHECK_SERVER "check that this is the server you meant"
#define AGAIN "it may or may not have been done: look before you send it again"

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
  {TL_HTTP_STOPPED, {"closed", "who sent the body gave up before its end", AGAIN}},
  {TL_HTTP_RESENT, {"closed", "the server closed the kept connection without an answer", AGAIN}},
};

static const struct { CURLcode code; verdict verdict; } curls[] = {
  {CURLE_COULDNT_RESOLVE_HOST, {"dns", "the host name has no address", CHECK_HOST}},
  {CURLE_COULDNT_RESOLVE_PROXY, {"proxy", "the proxy's name has no address",
                                 CHECK_PROXY}},
  {CURLE_PROXY, {"proxy", "the proxy refused", CHECK_PROXY}},
  {CURLE_GOT_NOTHING, {"closed", "the server closed the connection without an answer", AGAIN}},
  {CURLE_PARTIAL_FILE, {"closed", "the answer was cut short", "what came of it was thrown away"}},
  {CURLE_RECV_ERROR, {"closed", "the connection broke before the answer was whole", AGAIN}},
  {CURLE_SEND_ERROR, {"closed", "the connection broke while the request was sent", AGAIN}},
  {CURLE_SEND_FAIL_REWIND, {"closed", "the connection broke while the request was sent", AGAIN}},
  {CURLE_FILESIZE_EXCEEDED, {"too_large", "the answer is longer than max_body allows",
                             "raise max_body, or take it to a file"}},
  {CURLE_PEER_FAILED_VERIFICATION, {"tls", NULL, CHECK_CA}},
  {CURLE_SSL_CACERT_BADFILE, {"tls", "the CA file can't be read", "check its name and contents"}},
  {CURLE_SSL_CONNECT_ERROR, {"tls", NULL, "check that the port speaks TLS 1.2 or later"}},
  {CURLE_SSL_CERTPROBLEM, {"tls", NULL, CHECK_CA}},
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


/* libcurl says "Failed to connect to HOST port N", whichever of the two it is. */
static void connectfailed (tl_transfer *t, verdict *v) {
  const char *to = strstr(t->detail, "connect to "), *proxy = t->options.proxy;
  *v = (verdict){"connect", "can't connect", "check host and port, and that the service is up"};
  if (to == NULL || proxy == NULL) return;
  to += strlen("connect to ");
  if (strncmp(to, proxyhost(proxy), strcspn(to, " ")) == 0)
    *v = (verdict){"proxy", "can't connect to the proxy", CHECK_PROXY};
}


/* The same libcurl code serves two clocks; whether it ever sent tells them apart. */
static void timedout (tl_transfer *t, verdict *v) {
  *v = (verdict){"timeout", "the answer was not whole within the timeout",
                 "raise timeout, or look why the server is slow"};
  if (t->attempts > 0) return;
  *v = (verdict){"timeout", "no connection within connect_timeout",
                 "check host, port, routes and firewalls (a security group drops in silence)"};
  if (strstr(t->detail, "Resolving") != NULL)
    *v = (verdict){"dns", "the name was not resolved within connect_timeout", CHECK_HOST};
  else if (strstr(t->detail, "SSL") != NULL)
    *v = (verdict){"timeout", "connected, but what answers there did not complete the handshake",
                   "check that the port speaks TLS"};
}


static void tunnelfailed (tl_transfer *t, verdict *v) {
  *v = (verdict){"proxy", "the proxy refused to connect", "check that it may reach this host"};
  if (t->tunnel == 407) *v = (verdict){"proxy", "the proxy wants a user and a password (407)",
                                       "put them into the proxy's URL"};
}


static verdict judge (tl_transfer *t) {
  verdict v = unknown;
  size_t i;
  for (i = 0; i < sizeof ours / sizeof *ours; i++)
    if (ours[i].why == t->why) return ours[i].verdict;
  for (i = 0; i < sizeof curls / sizeof *curls; i++)
    if (curls[i].code == t->code) v = curls[i].verdict;
  if (t->code == CURLE_COULDNT_CONNECT) connectfailed(t, &v);
  else if (t->code == CURLE_OPERATION_TIMEDOUT) timedout(t, &v);
  else if (t->tunnel != 0 && t->tunnel / 100 != 2) tunnelfailed(t, &v);
  else if (strstr(t->detail, "chunk") != NULL) v = unknown;
  return v;
}


/* What the system or libcurl adds, in brackets; a path, where a file is the matter. */
static void pushdetail (lua_State *L, tl_transfer *t, const verdict *v) {
  const char *file = t->why == TL_HTTP_WRITE ? t->options.to : t->path;
  const char *proxied = strcmp(v->code, "proxy") == 0 && t->options.proxy ? t->options.proxy : NULL;
  if (strcmp(v->code, "file") == 0)
    lua_pushfstring(L, " (%s%s%s)", file, t->oserror ? ": " : "",
                    t->oserror ? strerror(t->oserror) : "");
  else if (t->code == CURLE_SSL_CACERT_BADFILE && t->options.ca != NULL)
    lua_pushfstring(L, " (%s)", t->options.ca);
  else if (proxied != NULL) lua_pushfstring(L, " (%s)", proxyhost(proxied));
  else if (strcmp(v->code, "connect") == 0 && t->oserror != 0)
    lua_pushfstring(L, " (%s)", strerror(t->oserror));
  else if (strcmp(v->code, "closed") == 0 && t->why == TL_HTTP_NONE && t->detail[0] != '\0')
    lua_pushfstring(L, " (%s)", t->detail);
  else lua_pushliteral(L, "");
}


/*
** Nil and {code, message, sent}; `sent` is false where the request certainly
** did not leave: only then is sending again sure not to do it twice.
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
  lua_pushboolean(L, t->attempts > 0);
  lua_setfield(L, -2, "sent");
  return 2;
}

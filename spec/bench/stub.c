/* stub.c -- an HTTP server that answers at once: what is left is the client's own cost. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAXFD 4096
#define MAXREQUEST 65536

typedef struct answer { const char *mark, *type, *body; } answer;

/* The first whose mark stands in the head of the request is the answer. */
static const answer answers[] = {
  {"/dynamodb/", "application/x-amz-json-1.0", "{}"},
  {"/ec2/", "text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeRegionsResponse"
    " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId><regionInfo><item>"
    "<regionName>eu-west-1</regionName><regionEndpoint>ec2.eu-west-1.amazonaws.com</regionEndpoint>"
    "<optInStatus>opt-in-not-required</optInStatus></item></regionInfo></DescribeRegionsResponse>"},
  {"/s3/", "application/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListAllMyBucketsResult"
    " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>o</ID></Owner><Buckets><Bucket>"
    "<Name>b</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets>"
    "</ListAllMyBucketsResult>"},
  {"", "application/x-amz-json-1.0", "{\"QueueUrls\":[\"http://127.0.0.1/123456789012/a\","
    "\"http://127.0.0.1/123456789012/b\",\"http://127.0.0.1/123456789012/c\"]}"},
};

static struct { char *data; size_t len; } in[MAXFD];


static void die (const char *what) {
  perror(what);
  exit(1);
}


static void finish (int fd) {
  in[fd].len = 0;
  close(fd);
}


/* The number after Content-Length, or 0. `head` ends in a NUL. */
static size_t length (const char *head) {
  const char *at = strcasestr(head, "\ncontent-length:");
  return at == NULL ? 0 : strtoul(at + 16, NULL, 10);
}


static void reply (int fd, const char *head) {
  char out[2048];
  const answer *a = answers;
  int n;
  while (strstr(head, a->mark) == NULL) a++;
  n = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nx-amzn-RequestId: r-1\r\n"
               "Content-Length: %zu\r\n\r\n%s", a->type, strlen(a->body), a->body);
  if (write(fd, out, (size_t)n) != n) finish(fd);
}


/* Answers every whole request in the buffer of `fd`. */
static void serve (int fd) {
  for (;;) {
    char *data = in[fd].data, *end;
    size_t whole;
    data[in[fd].len] = '\0';
    end = strstr(data, "\r\n\r\n");
    if (end == NULL) return;
    end[2] = '\0';
    whole = (size_t)(end - data) + 4 + length(data);
    if (in[fd].len < whole) { end[2] = '\r'; return; }
    reply(fd, data);
    memmove(data, data + whole, in[fd].len - whole);
    in[fd].len -= whole;
  }
}


static void onreadable (int fd) {
  ssize_t n;
  if (in[fd].data == NULL && (in[fd].data = malloc(MAXREQUEST + 1)) == NULL) die("malloc");
  n = read(fd, in[fd].data + in[fd].len, MAXREQUEST - in[fd].len);
  if (n <= 0) finish(fd);
  else {
    in[fd].len += (size_t)n;
    serve(fd);
  }
}


static void watch (int poll, int fd) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e) < 0) die("epoll_ctl");
}


static int listener (void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, 512) < 0) die("listen");
  if (getsockname(fd, (struct sockaddr *)&at, &size) < 0) die("getsockname");
  printf("%d\n", ntohs(at.sin_port));
  fflush(stdout);
  return fd;
}


/* Ends with its standard input, so that it never outlives the bench. */
int main (void) {
  struct epoll_event events[64];
  int poll = epoll_create1(0), server = listener(), one = 1;
  if (poll < 0) die("epoll_create1");
  watch(poll, server);
  watch(poll, 0);
  for (;;) {
    int n = epoll_wait(poll, events, 64, -1);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == 0) return 0;
      if (fd != server) { onreadable(fd); continue; }
      fd = accept(server, NULL, NULL);
      if (fd < 0) continue;
      if (fd >= MAXFD) { close(fd); continue; }
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      watch(poll, fd);
    }
  }
}

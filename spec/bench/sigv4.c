/* sigv4.c -- how many signatures a second C makes, without Lua; built and run by sigv4.lua. */
#include "sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char body[] =
  "{\"QueueUrl\":\"https://sqs.us-east-1.amazonaws.com/123456789012/orders\","
  "\"MessageBody\":\"hello\"}";


/* The request of the bench in Lua: what SQS gets for a small message. */
static void sign (tl_sig *s, tl_sigkeys *keys, int64_t now) {
  const char *why;
  tl_sigclear(s);
  s->method = TL_TEXT("POST");
  s->path = TL_TEXT("/");
  s->host = TL_TEXT("sqs.us-east-1.amazonaws.com");
  s->body = TL_TEXT(body);
  s->keyid = TL_TEXT("AKIDEXAMPLE");
  s->secret = TL_TEXT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  s->region = TL_TEXT("us-east-1");
  s->service = TL_TEXT("sqs");
  s->time = now;
  s->flags = TL_SIG_DOUBLE | TL_SIG_NORMALIZE;
  tl_sigheader(s, TL_TEXT("Content-Type"), TL_TEXT("application/x-amz-json-1.0"));
  tl_sigheader(s, TL_TEXT("X-Amz-Target"), TL_TEXT("AmazonSQS.SendMessage"));
  tl_sigheader(s, TL_TEXT("User-Agent"), TL_TEXT("tidelock"));
  why = tl_sigrun(s, keys);
  if (why != NULL) {
    fprintf(stderr, "%s\n", why);
    exit(1);
  }
}


static double seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


int main (int argc, char **argv) {
  static tl_sigkeys keys;
  tl_sig sig = {0};
  int i, n = argc > 1 ? atoi(argv[1]) : 100000;
  double start;
  sign(&sig, &keys, 1440938160);
  printf("%.*s\n", (int)sig.siglen, sig.signature);
  start = seconds();
  for (i = 0; i < n; i++) sign(&sig, &keys, 1440938160 + i % 3600);
  printf("%.0f\n", n / (seconds() - start));
  tl_sigfree(&sig);
  tl_sigkeysfree(&keys);
  return 0;
}

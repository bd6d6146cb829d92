/* measure.c -- runs a command N times: medians of CPU and wall time in us, peak memory in kB. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAXRUNS 1000

static int ascending (const void *a, const void *b) {
  long x = *(const long *)a, y = *(const long *)b;
  return (x > y) - (x < y);
}


static long now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}


/* This program is small, so that what fork hands down does not count as the command's memory. */
static int run (char **command, long *cpu, long *wall, long *kb) {
  struct rusage used;
  int status;
  long began = now();
  pid_t pid = fork();
  if (pid == 0) {
    int null = open("/dev/null", O_WRONLY);
    if (null < 0 || dup2(null, 1) < 0) _exit(126);
    execvp(command[0], command);
    _exit(127);
  }
  if (pid < 0 || wait4(pid, &status, 0, &used) < 0) return -1;
  *wall = now() - began;
  *cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec
         + used.ru_stime.tv_usec;
  *kb = used.ru_maxrss;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}


int main (int argc, char **argv) {
  static long cpu[MAXRUNS], wall[MAXRUNS], kb[MAXRUNS];
  int n = argc > 2 ? atoi(argv[1]) : 0;
  if (n < 1 || n > MAXRUNS) {
    fprintf(stderr, "usage: measure RUNS COMMAND ...\n");
    return 64;
  }
  for (int i = 0; i < n; i++) {
    int code = run(argv + 2, &cpu[i], &wall[i], &kb[i]);
    if (code != 0) {
      fprintf(stderr, "measure: %s ended with %d\n", argv[2], code);
      return 1;
    }
  }
  qsort(cpu, (size_t)n, sizeof *cpu, ascending);
  qsort(wall, (size_t)n, sizeof *wall, ascending);
  qsort(kb, (size_t)n, sizeof *kb, ascending);
  printf("%ld %ld %ld\n", cpu[n / 2], wall[n / 2], kb[n / 2]);
  return 0;
}

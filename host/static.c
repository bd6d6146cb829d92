/* static.c -- how the program without shared libraries (`make dist`) looks up hosts and users. */
#include <nss.h>
#include <stdlib.h>

/*
** glibc would read /etc/nsswitch.conf, and for `resolve`, `myhostname` or `mdns` in it load a
** library of this system into a program that is linked with another glibc. The two ways that
** are built in do without: /etc/hosts, and the servers of /etc/resolv.conf. A line that does
** not fit (there is no memory) leaves the file's.
*/
__attribute__((constructor)) static void lookups (void) {
  static const char *const ways[][2] = {
    {"hosts", "files dns"}, {"passwd", "files"}, {"group", "files"}, {"services", "files"}
  };
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    __nss_configure_lookup(ways[i][0], ways[i][1]);
}

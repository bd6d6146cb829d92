/* fs.c -- tidelock.fs: what io lacks for files that survive a kill: fsync, flock, atomic writes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>

#include "fail.h"
#include "modules.h"

#define FILEBOX "tidelock.fs.file"

typedef struct filebox { int fd; } filebox;   /* -1 when closed */


static int fserror (lua_State *L, const char *what, const char *path, int error) {
  const char *code = error == ENOENT ? "missing" : error == EEXIST ? "exists"
                   : error == ENOSPC ? "full" : error == EACCES || error == EPERM ? "denied"
                   : error == EWOULDBLOCK ? "locked" : "io";
  return tl_fail(L, code, "could not %s %s: %s", what, path, strerror(error));
}


/* A path for the system: no NUL inside. */
static const char *checkpath (lua_State *L, int arg) {
  size_t len;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, len > 0 && strlen(path) == len, arg, "a path must not be empty nor hold a NUL");
  return path;
}


static int closebox (lua_State *L) {
  filebox *box = luaL_checkudata(L, 1, FILEBOX);
  if (box->fd >= 0) close(box->fd);
  box->fd = -1;
  return 0;
}


static filebox *newbox (lua_State *L) {
  filebox *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->fd = -1;
  luaL_setmetatable(L, FILEBOX);
  return box;
}


static int writeall (int fd, const char *s, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, s, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    s += n;
    len -= (size_t)n;
  }
  return 0;
}


/*
** file:write(bytes) -> true | nil, err. On the disk when it returns. A write cut
** short (a full disk) is taken back, so that a file of lines never keeps half a line.
*/
static int file_write (lua_State *L) {
  filebox *box = luaL_checkudata(L, 1, FILEBOX);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  off_t end;
  int error;
  luaL_argcheck(L, box->fd >= 0, 1, "file is closed");
  end = lseek(box->fd, 0, SEEK_END);
  error = writeall(box->fd, bytes, len);
  if (error == 0 && fdatasync(box->fd) != 0) error = errno;
  if (error != 0) {
    if (end >= 0 && ftruncate(box->fd, end) != 0) end = -1;   /* the first error tells more */
    return fserror(L, "write to", "the file", error);
  }
  lua_pushboolean(L, 1);
  return 1;
}


/* fs.append(path) -> file | nil, err. Made if missing, for the owner alone. */
static int fs_append (lua_State *L) {
  const char *path = checkpath(L, 1);
  filebox *box = newbox(L);
  box->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (box->fd < 0) return fserror(L, "open", path, errno);
  return 1;
}


/*
** fs.lock(path) -> file | nil, err (err.code "locked" when another process has it). Ends with the
** file or the process.
*/
static int fs_lock (lua_State *L) {
  const char *path = checkpath(L, 1);
  filebox *box = newbox(L);
  box->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (box->fd < 0) return fserror(L, "open", path, errno);
  if (flock(box->fd, LOCK_EX | LOCK_NB) != 0) return fserror(L, "lock", path, errno);
  return 1;
}


static int syncdir (const char *path) {
  char dir[4096];
  char *slash;
  int fd, error;
  if (strlen(path) >= sizeof dir) return 0;
  strcpy(dir, path);
  slash = strrchr(dir, '/');
  if (slash == NULL) strcpy(dir, ".");
  else slash[slash == dir] = '\0';
  fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == EINVAL ? 0 : error;
}


static int writenew (const char *temp, const char *bytes, size_t len, mode_t mode) {
  int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  int error;
  if (fd < 0) return errno;
  error = writeall(fd, bytes, len);
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  return error;
}


/*
** fs.write(path, bytes [, mode]) -> true | nil, err. The whole new content, or the
** old one: never half.
*/
static int fs_write (lua_State *L) {
  const char *path = checkpath(L, 1);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  lua_Integer mode = luaL_optinteger(L, 3, 0600);
  const char *temp = lua_pushfstring(L, "%s.%d.new", path, (int)getpid());
  int error = writenew(temp, bytes, len, (mode_t)mode);
  if (error == 0 && rename(temp, path) != 0) error = errno;
  if (error == 0) error = syncdir(path);
  else if (error != EEXIST) unlink(temp);
  if (error != 0) return fserror(L, "write", path, error);
  lua_pushboolean(L, 1);
  return 1;
}


static int makedirs (char *path) {
  for (char *at = path + 1; ; at++) {
    char keep = *at;
    if (keep != '/' && keep != '\0') continue;
    *at = '\0';
    if (mkdir(path, 0700) != 0 && errno != EEXIST) return errno;
    *at = keep;
    if (keep == '\0') return 0;
  }
}


/* fs.mkdir(path) -> true | nil, err. With its parents; fine if it is there. */
static int fs_mkdir (lua_State *L) {
  const char *path = checkpath(L, 1);
  char *copy = lua_newuserdatauv(L, strlen(path) + 1, 0);
  struct stat st;
  int error;
  strcpy(copy, path);
  error = makedirs(copy);
  if (error == 0 && stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) error = ENOTDIR;
  if (error != 0) return fserror(L, "make the folder", path, error);
  lua_pushboolean(L, 1);
  return 1;
}


static const char *kind (mode_t mode) {
  return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "folder" : "other";
}


/*
** fs.stat(path) -> {type = "file" | "folder" | "other", size =, modified = epoch
** seconds, mode =} | nil, err
*/
static int fs_stat (lua_State *L) {
  const char *path = checkpath(L, 1);
  struct stat st;
  if (stat(path, &st) != 0) return fserror(L, "look at", path, errno);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind(st.st_mode));
  lua_setfield(L, -2, "type");
  lua_pushinteger(L, (lua_Integer)st.st_size);
  lua_setfield(L, -2, "size");
  lua_pushinteger(L, (lua_Integer)st.st_mtime);
  lua_setfield(L, -2, "modified");
  lua_pushinteger(L, (lua_Integer)(st.st_mode & 07777));
  lua_setfield(L, -2, "mode");
  return 1;
}


static int dir_gc (lua_State *L) {
  DIR **box = lua_touserdata(L, 1);
  if (*box != NULL) closedir(*box);
  *box = NULL;
  return 0;
}


/* fs.list(path) -> names, sorted | nil, err */
static int fs_list (lua_State *L) {
  const char *path = checkpath(L, 1);
  DIR **box = lua_newuserdatauv(L, sizeof *box, 0);
  lua_Integer n = 0;
  *box = NULL;
  if (luaL_newmetatable(L, "tidelock.fs.dir")) {
    lua_pushcfunction(L, dir_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *box = opendir(path);
  if (*box == NULL) return fserror(L, "list", path, errno);
  lua_newtable(L);
  for (struct dirent *e; (e = readdir(*box)) != NULL; ) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    lua_pushstring(L, e->d_name);
    lua_rawseti(L, -2, ++n);
  }
  closedir(*box);
  *box = NULL;
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "sort");
  lua_pushvalue(L, -3);
  lua_call(L, 1, 0);
  lua_pop(L, 1);
  return 1;
}


/* fs.tempdir(prefix) -> path of a new folder for the owner alone | nil, err */
static int fs_tempdir (lua_State *L) {
  const char *prefix = luaL_optstring(L, 1, "tidelock");
  const char *base = getenv("TMPDIR");
  const char *pattern = lua_pushfstring(L, "%s/%s-XXXXXX", base && *base ? base : "/tmp", prefix);
  char *path = lua_newuserdatauv(L, strlen(pattern) + 1, 0);
  strcpy(path, pattern);
  if (mkdtemp(path) == NULL) return fserror(L, "make a folder like", pattern, errno);
  lua_pushstring(L, path);
  return 1;
}


/* fs.realpath(path) -> absolute path without links | nil, err */
static int fs_realpath (lua_State *L) {
  const char *path = checkpath(L, 1);
  char full[4096];
  if (realpath(path, full) == NULL) return fserror(L, "find", path, errno);
  lua_pushstring(L, full);
  return 1;
}


static int fs_remove (lua_State *L) {
  const char *path = checkpath(L, 1);
  if (remove(path) != 0) return fserror(L, "remove", path, errno);
  lua_pushboolean(L, 1);
  return 1;
}


/* fs.pid() -> the number of this process */
static int fs_pid (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)getpid());
  return 1;
}


/* fs.uid() -> the number of the user whose rights this process has */
static int fs_uid (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)geteuid());
  return 1;
}


static int fs_hostname (lua_State *L) {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0) strcpy(name, "unknown");
  lua_pushstring(L, name);
  return 1;
}

static const luaL_Reg functions[] = {
  {"append", fs_append}, {"hostname", fs_hostname}, {"list", fs_list}, {"lock", fs_lock},
  {"mkdir", fs_mkdir}, {"pid", fs_pid}, {"realpath", fs_realpath}, {"remove", fs_remove},
  {"stat", fs_stat}, {"tempdir", fs_tempdir},
  {"uid", fs_uid}, {"write", fs_write}, {NULL, NULL}
};
static const luaL_Reg methods[] = {{"write", file_write}, {"close", closebox}, {NULL, NULL}};
static const luaL_Reg meta[] = {{"__gc", closebox}, {"__close", closebox}, {NULL, NULL}};


int luaopen_tidelock_fs (lua_State *L) {
  luaL_newmetatable(L, FILEBOX);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}

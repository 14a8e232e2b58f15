// Stops a process after each change below $SHIM_DIR until the test has looked at the directory.
//
// Preloaded into the server. Each call that changes names or syncs, and each write, is made as ever; then its name and path
// go to the Unix socket $SHIM_SOCKET, and the process waits for one byte. One call at a time, so that the directory is what
// the calls so far have made of it.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static int test = -1;

__attribute__((constructor)) static void connect_to_test(void) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    strncpy(addr.sun_path, getenv("SHIM_SOCKET"), sizeof addr.sun_path - 1);
    test = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(test, (struct sockaddr *)&addr, sizeof addr) != 0) {
        perror("SHIM_SOCKET");
        _exit(70);
    }
    dir = getenv("SHIM_DIR");
}

static int watched(const char *path) { return dir && strncmp(path, dir, strlen(dir)) == 0; }

static void report(const char *call, const char *path) {
    char line[PATH_MAX + 32], byte;
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    if (send(test, line, length, MSG_NOSIGNAL) != length || recv(test, &byte, 1, 0) != 1) _exit(71);
}

static const char *path_of(int fd, char *path) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OBSERVED(type, name, path, ...)               \
    const char *observed = path;                      \
    if (!watched(observed)) return REAL(name)(__VA_ARGS__); \
    pthread_mutex_lock(&lock);                        \
    type result = REAL(name)(__VA_ARGS__);            \
    int error = errno;                                \
    report(#name, observed);                          \
    pthread_mutex_unlock(&lock);                      \
    errno = error;                                    \
    return result

#define OF_FD(type, name, fd, ...) \
    char buffer[PATH_MAX + 1];     \
    OBSERVED(type, name, path_of(fd, buffer), __VA_ARGS__)

#define MODE                          \
    mode_t mode = 0;                  \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest;                 \
        va_start(rest, flags);        \
        mode = va_arg(rest, mode_t);  \
        va_end(rest);                 \
    }

int fsync(int fd) { OF_FD(int, fsync, fd, fd); }
int syncfs(int fd) { OF_FD(int, syncfs, fd, fd); }
int fdatasync(int fd) { OF_FD(int, fdatasync, fd, fd); }
int ftruncate64(int fd, off64_t size) { OF_FD(int, ftruncate64, fd, fd, size); }
ssize_t write(int fd, const void *bytes, size_t size) { OF_FD(ssize_t, write, fd, fd, bytes, size); }
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    OF_FD(ssize_t, copy_file_range, to, from, from_at, to, to_at, size, flags);
}

int rename(const char *from, const char *to) { OBSERVED(int, rename, to, from, to); }
int link(const char *from, const char *to) { OBSERVED(int, link, to, from, to); }
int mkdir(const char *path, mode_t mode) { OBSERVED(int, mkdir, path, path, mode); }
int rmdir(const char *path) { OBSERVED(int, rmdir, path, path); }
int unlink(const char *path) { OBSERVED(int, unlink, path, path); }
int unlinkat(int at, const char *path, int flags) {
    if (path[0] == '/' || at == AT_FDCWD) { OBSERVED(int, unlinkat, path, at, path, flags); }
    OF_FD(int, unlinkat, at, at, path, flags);
}

int open64(const char *path, int flags, ...) {
    MODE
    if (!(flags & (O_CREAT | O_TRUNC))) return REAL(open64)(path, flags, mode);
    OBSERVED(int, open64, path, path, flags, mode);
}
int open(const char *path, int flags, ...) {
    MODE
    if (!(flags & (O_CREAT | O_TRUNC))) return REAL(open)(path, flags, mode);
    OBSERVED(int, open, path, path, flags, mode);
}

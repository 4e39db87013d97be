// Makes chosen system calls of a program fail, for the files below one folder. Loaded with LD_PRELOAD; told what to do through a file
// that both sides map (FaultSwitch.cs writes it). Built by the test set-up: cc -shared -fPIC -O1 -o faulty.so faulty.c
//
// .NET looks its imports up with dlsym on the handle of libc, which passes preloaded libraries by: so dlsym itself is replaced here.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WRITE, FDATASYNC, FSYNC, FALLOCATE, OPERATIONS };

struct operation {
    atomic_int skip;   // so many calls pass first
    atomic_int fail;   // so many fail then
    atomic_int error;  // with this errno
    atomic_int failed; // so many did
    atomic_int calls;  // so many came
};

static struct {
    atomic_int lie; // flushes say yes and do nothing
    struct operation of[OPERATIONS];
} *control;

static const char *folder;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("ORLEANSMQ_FAULT_SWITCH");
    folder = getenv("ORLEANSMQ_FAULT_FOLDER");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0 || !folder)
        return;
    void *mapped = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}

static int ours(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(int number, int fd) {
    if (!control || !ours(fd))
        return 0;
    struct operation *operation = &control->of[number];
    atomic_fetch_add(&operation->calls, 1);
    if (atomic_load(&operation->fail) <= 0)
        return 0;
    if (atomic_fetch_sub(&operation->skip, 1) > 0)
        return 0;
    if (atomic_fetch_sub(&operation->fail, 1) <= 0)
        return 0;
    atomic_fetch_add(&operation->failed, 1);
    errno = atomic_load(&operation->error);
    return 1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return fails(WRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, offset);
}

int fdatasync(int fd) {
    return fails(FDATASYNC, fd) ? -1 : control && atomic_load(&control->lie) && ours(fd) ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
    return fails(FSYNC, fd) ? -1 : control && atomic_load(&control->lie) && ours(fd) ? 0 : (int)syscall(SYS_fsync, fd);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    return fails(FALLOCATE, fd) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

void *dlsym(void *handle, const char *name) {
    static void *(*found)(void *, const char *);
    if (!found) {
        static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"};
        for (int i = 0; i < 3 && !found; i++)
            found = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", versions[i]);
        if (!found)
            abort();
    }
    if (strcmp(name, "pwrite") == 0)
        return (void *)pwrite;
    if (strcmp(name, "fdatasync") == 0)
        return (void *)fdatasync;
    if (strcmp(name, "fsync") == 0)
        return (void *)fsync;
    if (strcmp(name, "fallocate") == 0)
        return (void *)fallocate;
    return found(handle, name);
}

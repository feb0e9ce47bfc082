#define _GNU_SOURCE
#include "tape.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int tape_check(struct tape *tape, void *bytes, size_t size, const int *fds, uint32_t fd_count) {
    const struct tape_header *h = bytes;
    if (size < sizeof *h || h->magic != TAPE_MAGIC || h->lines == 0 || h->lines > TAPE_MAX_LINES)
        return EPROTO;
    size_t lines = (size_t)h->lines * sizeof(struct tape_line);
    size_t relocations = ((size_t)h->relocations * sizeof(uint32_t) + 7) & ~(size_t)7;
    if (h->relocations > size || sizeof *h + lines + relocations + h->blob_size != size || h->blob_size == 0)
        return EPROTO;
    tape->lines = (const struct tape_line *)((uint8_t *)bytes + sizeof *h);
    tape->relocations = (const uint32_t *)((uint8_t *)bytes + sizeof *h + lines);
    tape->blob = (uint8_t *)bytes + sizeof *h + lines + relocations;
    tape->line_count = h->lines;
    tape->relocation_count = h->relocations;
    tape->blob_size = h->blob_size;
    tape->fds = fds;
    tape->fd_count = fd_count;
    if (tape->blob[h->blob_size - 1] != 0) /* so that the last string ends */
        return EPROTO;
    for (uint32_t i = 0; i < h->relocations; i++) {
        uint64_t target;
        if (tape->relocations[i] % 8 || (uint64_t)tape->relocations[i] + 8 > h->blob_size)
            return EPROTO;
        memcpy(&target, tape->blob + tape->relocations[i], 8);
        if (target >= h->blob_size)
            return EPROTO;
    }
    for (uint32_t i = 0; i < h->lines; i++) {
        const struct tape_line *l = &tape->lines[i];
        if (l->op >= OP_COUNT || l->allowed > TAPE_ALLOW)
            return EPROTO;
        for (int a = 0; a < TAPE_ARGS; a++)
            if (l->kind[a] >= KIND_COUNT || (l->kind[a] == KIND_POINTER && l->arg[a] >= h->blob_size) ||
                (l->kind[a] == KIND_FD && l->arg[a] >= fd_count) || (l->kind[a] == KIND_RESULT && l->arg[a] >= i))
                return EPROTO;
        if (l->op == OP_POKE && (l->kind[0] != KIND_NUMBER || l->arg[0] + 4 > h->blob_size || l->arg[0] > INT_MAX))
            return EPROTO;
        if (l->op == OP_CLOSE_FROM && (l->kind[0] != KIND_NUMBER || l->arg[0] < 3 || l->arg[0] > INT_MAX))
            return EPROTO;
        if (l->op == OP_FAIL && (l->kind[0] != KIND_NUMBER || l->arg[0] == 0 || l->arg[0] > 4095))
            return EPROTO;
    }
    return 0;
}

int send_fd(int socket, const void *message, size_t size, int fd) {
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)message, size};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = control.space;
        m.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return sendmsg(socket, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static uint64_t value(const struct tape *tape, const struct tape_line *l, int a, const int64_t *results) {
    switch (l->kind[a]) {
    case KIND_POINTER: return (uint64_t)(uintptr_t)(tape->blob + l->arg[a]);
    case KIND_FD: return (uint64_t)tape->fds[l->arg[a]];
    case KIND_RESULT: return (uint64_t)results[l->arg[a]];
    default: return l->arg[a];
    }
}

static int sync_with_keeper(int sync) {
    struct child_message ready = {.word = CHILD_READY};
    char go;
    if (send_fd(sync, &ready, sizeof ready, -1) < 0)
        return -errno;
    ssize_t n;
    while ((n = read(sync, &go, 1)) < 0 && errno == EINTR)
        ;
    return n == 1 ? 0 : -ECANCELED;
}

static int close_from(unsigned first, int sync) {
    unsigned s = (unsigned)sync;
    if (s > first && syscall(SYS_close_range, first, s - 1, 0) < 0)
        return -errno;
    unsigned above = s >= first ? s + 1 : first;
    return syscall(SYS_close_range, above, ~0U, 0) < 0 ? -errno : 0;
}

static int64_t run(const struct tape *tape, const struct tape_line *l, const int64_t *results, int sync) {
    uint64_t v[TAPE_ARGS];
    for (int a = 0; a < TAPE_ARGS; a++)
        v[a] = value(tape, l, a, results);
    switch (l->op) {
    case OP_SYNC: return sync_with_keeper(sync);
    case OP_SEND_FD: {
        struct child_message m = {.word = CHILD_FD};
        return send_fd(sync, &m, sizeof m, (int)v[0]) < 0 ? -errno : 0;
    }
    case OP_CLOSE_FROM: return close_from((unsigned)v[0], sync);
    case OP_FAIL: return -(int64_t)v[0];
    case OP_POKE: {
        uint32_t word = (uint32_t)v[1];
        memcpy(tape->blob + v[0], &word, sizeof word);
        return 0;
    }
    default: {
        for (int a = 0; a < TAPE_ARGS; a++) /* what depends on a call that was allowed to fail is not made */
            if (l->kind[a] == KIND_RESULT && (int64_t)v[a] < 0)
                return -EBADF;
        long r;
        int tries = 0;
        do /* EAGAIN: the tree changed under a scoped look-up (openat2(2)); an attacker must not make us spin */
            r = syscall((long)l->call, v[0], v[1], v[2], v[3], v[4], v[5]);
        while (r == -1 && errno == EAGAIN && l->call == SYS_openat2 && ++tries < 100);
        return r == -1 ? -errno : r;
    }
    }
}

static int allowed(const struct tape_line *l, int64_t result) {
    for (int i = 0; i < l->allowed; i++)
        if (result == -(int64_t)l->allow[i])
            return 1;
    return 0;
}

void tape_replay(const struct tape *tape, int64_t *results, int sync) {
    for (uint32_t i = 0; i < tape->relocation_count; i++) {
        uint64_t target;
        memcpy(&target, tape->blob + tape->relocations[i], 8);
        target += (uint64_t)(uintptr_t)tape->blob;
        memcpy(tape->blob + tape->relocations[i], &target, 8);
    }
    struct child_message failed = {.word = CHILD_FAILED, .line = tape->line_count, .error = EPROTO};
    for (uint32_t i = 0; i < tape->line_count; i++) {
        const struct tape_line *l = &tape->lines[i];
        results[i] = run(tape, l, results, sync);
        if (results[i] < 0 && !allowed(l, results[i])) {
            failed.line = i;
            failed.error = (int32_t)-results[i];
            break;
        }
    }
    send_fd(sync, &failed, sizeof failed, -1);
}

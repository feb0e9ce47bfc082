/* A tape: a program of system calls for a new process, compiled in Java (kist.kernel.Tape), replayed here. */
#ifndef KIST_TAPE_H
#define KIST_TAPE_H

#include <stddef.h>
#include <stdint.h>

enum { TAPE_MAGIC = 0x3150544b, TAPE_ARGS = 6, TAPE_ALLOW = 8, TAPE_MAX_LINES = 16384 };
enum tape_op { OP_SYSCALL, OP_SYNC, OP_SEND_FD, OP_CLOSE_FROM, OP_FAIL, OP_POKE, OP_COUNT };
enum tape_kind { KIND_NUMBER, KIND_POINTER, KIND_FD, KIND_RESULT, KIND_COUNT };

struct tape_header {
    uint32_t magic, lines, relocations, blob_size;
};

struct tape_line {
    uint16_t op;
    uint8_t allowed; /* how many errnos of allow[] may happen */
    uint8_t pad;
    uint32_t call;
    uint8_t kind[TAPE_ARGS];
    uint8_t pad2[2];
    int16_t allow[TAPE_ALLOW];
    uint64_t arg[TAPE_ARGS];
};

struct tape {
    const struct tape_line *lines;
    const uint32_t *relocations; /* places in the blob that hold offsets to be made pointers */
    uint8_t *blob;
    uint32_t line_count, relocation_count, blob_size;
    const int *fds;
    uint32_t fd_count;
};

/* What a child says to its keeper on the sync socket. */
enum child_word { CHILD_READY = 1, CHILD_FAILED = 2, CHILD_FD = 3 };
struct child_message {
    uint32_t word, line;
    int32_t error;
};

/* Checks everything that replay relies on; 0, or an errno. */
int tape_check(struct tape *tape, void *bytes, size_t size, const int *fds, uint32_t fd_count);

/* Runs in the child; returns only when a line fails, having said so on sync. */
void tape_replay(const struct tape *tape, int64_t *results, int sync);

int send_fd(int socket, const void *message, size_t size, int fd);

#endif

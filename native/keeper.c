/*
 * The keeper: parent of every container of one engine. It replays tapes in new processes, holds their pidfds and
 * standard streams, appends what they write to their logs, notes how they end, and lives on when the engine goes.
 * It takes orders from one engine at a time on a Unix socket; see kist.kernel.Keeper for the other side.
 *
 * usage: kist-keeper SOCKET
 */
#define _GNU_SOURCE
#include "tape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int hello_main(int argc, char **argv);
int init_main(int argc, char **argv);

enum { ID_SIZE = 72, DRAIN_READS = 1024, MAX_FDS = 250, CHUNK = 65536, LEAST_CHUNK = 1024, MAX_TAPE = 64 << 20 };

/* What this keeper understands; the first version knew orders up to SHUTDOWN and none of the fields behind files. */
enum { PROTOCOL = 2 };
enum order_word {
    ORDER_SPAWN = 1, ORDER_PROCEED, ORDER_LIST, ORDER_TAKE, ORDER_FORGET, ORDER_WATCH, ORDER_CLOSE_INPUT, ORDER_SHUTDOWN,
    ORDER_VERSION, ORDER_HOLD, ORDER_ROTATE
};
enum {
    SPAWN_TERMINAL = 1, SPAWN_PIDNS = 2, SPAWN_CGROUP = 4, SPAWN_INPUT = 8, SPAWN_OUTPUT = 16, SPAWN_ERROR = 32,
    SPAWN_LOG = 64, SPAWN_DIRECTORY = 128
};

struct order {
    uint32_t word, sequence;
    char id[ID_SIZE];
    uint64_t number; /* clone flags of SPAWN; the log length the engine knows, of WATCH; the offset of HOLD */
    uint32_t flags;
    uint32_t files;  /* of SPAWN: how many segments of a log are kept */
    uint64_t start;  /* offset at which the segment begins that SPAWN brings */
    uint64_t limit;  /* bytes of a segment, 0 for no limit */
    uint64_t hold;   /* what begins at this offset or later is still being read */
};
enum { FIRST_ORDER_SIZE = offsetof(struct order, start) };

enum report_word { REPORT_DONE = 1, REPORT_FAILED, REPORT_SPAWNED, REPORT_HELD, REPORT_EXITED, REPORT_OUTPUT };
enum { STATE_EXITED = 1, STATE_WAITING = 2, STATE_HAS_PIDFD = 4, STATE_HAS_TERMINAL = 8, STATE_HAS_INPUT = 16 };

struct report {
    uint32_t word, sequence;
    char id[ID_SIZE];
    uint64_t number; /* log length of OUTPUT; dropped bytes of EXITED; the answer to VERSION */
    int32_t pid, status, error;
    uint32_t line, state, pad;
};

struct process;
enum source_kind { SOURCE_LISTENER, SOURCE_ENGINE, SOURCE_SYNC, SOURCE_PIDFD, SOURCE_OUTPUT, SOURCE_ERROR };
struct source {
    enum source_kind kind;
    int fd;
    struct process *process;
};

struct process {
    struct process *next;
    char id[ID_SIZE];
    pid_t pid;
    struct source sync, pidfd, output, error;
    int input, log, waiting, exited, status, terminal, capture, watched;
    uint32_t sequence; /* of the order to be answered */
    uint64_t log_size, dropped; /* offsets in a log count from its very beginning, whatever has been deleted since */
    /* segments of the log: they begin at starts[], the last is written to */
    int directory, held_back, stuck, middle[2];
    uint32_t files, count, room;
    uint64_t *starts, limit, hold, missing;
};

static struct process *processes;
static struct source listener = {SOURCE_LISTENER, -1, NULL}, engine = {SOURCE_ENGINE, -1, NULL};
static int epoll_fd, own_pidns = -1;
static char buffer[CHUNK];

static void die(const char *what) {
    fprintf(stderr, "kist-keeper: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void drop(int *fd) {
    if (*fd >= 0) {
        /* a child that has not reached its execve holds a copy: closing alone would leave what epoll knows of it behind */
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, *fd, NULL);
        close(*fd);
    }
    *fd = -1;
}

static int watch(struct source *s) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &e);
}

/* ---- reports ---- */

static void lose_engine(void);

static void tell(const struct report *r, const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * 4)] = {0};
    struct iovec iov = {(void *)r, sizeof *r};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (engine.fd < 0)
        return;
    if (count > 0) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    }
    if (sendmsg(engine.fd, &m, MSG_NOSIGNAL) < 0)
        lose_engine(); /* a dead engine asks again when it comes back */
}

static struct report about(const struct process *p, enum report_word word, uint32_t sequence) {
    struct report r = {.word = word, .sequence = sequence, .pid = p->pid, .status = p->status};
    memcpy(r.id, p->id, ID_SIZE);
    r.state = (p->exited ? STATE_EXITED : 0U) | (p->waiting ? STATE_WAITING : 0U);
    return r;
}

static void answer(uint32_t sequence, int error) {
    struct report r = {.word = error ? REPORT_FAILED : REPORT_DONE, .sequence = sequence, .error = error, .line = UINT32_MAX};
    tell(&r, NULL, 0);
}

static void tell_spawned(const struct process *p, uint32_t sequence) {
    struct report r = about(p, REPORT_SPAWNED, sequence);
    int fds[3], n = 0;
    if (p->pidfd.fd >= 0) {
        r.state |= STATE_HAS_PIDFD;
        fds[n++] = p->pidfd.fd;
    }
    if (p->terminal && p->output.fd >= 0) {
        r.state |= STATE_HAS_TERMINAL;
        fds[n++] = p->output.fd;
    }
    if (p->input >= 0) {
        r.state |= STATE_HAS_INPUT;
        fds[n++] = p->input;
    }
    tell(&r, fds, n);
}

static void tell_output(struct process *p) {
    struct report r = about(p, REPORT_OUTPUT, 0);
    r.number = p->log_size;
    p->watched = 0;
    tell(&r, NULL, 0);
}

/* ---- logs ---- */

/* A record of a log: header, bytes, and the length once more so that it can be read backwards. */
struct log_header {
    uint32_t size;
    uint8_t stream, version;
    uint16_t middle; /* 1 where it goes on with a line that began before */
    uint64_t nanoseconds;
};

/* A record as three parts of a write. */
struct record {
    struct log_header header;
    uint32_t trailer;
};

static size_t frame(struct record *r, struct iovec *parts, uint8_t stream, int middle, const char *bytes, size_t size) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    r->header = (struct log_header){.size = (uint32_t)size, .stream = stream, .version = 1, .middle = (uint16_t)middle,
                                    .nanoseconds = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec};
    r->trailer = (uint32_t)size;
    parts[0] = (struct iovec){&r->header, sizeof r->header};
    parts[1] = (struct iovec){(void *)bytes, size};
    parts[2] = (struct iovec){&r->trailer, sizeof r->trailer};
    return sizeof r->header + size + sizeof r->trailer;
}

static void append(struct process *p, uint8_t stream, const char *bytes, size_t size) {
    struct record note, record;
    struct iovec parts[6];
    char text[96];
    int count = 0;
    size_t all = 0;
    if (p->log < 0)
        return;
    if (p->missing) { /* told together with what comes next, so that the last bytes of a disk are not filled with notes */
        int n = snprintf(text, sizeof text, "kist: %llu bytes of output are missing here, there was no space on the disk\n",
                         (unsigned long long)p->missing);
        all += frame(&note, parts, 3, 0, text, (size_t)n);
        count += 3;
    }
    int *middle = &p->middle[stream == 2];
    all += frame(&record, parts + count, stream, *middle, bytes, size);
    *middle = bytes[size - 1] != '\n';
    ssize_t n = p->stuck ? 0 : writev(p->log, parts, count + 3);
    if (n == (ssize_t)all) {
        p->log_size += all;
        p->missing = 0;
    } else {
        p->dropped += size;
        p->missing += size;
        /* a torn record would hide all that follow */
        if (n > 0 && ftruncate(p->log, (off_t)(p->log_size - (p->count ? p->starts[p->count - 1] : 0))) < 0)
            drop(&p->log);
    }
    if (p->watched)
        tell_output(p);
}

static void segment_name(char name[40], uint64_t start, const char *suffix) {
    if (start)
        snprintf(name, 40, "log.%019llu%s", (unsigned long long)start, suffix);
    else
        snprintf(name, 40, "log%s", suffix);
}

/* Notes that a segment begins there, oldest first; 0 where there is no memory. */
static int add_segment(struct process *p, uint64_t start) {
    if (p->count == p->room) {
        uint32_t room = p->room ? 2 * p->room : 8;
        uint64_t *more = realloc(p->starts, room * sizeof *more);
        if (!more)
            return 0;
        p->starts = more;
        p->room = room;
    }
    uint32_t at = p->count;
    while (at > 0 && p->starts[at - 1] > start)
        at--;
    if (at > 0 && p->starts[at - 1] == start)
        return 1;
    memmove(p->starts + at + 1, p->starts + at, (p->count - at) * sizeof *p->starts);
    p->starts[at] = start;
    p->count++;
    return 1;
}

/* Looks what earlier runs have left; 0, or an errno. */
static int find_segments(struct process *p, uint64_t current) {
    int copy = openat(p->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    int whole = d && add_segment(p, current);
    for (struct dirent *e; whole && (e = readdir(d));) {
        char name[40], *end = e->d_name;
        uint64_t start = strncmp(e->d_name, "log.", 4) == 0 ? strtoull(e->d_name + 4, &end, 10) : 0;
        segment_name(name, start, "");
        size_t length = strlen(name);
        if (start < current && strncmp(e->d_name, name, length) == 0 &&
            (e->d_name[length] == 0 || strcmp(e->d_name + length, ".gz") == 0))
            whole = add_segment(p, start);
    }
    if (d)
        closedir(d);
    else
        drop(&copy);
    return whole ? 0 : ENOMEM;
}

/* Ends the segment that is written to and begins another; EBUSY where a reader still needs the one that had to go. */
static int begin_segment(struct process *p) {
    char name[40];
    if (p->files && p->count >= p->files && (p->count > 1 ? p->starts[1] : p->log_size) > p->hold)
        return EBUSY;
    segment_name(name, p->log_size, "");
    int fd = openat(p->directory, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_TRUNC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    if (!add_segment(p, p->log_size)) {
        close(fd);
        return ENOMEM;
    }
    drop(&p->log);
    p->log = fd;
    while (p->files && p->count > p->files && p->starts[1] <= p->hold) {
        segment_name(name, p->starts[0], "");
        unlinkat(p->directory, name, 0);
        segment_name(name, p->starts[0], ".gz");
        unlinkat(p->directory, name, 0);
        memmove(p->starts, p->starts + 1, --p->count * sizeof *p->starts);
    }
    return 0;
}

/* How much may be read for the log now; 0 where nothing, until a reader has got on. */
static size_t room_of(struct process *p) {
    enum { FRAME = sizeof(struct log_header) + sizeof(uint32_t) };
    if (p->log < 0 || !p->limit)
        return CHUNK;
    uint64_t used = p->log_size - p->starts[p->count - 1], rest = used < p->limit ? p->limit - used : 0;
    if (used && rest < LEAST_CHUNK + FRAME) {
        int error = begin_segment(p);
        if (error == EBUSY)
            return 0;
        p->stuck = error != 0;
        rest = p->limit;
    }
    return rest > CHUNK + FRAME ? CHUNK : rest > LEAST_CHUNK + FRAME ? (size_t)rest - FRAME : LEAST_CHUNK;
}

static void hold_back(struct process *p) {
    if (p->held_back)
        return;
    p->held_back = 1;
    for (struct source *s = &p->output; s; s = s == &p->output ? &p->error : NULL)
        if (s->fd >= 0)
            epoll_ctl(epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
}

/* Lets go of what begins before this offset. */
static void hold(struct process *p, uint64_t offset) {
    p->hold = offset;
    if (!p->held_back)
        return;
    p->held_back = 0;
    for (struct source *s = &p->output; s; s = s == &p->output ? &p->error : NULL)
        if (s->fd >= 0)
            watch(s);
}

/* Nobody reads any more. */
static void lose_engine(void) {
    drop(&engine.fd);
    for (struct process *p = processes; p; p = p->next)
        hold(p, UINT64_MAX);
}

/* Reads once from a stream of a process; 0 when it has nothing more to give now or ever. */
static int pump(struct source *s) {
    struct process *p = s->process;
    size_t room = room_of(p);
    if (room == 0 && !p->exited) {
        hold_back(p);
        return 0;
    }
    ssize_t n = read(s->fd, buffer, room ? room : sizeof buffer);
    if (n > 0) {
        append(p, s->kind == SOURCE_ERROR ? 2 : 1, buffer, (size_t)n);
        return 1;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    drop(&s->fd); /* end of a pipe, or EIO: the last terminal was closed */
    return 0;
}

/* ---- processes ---- */

static struct process *find(const char *id) {
    for (struct process *p = processes; p; p = p->next)
        if (strncmp(p->id, id, ID_SIZE) == 0)
            return p;
    return NULL;
}

static void forget(struct process *gone) {
    for (struct process **p = &processes; *p; p = &(*p)->next)
        if (*p == gone) {
            *p = gone->next;
            break;
        }
    drop(&gone->sync.fd);
    drop(&gone->pidfd.fd);
    drop(&gone->output.fd);
    drop(&gone->error.fd);
    drop(&gone->input);
    drop(&gone->log);
    drop(&gone->directory);
    free(gone->starts);
    free(gone);
}

static void on_exit_of(struct process *p) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)p->pidfd.fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return;
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, p->pidfd.fd, NULL);
    p->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    p->exited = 1;
    p->waiting = 0;
    /* what it left is less than so many reads; what others go on writing must not keep the keeper here */
    for (int i = 0; i < DRAIN_READS && p->capture && p->output.fd >= 0 && pump(&p->output); i++)
        ;
    for (int i = 0; i < DRAIN_READS && p->capture && p->error.fd >= 0 && pump(&p->error); i++)
        ;
    drop(&p->output.fd);
    drop(&p->error.fd);
    drop(&p->input);
    drop(&p->log);
    drop(&p->directory);
    if (p->sequence) /* the order that made it has not been answered: its sync socket tells why */
        return;
    struct report r = about(p, REPORT_EXITED, 0);
    r.number = p->dropped;
    tell(&r, NULL, 0);
}

static void on_sync(struct process *p) {
    struct child_message m = {0};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {&m, sizeof m};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(p->sync.fd, &h, MSG_CMSG_CLOEXEC);
    uint32_t sequence = p->sequence;
    if (n == sizeof m && m.word == CHILD_FD) {
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        if (c && c->cmsg_type == SCM_RIGHTS && p->terminal && p->output.fd < 0) {
            memcpy(&p->output.fd, CMSG_DATA(c), sizeof(int));
            if (p->capture) { /* without a log somebody else reads */
                fcntl(p->output.fd, F_SETFL, O_RDWR | O_NONBLOCK);
                watch(&p->output);
            }
        }
        return;
    }
    if (n == sizeof m && m.word == CHILD_READY) {
        p->waiting = 1;
        p->sequence = 0;
        tell_spawned(p, sequence);
        return;
    }
    if (n == sizeof m && m.word == CHILD_FAILED) {
        struct report r = about(p, REPORT_FAILED, sequence);
        r.error = m.error;
        r.line = m.line;
        waitid(P_PIDFD, (id_t)p->pidfd.fd, &(siginfo_t){0}, WEXITED); /* it exits right after these words */
        tell(&r, NULL, 0);
        forget(p);
        return;
    }
    /* the end of the socket: execve closed it, or the child was killed, which its pidfd tells */
    drop(&p->sync.fd);
    p->sequence = 0;
    p->waiting = 0;
    if (sequence)
        tell_spawned(p, sequence);
    if (sequence && p->exited) {
        struct report r = about(p, REPORT_EXITED, 0);
        tell(&r, NULL, 0);
    }
}

static void child(const struct tape *tape, int64_t *results, int sync) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* what started the keeper may have ignored some; the kernel's call, since the C library hides two of them */
    struct { void (*handler)(int); unsigned long flags; void (*restorer)(void); uint64_t mask; } usual = {0};
    for (int number = 1; number <= 64; number++)
        syscall(SYS_rt_sigaction, number, &usual, NULL, sizeof usual.mask);
    umask(022);
    tape_replay(tape, results, sync);
    _exit(127);
}

/* Makes the process; 0, or an errno with nothing left behind but p. */
static int start(struct process *p, const struct order *o, const struct tape *tape, int pidns, int cgroup) {
    int pair[2], pidfd = -1, error = 0;
    size_t size = tape->line_count * sizeof(int64_t);
    int64_t *results = calloc(tape->line_count, sizeof *results);
    if (!results || size == 0)
        return ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        error = errno;
        free(results);
        return error;
    }
    struct clone_args args = {.flags = (o->number & ~(uint64_t)(CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SETTLS)) | CLONE_PIDFD,
                              .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    if (pidns >= 0 && setns(pidns, CLONE_NEWPID) < 0)
        error = errno;
    if (!error) {
        long pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid == 0)
            child(tape, results, pair[1]);
        if (pid < 0)
            error = errno;
        p->pid = (pid_t)pid;
    }
    if (pidns >= 0 && setns(own_pidns, CLONE_NEWPID) < 0)
        die("cannot return to the pid namespace");
    close(pair[1]);
    free(results);
    if (error) {
        close(pair[0]);
        return error;
    }
    p->sync.fd = pair[0];
    p->pidfd.fd = pidfd;
    if (watch(&p->sync) < 0 || watch(&p->pidfd) < 0)
        die("epoll_ctl");
    return 0;
}

static struct process *new_process(const char *id) {
    struct process *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    memcpy(p->id, id, ID_SIZE);
    p->sync = (struct source){SOURCE_SYNC, -1, p};
    p->pidfd = (struct source){SOURCE_PIDFD, -1, p};
    p->output = (struct source){SOURCE_OUTPUT, -1, p};
    p->error = (struct source){SOURCE_ERROR, -1, p};
    p->input = p->log = p->directory = -1;
    p->hold = UINT64_MAX;
    p->next = processes;
    processes = p;
    return p;
}

static int take(int **fds, int *count, uint32_t flags, uint32_t bit) {
    if (!(flags & bit) || *count == 0)
        return -1;
    int fd = **fds;
    **fds = -1; /* it has an owner now */
    (*fds)++;
    (*count)--;
    return fd;
}

static void spawn(const struct order *o, int *fds, int count) {
    int wanted = 1 + __builtin_popcount(o->flags & (SPAWN_PIDNS | SPAWN_CGROUP | SPAWN_INPUT | SPAWN_OUTPUT | SPAWN_ERROR |
                                                    SPAWN_LOG | SPAWN_DIRECTORY));
    struct stat st;
    if (count < wanted || fstat(fds[0], &st) < 0 || st.st_size <= 0 || st.st_size > MAX_TAPE) {
        answer(o->sequence, EPROTO);
        return;
    }
    struct process *p = find(o->id);
    if (p && !p->exited) {
        answer(o->sequence, EEXIST);
        return;
    }
    if (p)
        forget(p);
    size_t size = (size_t)st.st_size;
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fds[0], 0);
    if (bytes == MAP_FAILED || !(p = new_process(o->id))) {
        answer(o->sequence, ENOMEM);
        return;
    }
    fds++;
    count--;
    int pidns = take(&fds, &count, o->flags, SPAWN_PIDNS), cgroup = take(&fds, &count, o->flags, SPAWN_CGROUP);
    p->terminal = !!(o->flags & SPAWN_TERMINAL);
    p->capture = !!(o->flags & SPAWN_LOG);
    p->sequence = o->sequence;
    p->input = take(&fds, &count, o->flags, SPAWN_INPUT);
    p->output.fd = take(&fds, &count, o->flags, SPAWN_OUTPUT);
    p->error.fd = take(&fds, &count, o->flags, SPAWN_ERROR);
    p->log = take(&fds, &count, o->flags, SPAWN_LOG);
    p->directory = take(&fds, &count, o->flags, SPAWN_DIRECTORY);
    if (p->log >= 0) {
        off_t end = lseek(p->log, 0, SEEK_END);
        p->log_size = o->start + (end > 0 ? (uint64_t)end : 0);
    }
    int error = 0;
    if (p->log >= 0 && p->directory >= 0) {
        p->limit = o->limit;
        p->files = o->files;
        p->hold = o->hold;
        error = find_segments(p, o->start);
    }
    struct tape tape;
    if (!error)
        error = tape_check(&tape, bytes, size, fds, (uint32_t)count);
    if (!error)
        error = start(p, o, &tape, pidns, cgroup);
    munmap(bytes, size);
    drop(&pidns);
    drop(&cgroup);
    if (error) {
        forget(p);
        answer(o->sequence, error);
        return;
    }
    for (struct source *s = &p->output; s; s = s == &p->output ? &p->error : NULL)
        if (s->fd >= 0) {
            fcntl(s->fd, F_SETFL, O_NONBLOCK);
            watch(s);
        }
}

static void list(uint32_t sequence) {
    for (struct process *p = processes; p; p = p->next) {
        struct report r = about(p, REPORT_HELD, sequence);
        tell(&r, NULL, 0);
    }
    answer(sequence, 0);
}

static void obey(const struct order *o, int *fds, int count) {
    struct process *p = find(o->id);
    if (o->word == ORDER_SPAWN) {
        spawn(o, fds, count);
    } else if (o->word == ORDER_LIST) {
        list(o->sequence);
    } else if (o->word == ORDER_SHUTDOWN) {
        for (p = processes; p && p->exited; p = p->next)
            ;
        answer(o->sequence, p ? EBUSY : 0);
        if (!p)
            exit(0);
    } else if (o->word == ORDER_VERSION) {
        struct report r = {.word = REPORT_DONE, .sequence = o->sequence, .number = PROTOCOL};
        tell(&r, NULL, 0);
    } else if (!p) {
        answer(o->sequence, ESRCH);
    } else if (o->word == ORDER_TAKE) {
        tell_spawned(p, o->sequence);
    } else if (o->word == ORDER_PROCEED) {
        if (!p->waiting || write(p->sync.fd, "g", 1) != 1) {
            answer(o->sequence, EINVAL);
        } else {
            p->waiting = 0;
            p->sequence = o->sequence;
        }
    } else if (o->word == ORDER_FORGET) {
        int running = !p->exited;
        if (!running)
            forget(p);
        answer(o->sequence, running ? EBUSY : 0);
    } else if (o->word == ORDER_WATCH) {
        p->watched = 1;
        if (p->exited || p->log_size != o->number)
            tell_output(p);
    } else if (o->word == ORDER_HOLD) {
        hold(p, o->number);
    } else if (o->word == ORDER_ROTATE) {
        answer(o->sequence, p->directory < 0 || p->log < 0 ? EINVAL
                            : p->starts[p->count - 1] == p->log_size ? 0 : begin_segment(p));
    } else if (o->word == ORDER_CLOSE_INPUT) {
        drop(&p->input);
        answer(o->sequence, 0);
    } else {
        answer(o->sequence, ENOSYS);
    }
}

/* ---- the engine's socket ---- */

static void on_order(void) {
    struct order o = {0};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * MAX_FDS)];
    } control;
    struct iovec iov = {&o, sizeof o};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(engine.fd, &m, MSG_CMSG_CLOEXEC);
    if (n <= 0) {
        if (n == 0 || (errno != EINTR && errno != EAGAIN))
            lose_engine();
        return;
    }
    int fds[MAX_FDS], count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)count);
        }
    o.id[ID_SIZE - 1] = 0;
    if ((n != sizeof o && n != FIRST_ORDER_SIZE) || (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
        answer(o.sequence, EPROTO);
    else
        obey(&o, fds, count);
    for (int i = 0; i < count; i++)
        drop(&fds[i]);
}

static void on_connection(void) {
    int fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid()) {
        close(fd);
        return;
    }
    lose_engine(); /* the newest engine is the one that holds the lock on the state */
    engine.fd = fd;
    watch(&engine);
}

/* ---- the beginning ---- */

/* Runs from a sealed copy of itself, so that no container can reach the file on disk through /proc (CVE-2019-5736). */
static void seal_self(char **argv) {
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), copy = memfd_create("kist-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct stat st;
    if (self < 0 || copy < 0 || fstat(self, &st) < 0)
        die("cannot read itself");
    if (fcntl(self, F_GET_SEALS) >= 0) { /* it is the copy already */
        close(self);
        close(copy);
        return;
    }
    for (off_t done = 0; done < st.st_size;)
        if (sendfile(copy, self, &done, (size_t)(st.st_size - done)) <= 0)
            die("cannot copy itself");
    if (fchmod(copy, 0500) < 0 || fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        die("cannot seal its copy");
    syscall(SYS_execveat, copy, "", argv, (char *[]){NULL}, AT_EMPTY_PATH);
    die("cannot run its sealed copy");
}

static void open_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    memcpy(address.sun_path, path, strlen(path));
    listener.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    umask(0177);
    unlink(path);
    if (listener.fd < 0 || bind(listener.fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener.fd, 4) < 0)
        die(path);
    umask(022);
}

/* Leaves the host's mounts: a new mount namespace copies one mount instead of thousands, and no host path resolves. */
static void leave_host(void) {
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("kist-keeper", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=4,mode=0555") < 0 ||
        mkdir("/proc/r", 0555) < 0 || chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 || mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        die("cannot set up its mount namespace (Kist needs root)");
}

int main(int argc, char **argv) {
    const char *name = strrchr(argv[0], '/');
    if (strcmp(name ? name + 1 : argv[0], "hello") == 0)
        return hello_main(argc, argv);
    if (strcmp(name ? name + 1 : argv[0], "docker-init") == 0)
        return init_main(argc, argv);
    if (argc != 2) {
        fprintf(stderr, "usage: kist-keeper SOCKET\n");
        return 2;
    }
    seal_self(argv);
    own_pidns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (own_pidns < 0 || null < 0)
        die("/proc/self/ns/pid or /dev/null");
    open_socket(argv[1]);
    leave_host();
    /* exec keeps what whoever started this ignored, and libc's sigaction refuses two signals of its own */
    static const unsigned long standard[8];
    for (long s = 1; s <= 64; s++)
        syscall(SYS_rt_sigaction, s, standard, NULL, 8L);
    signal(SIGPIPE, SIG_IGN);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || watch(&listener) < 0)
        die("epoll");
    /* the engine reads its standard output to the end: then the socket is ready */
    pid_t self = fork();
    if (self < 0)
        die("fork");
    if (self > 0)
        _exit(0);
    setsid();
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    close(null);
    for (;;) {
        struct epoll_event e;
        int n = epoll_wait(epoll_fd, &e, 1, -1);
        if (n < 0 && errno != EINTR)
            return 1;
        if (n < 1)
            continue;
        struct source *s = e.data.ptr;
        switch (s->kind) {
        case SOURCE_LISTENER: on_connection(); break;
        case SOURCE_ENGINE: on_order(); break;
        case SOURCE_SYNC: on_sync(s->process); break;
        case SOURCE_PIDFD: on_exit_of(s->process); break;
        default: pump(s); break;
        }
    }
}

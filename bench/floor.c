/* bench/floor BUSYBOX ROUNDS: what the kernel alone takes to bear a container, as medians and minima in ms on one line of
 * JSON. It makes the system calls that such a birth needs and nothing else, from a small process without threads: an
 * overlay as root, new namespaces, proc, sys, dev, pivot_root, capabilities, a seccomp filter, exec of busybox true. No
 * engine can be quicker; how near one comes is the measure of its own work. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* sys/mount.h and linux/mount.h do not go together */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
#define DETACH 2
#define FILTER_LENGTH 190
#define KIST_NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static char home[] = "/var/tmp/kist-floor-XXXXXX";

static void die(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static pid_t first;

static void clear(void) {
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", home);
    if (getpid() == first && system(command)) perror(command);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* A detached mount of a file system of this kind with these options, "name=value" each. */
static int detached(const char *kind, const char *const *options, unsigned int attributes) {
    int context = syscall(SYS_fsopen, kind, FSOPEN_CLOEXEC);
    if (context < 0) die(kind);
    for (; *options; options++) {
        char name[32];
        const char *value = strchr(*options, '=');
        snprintf(name, sizeof name, "%.*s", (int)(value - *options), *options);
        if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, name, value + 1, 0)) die(*options);
    }
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) die(kind);
    int mounted = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
    if (mounted < 0) die(kind);
    close(context);
    return mounted;
}

static void attach(int mounted, const char *where) {
    if (syscall(SYS_move_mount, mounted, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH)) die(where);
    close(mounted);
}

static const char *const none[] = {NULL};

static void filter(void) {
    struct sock_filter code[FILTER_LENGTH];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    /* numbers no kernel has, so that every call goes the whole way */
    while (n < FILTER_LENGTH - 2) {
        code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 100000u + n, FILTER_LENGTH - 2 - n, 0);
        n++;
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    struct sock_fprog program = {(unsigned short)n, code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) die("seccomp");
}

static void capabilities(void) {
    const uint64_t kept = 0xa80425fb;
    for (int c = 0; c <= 40; c++)
        if (!(kept >> c & 1)) prctl(PR_CAPBSET_DROP, c);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2] = {{(uint32_t)kept, (uint32_t)kept, 0}, {0, 0, 0}};
    if (syscall(SYS_capset, &header, sets)) die("capset");
}

static void born(int root, int network) {
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const int minors[] = {3, 5, 7, 8, 9, 0};
    if (network >= 0 && setns(network, CLONE_NEWNET)) die("setns");
    if (mount(NULL, "/", NULL, 1ul << 18 | 1ul << 14, NULL)) die("private mounts");
    attach(root, home);
    if (chdir(home)) die(home);
    attach(detached("proc", none, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), "proc");
    attach(detached("tmpfs", (const char *const[]){"mode=755", "size=65536k", NULL}, MOUNT_ATTR_NOSUID), "dev");
    if (mkdir("dev/pts", 0755) || mkdir("dev/shm", 0755) || mkdir("dev/mqueue", 0755)) die("dev");
    attach(detached("devpts", (const char *const[]){"mode=0620", "ptmxmode=0666", NULL}, MOUNT_ATTR_NOSUID), "dev/pts");
    attach(detached("tmpfs", (const char *const[]){"mode=1777", "size=65536k", NULL}, MOUNT_ATTR_NOSUID), "dev/shm");
    attach(detached("mqueue", none, MOUNT_ATTR_NOSUID), "dev/mqueue");
    attach(detached("sysfs", none, MOUNT_ATTR_RDONLY), "sys");
    umask(0);
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "dev/%s", devices[i]);
        if (mknod(name, S_IFCHR | 0666, makedev(i == 5 ? 5 : 1, minors[i]))) die(name);
    }
    umask(022);
    if (symlink("/proc/self/fd", "dev/fd") || symlink("pts/ptmx", "dev/ptmx")) die("links");
    for (int i = 0; i < 10; i++) {
        /* a masked path each */
        int clone = syscall(SYS_open_tree, AT_FDCWD, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (clone < 0) die("open_tree");
        attach(clone, i % 2 ? "proc/keys" : "proc/interrupts");
    }
    if (syscall(SYS_pivot_root, ".", ".") || umount2(".", DETACH) || chdir("/")) die("pivot_root");
    if (sethostname("floor", 5)) die("sethostname");
    filter(); /* takes CAP_SYS_ADMIN where no_new_privs is off */
    capabilities();
    execve("/bin/busybox", (char *[]){"true", NULL}, (char *[]){"PATH=/bin", NULL});
    die("execve");
}

static int order(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static void tell(const char *what, double *times, int rounds, const char *behind) {
    qsort(times, rounds, sizeof *times, order);
    printf("\"%s, median\": %.3f, \"%s, least\": %.3f%s", what, times[rounds / 2], what, times[0], behind);
}

int main(int argc, char **argv) {
    int rounds = argc == 3 ? atoi(argv[2]) : 0;
    if (rounds < 1) {
        fprintf(stderr, "usage: floor BUSYBOX ROUNDS\n");
        return 2;
    }
    if (!mkdtemp(home) || chdir(home)) die(home);
    first = getpid();
    atexit(clear);
    char command[512];
    snprintf(command, sizeof command,
             "mkdir -p lower/bin lower/proc lower/sys lower/dev && cp '%s' lower/bin/busybox", argv[1]);
    if (system(command)) die(command);
    int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (unshare(CLONE_NEWNET)) die("unshare");
    int ready = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (host < 0 || ready < 0 || setns(host, CLONE_NEWNET)) die("network namespaces");
    double *prepared = calloc(rounds, sizeof(double)), *spawned = calloc(rounds, sizeof(double)),
           *reaped = calloc(rounds, sizeof(double)), *inclusive = calloc(rounds, sizeof(double));
    for (int i = 0; i < 2 * rounds; i++) {
        int own = i % 2; /* every other one makes a network namespace instead of joining one that is ready */
        char upper[64], work[64];
        double begun = now();
        snprintf(upper, sizeof upper, "upperdir=%s/u%d", home, i);
        snprintf(work, sizeof work, "workdir=%s/w%d", home, i);
        if (mkdir(strchr(upper, '=') + 1, 0755) || mkdir(strchr(work, '=') + 1, 0755)) die("mkdir");
        char lower[64];
        snprintf(lower, sizeof lower, "lowerdir=%s/lower", home);
        int root = detached("overlay", (const char *const[]){lower, upper, work, NULL}, 0);
        int end[2];
        if (pipe2(end, O_CLOEXEC)) die("pipe");
        double made = now();
        struct clone_args arguments = {.flags = KIST_NAMESPACES | (own ? CLONE_NEWNET : 0), .exit_signal = SIGCHLD};
        long child = syscall(SYS_clone3, &arguments, sizeof arguments);
        if (child < 0) die("clone3");
        if (child == 0) born(root, own ? -1 : ready);
        close(end[1]);
        char none_comes;
        if (read(end[0], &none_comes, 1) != 0) die("read"); /* the other end closes at exec */
        double executed = now();
        int status;
        if (waitpid((pid_t)child, &status, 0) < 0 || status) die("the child");
        double ended = now();
        close(end[0]);
        close(root);
        if (own) {
            inclusive[i / 2] = executed - made;
        } else {
            prepared[i / 2] = made - begun;
            spawned[i / 2] = executed - made;
            reaped[i / 2] = ended - begun;
        }
    }
    printf("{");
    tell("root made", prepared, rounds, ", ");
    tell("clone to exec", spawned, rounds, ", ");
    tell("clone to exec with a new network namespace", inclusive, rounds, ", ");
    tell("all until reaped", reaped, rounds, "}\n");
    return 0;
}

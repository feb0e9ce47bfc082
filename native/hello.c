/* The program of the image "hello": greets, and says what a container finds itself in. Only reads; works anywhere. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int hello_main(int argc, char **argv);

static const char *const capability_names[] = {
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore"};

/* Reads a small file into a buffer as a string; 0 when it cannot be read. */
static int slurp(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t length = 0;
    while (length < size - 1) {
        ssize_t n = read(fd, buffer + length, size - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    close(fd);
    buffer[length] = 0;
    return length > 0;
}

static void label(const char *name)
{
    printf("  %-13s ", name);
}

/* The value of a line "Name:\tvalue" of /proc/self/status; empty when there is none. */
static void status_line(const char *status, const char *name, char *value, size_t size)
{
    value[0] = 0;
    size_t length = strlen(name);
    for (const char *line = status; line && *line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            snprintf(value, size, "%.*s", (int)strcspn(line + length + 2, "\n"), line + length + 2);
            return;
        }
    }
}

static void capabilities(const char *hex)
{
    unsigned long long set = strtoull(hex, NULL, 16);
    int count = __builtin_popcountll(set);
    const int known = (int)(sizeof capability_names / sizeof *capability_names);
    label("capabilities");
    if (count == 0 || count >= known) {
        puts(count == 0 ? "none" : "all");
        return;
    }
    printf("%d:", count);
    int column = 0;
    for (int i = 0; i < 64; i++) {
        if (!(set >> i & 1))
            continue;
        if (column++ == 7) {
            printf("\n  %-13s   ", "");
            column = 1;
        }
        if (i < known)
            printf(" %s", capability_names[i]);
        else
            printf(" %d", i);
    }
    putchar('\n');
}

/* A limit in bytes; what v1 says for "none" is a number near 2^63. */
static void memory_limit(void)
{
    char text[64];
    label("memory");
    if (!slurp("/sys/fs/cgroup/memory.max", text, sizeof text)
        && !slurp("/sys/fs/cgroup/memory/memory.limit_in_bytes", text, sizeof text)) {
        puts("cannot be read");
        return;
    }
    unsigned long long bytes = strtoull(text, NULL, 10);
    if (strncmp(text, "max", 3) == 0 || bytes >= 1ULL << 60)
        puts("no limit");
    else
        printf("at most %.1f MiB\n", (double)bytes / (1 << 20));
}

static void cpu_limit(void)
{
    char text[64], period[64];
    long long quota = -1, per = 100000;
    label("cpu");
    if (slurp("/sys/fs/cgroup/cpu.max", text, sizeof text)) {
        char *rest = text;
        quota = strncmp(text, "max", 3) == 0 ? -1 : strtoll(text, &rest, 10);
        per = strtoll(rest, NULL, 10);
    } else if (slurp("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text, sizeof text)
               && slurp("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period)) {
        quota = strtoll(text, NULL, 10);
        per = strtoll(period, NULL, 10);
    } else {
        puts("cannot be read");
        return;
    }
    if (quota < 0 || per <= 0)
        printf("no limit (%ld processors)\n", sysconf(_SC_NPROCESSORS_ONLN));
    else
        printf("at most %.2f of %ld processors\n", (double)quota / (double)per, sysconf(_SC_NPROCESSORS_ONLN));
}

static void process_limit(void)
{
    char text[64];
    label("processes");
    if (!slurp("/sys/fs/cgroup/pids.max", text, sizeof text)
        && !slurp("/sys/fs/cgroup/pids/pids.max", text, sizeof text)) {
        puts("cannot be read");
        return;
    }
    text[strcspn(text, "\n")] = 0;
    printf("%s%s\n", strcmp(text, "max") == 0 ? "no limit" : "at most ", strcmp(text, "max") == 0 ? "" : text);
}

static void interfaces(void)
{
    struct ifaddrs *list, *i;
    if (getifaddrs(&list) != 0)
        return;
    for (i = list; i; i = i->ifa_next) {
        char address[INET6_ADDRSTRLEN] = "";
        if (!i->ifa_addr)
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, address, sizeof address);
        else if (i->ifa_addr->sa_family == AF_INET6)
            inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, address, sizeof address);
        else
            continue;
        label("interface");
        printf("%-8s %s%s\n", i->ifa_name, address, i->ifa_flags & IFF_UP ? "" : " (down)");
    }
    freeifaddrs(list);
}

int hello_main(int argc, char **argv)
{
    static char status[8192];
    char value[128];
    struct utsname uts;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "hello: takes no arguments\n");
        return 2;
    }
    puts("Hello from Kist!\n\nThis container works. It finds itself in:");
    if (uname(&uts) == 0) {
        label("hostname");
        puts(uts.nodename);
        label("kernel");
        printf("%s %s %s\n", uts.sysname, uts.release, uts.machine);
    }
    label("process");
    printf("pid %d, uid %u, gid %u\n", (int)getpid(), (unsigned)getuid(), (unsigned)getgid());
    if (slurp("/proc/self/status", status, sizeof status)) {
        status_line(status, "CapEff", value, sizeof value);
        capabilities(value);
        status_line(status, "Seccomp", value, sizeof value);
        label("seccomp");
        puts(strcmp(value, "2") == 0 ? "filtered" : strcmp(value, "0") == 0 ? "off" : value);
    }
    memory_limit();
    cpu_limit();
    process_limit();
    interfaces();
    puts("\nTo go on:  kist import rootfs.tar NAME  then  kist run -it NAME /bin/sh");
    return fflush(stdout) == 0 ? 0 : 1;
}

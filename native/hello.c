/* The program of the image "hello": greets, and says what a container finds itself in. It only reads. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

int hello_main(int argc, char **argv);
static const char *const capabilities[] = {
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore"};

/* Reads a small file as a string; 0 when it cannot be read. */
static int slurp(const char *path, char *buffer, size_t size)
{
    size_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
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

/* The value of "Name:\tvalue" in /proc/self/status; an empty string when it is not there. */
static const char *status(const char *name)
{
    static char text[8192], value[64];
    char *line = slurp("/proc/self/status", text, sizeof text) ? strstr(text, name) : NULL;
    if (!line)
        return "";
    line += strlen(name);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\n"), line);
    return value;
}

static void say_capabilities(void)
{
    unsigned long long set = strtoull(status("\nCapEff:\t"), NULL, 16);
    int known = (int)(sizeof capabilities / sizeof *capabilities);
    int count = __builtin_popcountll(set), column = 0;
    printf("  capabilities  %d", count);
    for (int i = 0; count < known - 1 && i < known; i++) {
        if (set >> i & 1) {
            printf("%s%s", column == 0 ? ": " : column % 7 == 0 ? "\n                    " : " ", capabilities[i]);
            column++;
        }
    }
    puts(count >= known - 1 ? ": all that there are" : "");
}

/* A file of the cgroup, of version 2 or of one of the places where version 1 has it. */
static int cgroup(char *text, size_t size, const char *v2, const char *controller, const char *v1)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", v2);
    if (slurp(path, text, size))
        return 2;
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s", controller, v1);
    return slurp(path, text, size);
}

static void say_limits(void)
{
    char text[64] = "", period[64] = "";
    long long value;
    int found = cgroup(text, sizeof text, "memory.max", "memory", "memory.limit_in_bytes");
    value = strtoll(text, NULL, 10); /* version 1 says "no limit" by a number near 2^63 */
    printf("  memory        ");
    if (found && *text != 'm' && value < 1LL << 60)
        printf("at most %.1f MiB\n", (double)value / (1 << 20));
    else
        puts(found ? "no limit" : "limit cannot be read");
    found = cgroup(text, sizeof text, "cpu.max", "cpu", "cpu.cfs_quota_us");
    if (found == 1 && !cgroup(period, sizeof period, "-", "cpu", "cpu.cfs_period_us"))
        found = 0;
    char *rest = found == 1 ? period : text;
    value = *text == 'm' ? -1 : strtoll(text, found == 2 ? &rest : NULL, 10);
    printf("  cpu           ");
    if (found && value > 0)
        printf("at most %.2f of %ld\n", (double)value / strtod(rest, NULL), sysconf(_SC_NPROCESSORS_ONLN));
    else
        printf("%s, %ld there\n", found ? "no limit" : "limit cannot be read", sysconf(_SC_NPROCESSORS_ONLN));

    found = cgroup(text, sizeof text, "pids.max", "pids", "pids.max");
    printf("  processes     ");
    if (found && *text != 'm')
        printf("at most %s", text);
    else
        puts(found ? "no limit" : "limit cannot be read");
}

static void say_interfaces(void)
{
    struct ifreq list[32];
    struct ifconf all = {.ifc_len = sizeof list, .ifc_req = list};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFCONF, &all) != 0)
        all.ifc_len = 0;
    if (all.ifc_len == 0)
        puts("  network       no address");
    for (int i = 0; i < all.ifc_len / (int)sizeof *list; i++) {
        struct sockaddr_in address;
        char text[INET_ADDRSTRLEN] = "";
        memcpy(&address, &list[i].ifr_addr, sizeof address);
        inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
        printf("  network       %.*s %s\n", IFNAMSIZ, list[i].ifr_name, text);
    }
    if (fd >= 0)
        close(fd);
}

int hello_main(int argc, char **argv)
{
    static char buffer[8192];
    struct utsname uts = {0};
    if (argc > 1) {
        fprintf(stderr, "hello: takes no arguments, yet there is \"%s\"\n", argv[1]);
        return 2;
    }
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    uname(&uts);
    puts("Hello from Kist!\n\nThis container works. It finds itself in:");
    printf("  hostname      %s\n  kernel        %s %s %s\n", uts.nodename, uts.sysname, uts.release, uts.machine);
    printf("  process       pid %d, uid %d, gid %d\n", (int)getpid(), (int)getuid(), (int)getgid());
    say_capabilities();
    printf("  seccomp       %s\n", strcmp(status("\nSeccomp:\t"), "2") == 0 ? "filtered" : "off");
    say_limits();
    say_interfaces();
    puts("\nTo go on:  kist import rootfs.tar NAME  and then  kist run -it NAME /bin/sh");
    return fflush(stdout) == 0 ? 0 : 1;
}

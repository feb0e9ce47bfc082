package kist.kernel;

/** System calls by name and their numbers on this machine's architecture (syscalls(2)). */
public enum Sys {
    /** read(2). */
    READ(0, 63),
    /** write(2). */
    WRITE(1, 64),
    /** close(2). */
    CLOSE(3, 57),
    /** lseek(2). */
    LSEEK(8, 62),
    /** rt_sigprocmask(2). */
    RT_SIGPROCMASK(14, 135),
    /** ioctl(2). */
    IOCTL(16, 29),
    /** pread64(2). */
    PREAD64(17, 67),
    /** pwrite64(2). */
    PWRITE64(18, 68),
    /** dup(2). */
    DUP(32, 23),
    /** sendfile(2). */
    SENDFILE(40, 71),
    /** socket(2). */
    SOCKET(41, 198),
    /** connect(2). */
    CONNECT(42, 203),
    /** accept4(2). */
    ACCEPT4(288, 242),
    /** sendto(2). */
    SENDTO(44, 206),
    /** recvfrom(2). */
    RECVFROM(45, 207),
    /** sendmsg(2). */
    SENDMSG(46, 211),
    /** recvmsg(2). */
    RECVMSG(47, 212),
    /** shutdown(2). */
    SHUTDOWN(48, 210),
    /** bind(2). */
    BIND(49, 200),
    /** listen(2). */
    LISTEN(50, 201),
    /** getsockname(2). */
    GETSOCKNAME(51, 204),
    /** setsockopt(2). */
    SETSOCKOPT(54, 208),
    /** getsockopt(2). */
    GETSOCKOPT(55, 209),
    /** clone(2). */
    CLONE(56, 220),
    /** execve(2). */
    EXECVE(59, 221),
    /** execveat(2). */
    EXECVEAT(322, 281),
    /** exit(2). */
    EXIT(60, 93),
    /** fcntl(2). */
    FCNTL(72, 25),
    /** flock(2). */
    FLOCK(73, 32),
    /** ftruncate(2). */
    FTRUNCATE(77, 46),
    /** fchdir(2). */
    FCHDIR(81, 50),
    /** chdir(2). */
    CHDIR(80, 49),
    /** fchmod(2). */
    FCHMOD(91, 52),
    /** fchown(2). */
    FCHOWN(93, 55),
    /** umask(2). */
    UMASK(95, 166),
    /** setuid(2). */
    SETUID(105, 146),
    /** setgid(2). */
    SETGID(106, 144),
    /** setsid(2). */
    SETSID(112, 157),
    /** setgroups(2). */
    SETGROUPS(116, 159),
    /** setresuid(2). */
    SETRESUID(117, 147),
    /** setresgid(2). */
    SETRESGID(119, 149),
    /** capget(2). */
    CAPGET(125, 90),
    /** capset(2). */
    CAPSET(126, 91),
    /** personality(2). */
    PERSONALITY(135, 92),
    /** fstatfs(2). */
    FSTATFS(138, 44),
    /** pivot_root(2). */
    PIVOT_ROOT(155, 41),
    /** prctl(2). */
    PRCTL(157, 167),
    /** chroot(2). */
    CHROOT(161, 51),
    /** sync(2). */
    SYNC(162, 81),
    /** syncfs(2). */
    SYNCFS(306, 267),
    /** mount(2). */
    MOUNT(165, 40),
    /** umount2(2). */
    UMOUNT2(166, 39),
    /** sethostname(2). */
    SETHOSTNAME(170, 161),
    /** setdomainname(2). */
    SETDOMAINNAME(171, 162),
    /** setxattr(2). */
    SETXATTR(188, 5),
    /** lsetxattr(2). */
    LSETXATTR(189, 6),
    /** getxattr(2). */
    GETXATTR(191, 8),
    /** lgetxattr(2). */
    LGETXATTR(192, 9),
    /** listxattr(2). */
    LISTXATTR(194, 11),
    /** llistxattr(2). */
    LLISTXATTR(195, 12),
    /** getdents64(2). */
    GETDENTS64(217, 61),
    /** openat(2). */
    OPENAT(257, 56),
    /** mkdirat(2). */
    MKDIRAT(258, 34),
    /** mknodat(2). */
    MKNODAT(259, 33),
    /** fchownat(2). */
    FCHOWNAT(260, 54),
    /** unlinkat(2). */
    UNLINKAT(263, 35),
    /** linkat(2). */
    LINKAT(265, 37),
    /** symlinkat(2). */
    SYMLINKAT(266, 36),
    /** readlinkat(2). */
    READLINKAT(267, 78),
    /** fchmodat(2). */
    FCHMODAT(268, 53),
    /** unshare(2). */
    UNSHARE(272, 97),
    /** utimensat(2). */
    UTIMENSAT(280, 88),
    /** eventfd2(2). */
    EVENTFD2(290, 19),
    /** dup3(2). */
    DUP3(292, 24),
    /** pipe2(2). */
    PIPE2(293, 59),
    /** prlimit64(2). */
    PRLIMIT64(302, 261),
    /** setns(2). */
    SETNS(308, 268),
    /** renameat2(2). */
    RENAMEAT2(316, 276),
    /** seccomp(2). */
    SECCOMP(317, 277),
    /** memfd_create(2). */
    MEMFD_CREATE(319, 279),
    /** copy_file_range(2). */
    COPY_FILE_RANGE(326, 285),
    /** statx(2). */
    STATX(332, 291),
    /** pidfd_send_signal(2). */
    PIDFD_SEND_SIGNAL(424, 424),
    /** open_tree(2). */
    OPEN_TREE(428, 428),
    /** move_mount(2). */
    MOVE_MOUNT(429, 429),
    /** fsopen(2). */
    FSOPEN(430, 430),
    /** fsconfig(2). */
    FSCONFIG(431, 431),
    /** fsmount(2). */
    FSMOUNT(432, 432),
    /** fspick(2). */
    FSPICK(433, 433),
    /** pidfd_open(2). */
    PIDFD_OPEN(434, 434),
    /** clone3(2). */
    CLONE3(435, 435),
    /** close_range(2). */
    CLOSE_RANGE(436, 436),
    /** openat2(2). */
    OPENAT2(437, 437),
    /** mount_setattr(2). */
    MOUNT_SETATTR(442, 442),
    /** fchmodat2(2). */
    FCHMODAT2(452, 452),
    /** getpid(2). */
    GETPID(39, 172),
    /** keyctl(2). */
    KEYCTL(250, 219),
    /** inotify_init1(2). */
    INOTIFY_INIT1(294, 26),
    /** fsync(2). */
    FSYNC(74, 82),
    /** fdatasync(2). */
    FDATASYNC(75, 83),
    /** sched_setscheduler(2). */
    SCHED_SETSCHEDULER(144, 119),
    /** epoll_create1(2). */
    EPOLL_CREATE1(291, 20),
    /** epoll_ctl(2). */
    EPOLL_CTL(233, 21),
    /** epoll_pwait(2). */
    EPOLL_PWAIT(281, 22),
    /** ppoll(2). */
    PPOLL(271, 73),
    /** ioprio_set(2). */
    IOPRIO_SET(251, 30),
    /** setpriority(2). */
    SETPRIORITY(141, 140);

    private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");

    private final int amd64;
    private final int aarch64;

    Sys(int amd64, int aarch64) {
        this.amd64 = amd64;
        this.aarch64 = aarch64;
    }

    /** The number on this machine's architecture. */
    public int number() {
        return ARM ? aarch64 : amd64;
    }
}

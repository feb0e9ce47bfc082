package kist.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static kist.kernel.Native.address;
import static kist.kernel.Native.call;
import static kist.kernel.Native.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The running kernel, called through java.lang.foreign; one short method a call, hence the length. */
final class NativeLinux implements Linux {
    static final NativeLinux INSTANCE = new NativeLinux();

    private static final int STATX_BASIC = 0x7ff;
    private static final int STATX_MNT_ID = 0x1000;
    private static final int AT_NO_AUTOMOUNT = 0x800;
    private static final int SOCK_CLOEXEC = 02000000;
    private static final int SCM_RIGHTS = 1;
    private static final int SO_PEERCRED = 17;
    private static final int MSG_CMSG_CLOEXEC = 0x40000000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final long FS_IOC_GETFLAGS = 0x80086601L;
    private static final long FS_IOC_SETFLAGS = 0x40086602L;
    private static final int FS_TOPDIR_FL = 0x00020000;
    private static final long TIOCSWINSZ = 0x5414;
    private static final long SIOCOUTQ = 0x5411;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_ADD_SEALS = 1033;
    private static final int ALL_SEALS = 0xf;
    private static final short POLLOUT = 4;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLL_CTL_MOD = 3;
    private static final int EPOLLONESHOT = 1 << 30;
    // struct epoll_event is packed on x86-64 alone (epoll_ctl(2))
    private static final int EPOLL_DATA = System.getProperty("os.arch", "").equals("aarch64") ? 8 : 4;
    private static final int EPOLL_SIZE = EPOLL_DATA + 8;
    private static final ValueLayout.OfInt UNALIGNED_INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int LOCK_SH = 1;
    private static final int LOCK_EX = 2;
    private static final int LOCK_NB = 4;

    private NativeLinux() {}

    static void close(int number) {
        try (Arena a = Arena.ofConfined()) {
            call(a, Sys.CLOSE, number);
        }
    }

    @Override
    public Fd open(Path path, int flags, int mode) {
        try (Arena a = Arena.ofConfined()) {
            return fd(
                    call(a, Sys.OPENAT, Flags.AT_FDCWD, address(a, path.toString()), flags | Flags.O_CLOEXEC, mode),
                    "open",
                    path);
        }
    }

    @Override
    public Fd openat2(Fd dir, String path, long flags, int mode, long resolve) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment how = a.allocate(24, 8);
            how.set(JAVA_LONG, 0, flags | Flags.O_CLOEXEC);
            how.set(JAVA_LONG, 8, mode);
            how.set(JAVA_LONG, 16, resolve);
            long result;
            int tries = 0;
            do {
                result = call(a, Sys.OPENAT2, dir.number(), address(a, path), how.address(), 24);
                // EAGAIN: the tree changed under a scoped look-up (openat2(2)); an attacker must not make us spin
            } while (result == -Errno.EAGAIN && ++tries < 100);
            return fd(result, "openat2", path);
        }
    }

    @Override
    public void mkdirat(Fd dir, String name, int mode) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.MKDIRAT, dir.number(), address(a, name), mode), "mkdirat", name);
        }
    }

    @Override
    public void mknodat(Fd dir, String name, int mode, int major, int minor) {
        long device = (minor & 0xffL) | ((major & 0xfffL) << 8) | ((minor & ~0xffL) << 12) | ((major & ~0xfffL) << 32);
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.MKNODAT, dir.number(), address(a, name), mode, device), "mknodat", name);
        }
    }

    @Override
    public void symlinkat(String target, Fd dir, String name) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.SYMLINKAT, address(a, target), dir.number(), address(a, name)), "symlinkat", name);
        }
    }

    @Override
    public void linkat(Fd oldDir, String oldName, Fd newDir, String newName) {
        try (Arena a = Arena.ofConfined()) {
            check(
                    call(
                            a,
                            Sys.LINKAT,
                            oldDir.number(),
                            address(a, oldName),
                            newDir.number(),
                            address(a, newName),
                            oldName.isEmpty() ? Flags.AT_EMPTY_PATH : 0),
                    "linkat",
                    newName);
        }
    }

    @Override
    public void unlinkat(Fd dir, String name, boolean directory) {
        try (Arena a = Arena.ofConfined()) {
            check(
                    call(a, Sys.UNLINKAT, dir.number(), address(a, name), directory ? Flags.AT_REMOVEDIR : 0),
                    "unlinkat",
                    name);
        }
    }

    @Override
    public void renameat2(Fd oldDir, String oldName, Fd newDir, String newName, int flags) {
        try (Arena a = Arena.ofConfined()) {
            check(
                    call(
                            a,
                            Sys.RENAMEAT2,
                            oldDir.number(),
                            address(a, oldName),
                            newDir.number(),
                            address(a, newName),
                            flags),
                    "renameat2",
                    newName);
        }
    }

    @Override
    public void fchownat(Fd dir, String name, long uid, long gid) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.FCHOWNAT, dir.number(), address(a, name), uid, gid, nofollow(name)), "fchownat", name);
        }
    }

    @Override
    public void chmod(Fd fd, int mode) {
        try (Arena a = Arena.ofConfined()) {
            long result = call(a, Sys.FCHMODAT2, fd.number(), address(a, ""), mode, Flags.AT_EMPTY_PATH);
            if (result == -Errno.ENOSYS) {
                // before Linux 6.6: an O_PATH descriptor can be changed only through /proc
                result = call(a, Sys.FCHMODAT, Flags.AT_FDCWD, address(a, fd.procPath()), mode);
            }
            check(result, "fchmodat2", "");
        }
    }

    @Override
    public void utimensat(Fd dir, String name, long atimeSec, long atimeNsec, long mtimeSec, long mtimeNsec) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment times = a.allocate(32, 8);
            times.set(JAVA_LONG, 0, atimeSec);
            times.set(JAVA_LONG, 8, atimeNsec);
            times.set(JAVA_LONG, 16, mtimeSec);
            times.set(JAVA_LONG, 24, mtimeNsec);
            check(
                    call(a, Sys.UTIMENSAT, dir.number(), address(a, name), times.address(), nofollow(name)),
                    "utimensat",
                    name);
        }
    }

    @Override
    public void setxattr(Fd dir, String name, String attribute, byte[] value) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment v = a.allocate(Math.max(1, value.length));
            MemorySegment.copy(value, 0, v, JAVA_BYTE, 0, value.length);
            check(
                    call(
                            a,
                            Sys.LSETXATTR,
                            address(a, entryPath(dir, name)),
                            address(a, attribute),
                            v.address(),
                            value.length,
                            0),
                    "lsetxattr " + attribute,
                    name);
        }
    }

    @Override
    public Optional<byte[]> getxattr(Fd dir, String name, String attribute) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment v = a.allocate(65536);
            long n =
                    call(a, Sys.LGETXATTR, address(a, entryPath(dir, name)), address(a, attribute), v.address(), 65536);
            if (n == -Errno.ENODATA || n == -Errno.EOPNOTSUPP) {
                return Optional.empty();
            }
            return Optional.of(
                    v.asSlice(0, check(n, "lgetxattr " + attribute, name)).toArray(JAVA_BYTE));
        }
    }

    @Override
    public List<String> listxattr(Fd dir, String name) {
        try (Arena a = Arena.ofConfined()) {
            long path = address(a, entryPath(dir, name));
            // most entries have none or few, and a buffer of the largest size has to be cleared each time
            MemorySegment v = a.allocate(1024);
            long n = call(a, Sys.LLISTXATTR, path, v.address(), v.byteSize());
            if (n == -Errno.ERANGE) {
                v = a.allocate(65536);
                n = call(a, Sys.LLISTXATTR, path, v.address(), v.byteSize());
            }
            if (n == -Errno.EOPNOTSUPP) {
                return List.of();
            }
            check(n, "llistxattr", name);
            List<String> names = new ArrayList<>();
            for (long at = 0; at < n; ) {
                String attribute = v.getString(at);
                names.add(attribute);
                at += attribute.getBytes(StandardCharsets.UTF_8).length + 1L;
            }
            return names;
        }
    }

    /** Extended attributes have no *at calls before Linux 6.13; the directory's descriptor is the anchor. */
    private static String entryPath(Fd dir, String name) {
        return name.isEmpty() ? dir.procPath() + "/." : dir.procPath() + "/" + name;
    }

    private static int nofollow(String name) {
        return name.isEmpty() ? Flags.AT_EMPTY_PATH : Flags.AT_SYMLINK_NOFOLLOW;
    }

    @Override
    public Stat stat(Fd dir, String name) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment s = a.allocate(256, 8);
            check(
                    call(
                            a,
                            Sys.STATX,
                            dir.number(),
                            address(a, name),
                            nofollow(name) | AT_NO_AUTOMOUNT,
                            STATX_BASIC | STATX_MNT_ID,
                            s.address()),
                    "statx",
                    name);
            return new Stat(
                    s.get(JAVA_SHORT, 28) & 0xffff,
                    s.get(JAVA_INT, 20) & 0xffffffffL,
                    s.get(JAVA_INT, 24) & 0xffffffffL,
                    s.get(JAVA_LONG, 40),
                    s.get(JAVA_LONG, 32),
                    s.get(JAVA_INT, 16) & 0xffffffffL,
                    s.get(JAVA_INT, 136),
                    s.get(JAVA_INT, 140),
                    s.get(JAVA_INT, 128),
                    s.get(JAVA_INT, 132),
                    s.get(JAVA_LONG, 112),
                    s.get(JAVA_INT, 120),
                    s.get(JAVA_LONG, 48),
                    s.get(JAVA_LONG, 144));
        }
    }

    @Override
    public String readlinkat(Fd dir, String name) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment buffer = a.allocate(4096);
            long n = check(
                    call(a, Sys.READLINKAT, dir.number(), address(a, name), buffer.address(), 4096),
                    "readlinkat",
                    name);
            return FileNames.decode(buffer.asSlice(0, n).toArray(JAVA_BYTE));
        }
    }

    @Override
    public List<DirEntry> list(Fd dir) {
        List<DirEntry> entries = new ArrayList<>();
        scan(dir, entries::add);
        return entries;
    }

    @Override
    public void scan(Fd dir, Consumer<DirEntry> visitor) {
        // a new description, so that each call begins at the first entry whatever was read before
        try (Fd fresh = openat2(dir, ".", Flags.O_RDONLY | Flags.O_DIRECTORY, 0, 0);
                Arena a = Arena.ofConfined()) {
            MemorySegment buffer = a.allocate(32768, 8);
            while (true) {
                long n = check(call(a, Sys.GETDENTS64, fresh.number(), buffer.address(), 32768), "getdents64", "");
                if (n == 0) {
                    return;
                }
                for (long at = 0; at < n; at += buffer.get(JAVA_SHORT, at + 16) & 0xffff) {
                    int end = 19;
                    while (buffer.get(JAVA_BYTE, at + end) != 0) {
                        end++;
                    }
                    String name =
                            FileNames.decode(buffer.asSlice(at + 19, end - 19).toArray(JAVA_BYTE));
                    if (!name.equals(".") && !name.equals("..")) {
                        visitor.accept(new DirEntry(name, buffer.get(JAVA_BYTE, at + 18), buffer.get(JAVA_LONG, at)));
                    }
                }
            }
        }
    }

    @Override
    public int read(Fd fd, byte[] buffer, int offset, int length) {
        return readInto(Sys.READ, fd, buffer, offset, length, 0);
    }

    @Override
    public int pread(Fd fd, byte[] buffer, int offset, int length, long position) {
        return readInto(Sys.PREAD64, fd, buffer, offset, length, position);
    }

    private static int readInto(Sys nr, Fd fd, byte[] buffer, int offset, int length, long position) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment m = a.allocate(Math.max(1, length));
            long n = call(a, nr, fd.number(), m.address(), length, position);
            if (n == -Errno.EAGAIN) {
                return -1;
            }
            check(n, "read", "");
            MemorySegment.copy(m, JAVA_BYTE, 0, buffer, offset, (int) n);
            return (int) n;
        }
    }

    @Override
    public void write(Fd fd, byte[] buffer, int offset, int length) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment m = a.allocate(Math.max(1, length));
            MemorySegment.copy(buffer, offset, m, JAVA_BYTE, 0, length);
            long done = 0;
            while (done < length) {
                long n = call(a, Sys.WRITE, fd.number(), m.address() + done, length - done);
                if (n == -Errno.EAGAIN) {
                    MemorySegment poll = a.allocate(8, 4);
                    poll.set(JAVA_INT, 0, fd.number());
                    poll.set(JAVA_SHORT, 4, POLLOUT);
                    call(a, Sys.PPOLL, poll.address(), 1, 0, 0);
                    continue;
                }
                done += check(n, "write", "");
            }
        }
    }

    @Override
    public void pwrite(Fd fd, byte[] buffer, int offset, int length, long position) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment m = a.allocate(Math.max(1, length));
            MemorySegment.copy(buffer, offset, m, JAVA_BYTE, 0, length);
            for (long done = 0; done < length; ) {
                done += check(
                        call(a, Sys.PWRITE64, fd.number(), m.address() + done, length - done, position + done),
                        "pwrite64",
                        "");
            }
        }
    }

    @Override
    public long copyRange(Fd from, long fromPosition, Fd to, long toPosition, long length) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment positions = a.allocate(16, 8);
            positions.set(JAVA_LONG, 0, fromPosition);
            positions.set(JAVA_LONG, 8, toPosition);
            return check(
                    call(
                            a,
                            Sys.COPY_FILE_RANGE,
                            from.number(),
                            positions.address(),
                            to.number(),
                            positions.address() + 8,
                            length,
                            0),
                    "copy_file_range",
                    "");
        }
    }

    @Override
    public long seek(Fd fd, long position, boolean hole) {
        try (Arena a = Arena.ofConfined()) {
            long result = call(a, Sys.LSEEK, fd.number(), position, hole ? SEEK_HOLE : SEEK_DATA);
            return result == -Errno.ENXIO ? -1 : check(result, "lseek", "");
        }
    }

    @Override
    public void truncate(Fd fd, long length) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.FTRUNCATE, fd.number(), length), "ftruncate", "");
        }
    }

    @Override
    public void syncfs(Fd fd) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.SYNCFS, fd.number()), "syncfs", "");
        }
    }

    @Override
    public long availableBytes(Fd fd) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment s = a.allocate(120, 8);
            check(call(a, Sys.FSTATFS, fd.number(), s.address()), "fstatfs", "");
            return s.get(JAVA_LONG, 8) * s.get(JAVA_LONG, 32);
        }
    }

    @Override
    public boolean spreadDirectories(Fd dir) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment flags = a.allocate(JAVA_LONG);
            check(call(a, Sys.IOCTL, dir.number(), FS_IOC_GETFLAGS, flags.address()), "ioctl FS_IOC_GETFLAGS", "");
            flags.set(JAVA_INT, 0, flags.get(JAVA_INT, 0) | FS_TOPDIR_FL);
            check(call(a, Sys.IOCTL, dir.number(), FS_IOC_SETFLAGS, flags.address()), "ioctl FS_IOC_SETFLAGS", "");
            return true;
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOTTY, Errno.EOPNOTSUPP, Errno.EPERM, Errno.EINVAL -> false;
                default -> throw e;
            };
        }
    }

    @Override
    public void sync(Fd fd, boolean metadata) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, metadata ? Sys.FSYNC : Sys.FDATASYNC, fd.number()), "fsync", "");
        }
    }

    @Override
    public boolean flock(Fd fd, boolean exclusive) {
        try (Arena a = Arena.ofConfined()) {
            long r = call(a, Sys.FLOCK, fd.number(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
            if (r == -Errno.EAGAIN) {
                return false;
            }
            check(r, "flock", "");
            return true;
        }
    }

    @Override
    public Pipe pipe() {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment ends = a.allocate(8, 4);
            check(call(a, Sys.PIPE2, ends.address(), Flags.O_CLOEXEC), "pipe2", "");
            return new Pipe(Fd.owned(ends.get(JAVA_INT, 0)), Fd.owned(ends.get(JAVA_INT, 4)));
        }
    }

    @Override
    public Fd duplicate(Fd fd) {
        try (Arena a = Arena.ofConfined()) {
            return fd(call(a, Sys.FCNTL, fd.number(), F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD_CLOEXEC", "");
        }
    }

    @Override
    public Fd sealedMemfd(String name, byte[] content) {
        try (Arena a = Arena.ofConfined()) {
            Fd fd = fd(call(a, Sys.MEMFD_CREATE, address(a, name), 3), "memfd_create", name);
            write(fd, content, 0, content.length);
            check(call(a, Sys.FCNTL, fd.number(), F_ADD_SEALS, ALL_SEALS), "fcntl F_ADD_SEALS", name);
            return fd;
        }
    }

    @Override
    public Fd fsopen(String type) {
        try (Arena a = Arena.ofConfined()) {
            return fd(call(a, Sys.FSOPEN, address(a, type), Flags.FSOPEN_CLOEXEC), "fsopen", type);
        }
    }

    @Override
    public void fsconfigString(Fd fs, String key, String value) {
        try (Arena a = Arena.ofConfined()) {
            fsResult(
                    fs,
                    call(a, Sys.FSCONFIG, fs.number(), Flags.FSCONFIG_SET_STRING, address(a, key), address(a, value)),
                    "fsconfig " + key + "=" + value);
        }
    }

    @Override
    public void fsconfigFlag(Fd fs, String key) {
        try (Arena a = Arena.ofConfined()) {
            fsResult(
                    fs,
                    call(a, Sys.FSCONFIG, fs.number(), Flags.FSCONFIG_SET_FLAG, address(a, key)),
                    "fsconfig " + key);
        }
    }

    @Override
    public void fsconfigFd(Fd fs, String key, Fd value) {
        try (Arena a = Arena.ofConfined()) {
            fsResult(
                    fs,
                    call(a, Sys.FSCONFIG, fs.number(), Flags.FSCONFIG_SET_FD, address(a, key), 0, value.number()),
                    "fsconfig " + key);
        }
    }

    @Override
    public void fsconfigCreate(Fd fs) {
        try (Arena a = Arena.ofConfined()) {
            fsResult(fs, call(a, Sys.FSCONFIG, fs.number(), Flags.FSCONFIG_CMD_CREATE), "fsconfig create");
        }
    }

    /** A file system says more than an errno: its messages are read from the context (fsopen(2)). */
    private void fsResult(Fd fs, long result, String what) {
        if (result >= 0) {
            return;
        }
        StringBuilder said = new StringBuilder(what);
        byte[] line = new byte[512];
        try {
            for (int n; (n = read(fs, line, 0, line.length)) > 0; ) {
                said.append(": ").append(new String(line, 0, n, StandardCharsets.UTF_8).strip());
            }
        } catch (KernelException end) {
            // ENODATA: no more messages
        }
        throw new KernelException(said.toString(), (int) -result);
    }

    @Override
    public Fd fsmount(Fd fs, long attributes) {
        try (Arena a = Arena.ofConfined()) {
            return fd(call(a, Sys.FSMOUNT, fs.number(), Flags.FSMOUNT_CLOEXEC, attributes), "fsmount", "");
        }
    }

    @Override
    public Fd openTree(Fd dir, String path, long flags) {
        try (Arena a = Arena.ofConfined()) {
            return fd(
                    call(a, Sys.OPEN_TREE, dir.number(), address(a, path), flags | Flags.OPEN_TREE_CLOEXEC),
                    "open_tree",
                    path);
        }
    }

    @Override
    public void moveMount(Fd from, Fd toDir, String toPath, long flags) {
        try (Arena a = Arena.ofConfined()) {
            check(
                    call(
                            a,
                            Sys.MOVE_MOUNT,
                            from.number(),
                            address(a, ""),
                            toDir.number(),
                            address(a, toPath),
                            flags | Flags.MOVE_MOUNT_F_EMPTY_PATH),
                    "move_mount",
                    toPath);
        }
    }

    @Override
    public void mountSetattr(Fd mount, String path, long flags, long set, long clear, long propagation) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment attr = a.allocate(32, 8);
            attr.set(JAVA_LONG, 0, set);
            attr.set(JAVA_LONG, 8, clear);
            attr.set(JAVA_LONG, 16, propagation);
            check(
                    call(a, Sys.MOUNT_SETATTR, mount.number(), address(a, path), flags, attr.address(), 32),
                    "mount_setattr",
                    path);
        }
    }

    @Override
    public void umount(Path path, int flags) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.UMOUNT2, address(a, path.toString()), flags), "umount2", path);
        }
    }

    @Override
    public Fd pidfdOpen(long pid) {
        try (Arena a = Arena.ofConfined()) {
            return fd(call(a, Sys.PIDFD_OPEN, pid, 0), "pidfd_open", pid);
        }
    }

    @Override
    public void pidfdSignal(Fd pidfd, int signal) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.PIDFD_SEND_SIGNAL, pidfd.number(), signal, 0, 0), "pidfd_send_signal", signal);
        }
    }

    @Override
    public void setns(Fd namespace, int type) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.SETNS, namespace.number(), type), "setns", "");
        }
    }

    @Override
    public void unshare(int flags) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.UNSHARE, flags), "unshare", "");
        }
    }

    @Override
    public void fchdir(Fd dir) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.FCHDIR, dir.number()), "fchdir", "");
        }
    }

    @Override
    public void pivotHere() {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.PIVOT_ROOT, address(a, "."), address(a, ".")), "pivot_root", "");
            check(call(a, Sys.UMOUNT2, address(a, "."), Flags.MNT_DETACH), "umount2", "the old root");
        }
    }

    @Override
    public Fd socket(int domain, int type, int protocol) {
        try (Arena a = Arena.ofConfined()) {
            return fd(call(a, Sys.SOCKET, domain, type | SOCK_CLOEXEC, protocol), "socket", "");
        }
    }

    @Override
    public void connectUnix(Fd socket, String path) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > 107) {
            throw new KernelException("connect " + path, Errno.ENAMETOOLONG);
        }
        try (Arena a = Arena.ofConfined()) {
            MemorySegment address = a.allocate(110, 8);
            address.set(JAVA_SHORT, 0, (short) Flags.AF_UNIX);
            MemorySegment.copy(bytes, 0, address, JAVA_BYTE, 2, bytes.length);
            check(call(a, Sys.CONNECT, socket.number(), address.address(), 2 + bytes.length + 1), "connect", path);
        }
    }

    @Override
    public int bindNetlink(Fd socket, int groups) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment address = a.allocate(12, 8);
            address.set(JAVA_SHORT, 0, (short) Flags.AF_NETLINK);
            address.set(JAVA_INT, 8, groups);
            check(call(a, Sys.BIND, socket.number(), address.address(), 12), "bind", "netlink");
            MemorySegment length = a.allocateFrom(JAVA_INT, 12);
            check(
                    call(a, Sys.GETSOCKNAME, socket.number(), address.address(), length.address()),
                    "getsockname",
                    "netlink");
            int port = address.get(JAVA_INT, 4);
            address.set(JAVA_INT, 4, 0);
            address.set(JAVA_INT, 8, 0);
            // a connected socket takes messages from the kernel alone, not from a process that made up an answer
            check(call(a, Sys.CONNECT, socket.number(), address.address(), 12), "connect", "netlink");
            return port;
        }
    }

    @Override
    public void send(Fd socket, byte[] message, List<Fd> descriptors) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment header = header(a, a.allocateFrom(JAVA_BYTE, message), message.length, descriptors.size());
            if (descriptors.isEmpty()) {
                header.set(JAVA_LONG, 32, 0);
                header.set(JAVA_LONG, 40, 0);
            } else {
                MemorySegment control =
                        MemorySegment.ofAddress(header.get(JAVA_LONG, 32)).reinterpret(header.get(JAVA_LONG, 40));
                control.set(JAVA_LONG, 0, 16 + 4L * descriptors.size());
                control.set(JAVA_INT, 8, Flags.SOL_SOCKET);
                control.set(JAVA_INT, 12, SCM_RIGHTS);
                for (int i = 0; i < descriptors.size(); i++) {
                    control.set(JAVA_INT, 16 + 4L * i, descriptors.get(i).number());
                }
            }
            check(call(a, Sys.SENDMSG, socket.number(), header.address(), MSG_NOSIGNAL), "sendmsg", "");
        }
    }

    @Override
    public Received receive(Fd socket, int maximumBytes, int maximumDescriptors) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment data = a.allocate(maximumBytes);
            MemorySegment header = header(a, data, maximumBytes, maximumDescriptors);
            long n = check(call(a, Sys.RECVMSG, socket.number(), header.address(), MSG_CMSG_CLOEXEC), "recvmsg", "");
            List<Fd> descriptors = new ArrayList<>();
            long controlLength = header.get(JAVA_LONG, 40);
            MemorySegment control =
                    MemorySegment.ofAddress(header.get(JAVA_LONG, 32)).reinterpret(controlLength);
            for (long at = 0; at + 16 <= controlLength; ) {
                long length = control.get(JAVA_LONG, at);
                if (control.get(JAVA_INT, at + 8) == Flags.SOL_SOCKET && control.get(JAVA_INT, at + 12) == SCM_RIGHTS) {
                    for (long p = at + 16; p + 4 <= at + length; p += 4) {
                        descriptors.add(Fd.owned(control.get(JAVA_INT, p)));
                    }
                }
                at += (length + 7) & ~7L;
            }
            return new Received(data.asSlice(0, n).toArray(JAVA_BYTE), descriptors);
        }
    }

    /** A struct msghdr with one iovec and room for so many descriptors (recvmsg(2), 64 bit). */
    private static MemorySegment header(Arena a, MemorySegment data, long length, int descriptors) {
        long controlLength = descriptors == 0 ? 0 : 16 + ((4L * descriptors + 7) & ~7L);
        MemorySegment iov = a.allocate(16, 8);
        iov.set(JAVA_LONG, 0, data.address());
        iov.set(JAVA_LONG, 8, length);
        MemorySegment header = a.allocate(56, 8);
        header.set(JAVA_LONG, 16, iov.address());
        header.set(JAVA_LONG, 24, 1);
        header.set(JAVA_LONG, 32, a.allocate(Math.max(8, controlLength), 8).address());
        header.set(JAVA_LONG, 40, controlLength);
        return header;
    }

    @Override
    public void setsockopt(Fd socket, int level, int option, int value) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment v = a.allocateFrom(JAVA_INT, value);
            check(call(a, Sys.SETSOCKOPT, socket.number(), level, option, v.address(), 4), "setsockopt", option);
        }
    }

    @Override
    public PeerCredentials peerCredentials(Fd socket) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment cred = a.allocate(12, 8);
            MemorySegment length = a.allocateFrom(JAVA_INT, 12);
            check(
                    call(
                            a,
                            Sys.GETSOCKOPT,
                            socket.number(),
                            Flags.SOL_SOCKET,
                            SO_PEERCRED,
                            cred.address(),
                            length.address()),
                    "getsockopt",
                    "SO_PEERCRED");
            return new PeerCredentials(
                    cred.get(JAVA_INT, 4) & 0xffffffffL, cred.get(JAVA_INT, 8) & 0xffffffffL, cred.get(JAVA_INT, 0));
        }
    }

    @Override
    public int unreadBytes(Fd socket) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment count = a.allocate(JAVA_INT);
            check(call(a, Sys.IOCTL, socket.number(), SIOCOUTQ, count.address()), "ioctl SIOCOUTQ", "");
            return count.get(JAVA_INT, 0);
        }
    }

    @Override
    public void setWindowSize(Fd terminal, int rows, int columns) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment size = a.allocate(8, 8);
            size.set(ValueLayout.JAVA_SHORT, 0, (short) rows);
            size.set(ValueLayout.JAVA_SHORT, 2, (short) columns);
            check(call(a, Sys.IOCTL, terminal.number(), TIOCSWINSZ, size.address()), "ioctl TIOCSWINSZ", "");
        }
    }

    @Override
    public long fileSystemType(Fd fd) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment s = a.allocate(120, 8);
            check(call(a, Sys.FSTATFS, fd.number(), s.address()), "fstatfs", "");
            return s.get(JAVA_LONG, 0);
        }
    }

    @Override
    public void shutdown(Fd socket) {
        try (Arena a = Arena.ofConfined()) {
            check(call(a, Sys.SHUTDOWN, socket.number(), 2), "shutdown", "");
        }
    }

    @Override
    public int tryWrite(Fd fd, byte[] buffer, int offset, int length) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment m = a.allocate(Math.max(1, length));
            MemorySegment.copy(buffer, offset, m, JAVA_BYTE, 0, length);
            long n = call(a, Sys.WRITE, fd.number(), m.address(), length);
            return n == -Errno.EAGAIN ? -1 : (int) check(n, "write", "");
        }
    }

    @Override
    public void setNonBlocking(Fd fd) {
        try (Arena a = Arena.ofConfined()) {
            long flags = check(call(a, Sys.FCNTL, fd.number(), F_GETFL, 0), "fcntl F_GETFL", "");
            check(call(a, Sys.FCNTL, fd.number(), F_SETFL, flags | Flags.O_NONBLOCK), "fcntl F_SETFL", "");
        }
    }

    @Override
    public Fd epollCreate() {
        try (Arena a = Arena.ofConfined()) {
            return fd(call(a, Sys.EPOLL_CREATE1, Flags.O_CLOEXEC), "epoll_create1", "");
        }
    }

    @Override
    public void epollArm(Fd epoll, int number, int events) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment e = a.allocate(16, 8);
            e.set(JAVA_INT, 0, events | EPOLLONESHOT);
            e.set(JAVA_INT, EPOLL_DATA, number);
            long r = call(a, Sys.EPOLL_CTL, epoll.number(), EPOLL_CTL_MOD, number, e.address());
            if (r == -Errno.ENOENT) {
                r = call(a, Sys.EPOLL_CTL, epoll.number(), EPOLL_CTL_ADD, number, e.address());
            }
            check(r, "epoll_ctl", number);
        }
    }

    @Override
    public void epollRemove(Fd epoll, int number) {
        try (Arena a = Arena.ofConfined()) {
            call(a, Sys.EPOLL_CTL, epoll.number(), EPOLL_CTL_DEL, number, 0);
        }
    }

    @Override
    public int[] epollWait(Fd epoll, int maximum) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment events = a.allocate((long) EPOLL_SIZE * maximum, 8);
            long n = check(
                    call(a, Sys.EPOLL_PWAIT, epoll.number(), events.address(), maximum, -1, 0, 8), "epoll_wait", "");
            int[] ready = new int[(int) n];
            for (int i = 0; i < ready.length; i++) {
                ready[i] = events.get(UNALIGNED_INT, (long) EPOLL_SIZE * i + EPOLL_DATA);
            }
            return ready;
        }
    }

    private static Fd fd(long result, String call, Object about) {
        return Fd.owned((int) check(result, call, about));
    }
}

package kist.kernel;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Linux as Java sees it: one method a system call, typed, without policy. Every descriptor is opened close-on-exec. All
 * methods throw {@link KernelException} with the kernel's reason. Implementations are thread-safe; calls that can block
 * ({@link #read}, {@link #write} on pipes, {@link #receive}) hold up the carrier of a virtual thread, so make those on a
 * platform thread.
 */
public interface Linux {
    /** The running kernel. */
    static Linux system() {
        return NativeLinux.INSTANCE;
    }

    /** Opens a path of the host that the caller trusts (open(2)). */
    Fd open(Path path, int flags, int mode);

    /**
     * Opens a path below a directory under rules (openat2(2)); for everything inside a root file system use
     * {@link Flags#RESOLVE_IN_ROOT} with {@link Flags#RESOLVE_NO_MAGICLINKS}.
     */
    Fd openat2(Fd dir, String path, long flags, int mode, long resolve);

    /** Makes a directory (mkdirat(2)). {@code name} must be one component where the directory is not trusted. */
    void mkdirat(Fd dir, String name, int mode);

    /** Makes a device, fifo or socket node (mknodat(2)); {@code mode} has the type bits. */
    void mknodat(Fd dir, String name, int mode, int major, int minor);

    /** Makes a symbolic link (symlinkat(2)). */
    void symlinkat(String target, Fd dir, String name);

    /** Makes a hard link without following a link at the end (linkat(2)). */
    void linkat(Fd oldDir, String oldName, Fd newDir, String newName);

    /** Removes a file, or with {@code directory} an empty directory (unlinkat(2)). */
    void unlinkat(Fd dir, String name, boolean directory);

    /** Renames within one file system (renameat2(2)). */
    void renameat2(Fd oldDir, String oldName, Fd newDir, String newName, int flags);

    /** Sets owner and group, not following a link at the end (fchownat(2)); an empty name means the descriptor itself. */
    void fchownat(Fd dir, String name, long uid, long gid);

    /** Sets the permission bits of an open file or directory, also of one opened with O_PATH. */
    void chmod(Fd fd, int mode);

    /** Sets access and modification time, not following a link at the end (utimensat(2)). */
    void utimensat(Fd dir, String name, long atimeSec, long atimeNsec, long mtimeSec, long mtimeNsec);

    /** Sets an extended attribute of an entry, not following a link at the end (lsetxattr(2)). */
    void setxattr(Fd dir, String name, String attribute, byte[] value);

    /** Reads an extended attribute of an entry, not following a link at the end; empty where it has none. */
    Optional<byte[]> getxattr(Fd dir, String name, String attribute);

    /** Names of the extended attributes of an entry, not following a link at the end. */
    List<String> listxattr(Fd dir, String name);

    /** Looks at an entry without following a link at the end (statx(2)); an empty name means the descriptor itself. */
    Stat stat(Fd dir, String name);

    /** Reads a symbolic link (readlinkat(2)); an empty name means the O_PATH descriptor itself. */
    String readlinkat(Fd dir, String name);

    /** Lists a directory opened for reading, without . and .. (getdents64(2)); begins anew on each call. */
    List<DirEntry> list(Fd dir);

    /**
     * Hands each entry of a directory opened for reading, without . and .., to a visitor in constant memory; the visitor
     * may remove the entry it was given.
     */
    void scan(Fd dir, Consumer<DirEntry> visitor);

    /** Reads (read(2)); 0 at the end, -1 where nothing is there yet on a non-blocking descriptor. */
    int read(Fd fd, byte[] buffer, int offset, int length);

    /** Reads at an offset (pread(2)); 0 at the end. */
    int pread(Fd fd, byte[] buffer, int offset, int length, long position);

    /** Writes all (write(2)); on a non-blocking descriptor it waits with poll(2). */
    void write(Fd fd, byte[] buffer, int offset, int length);

    /** Writes all at an offset (pwrite(2)); for regular files. */
    void pwrite(Fd fd, byte[] buffer, int offset, int length, long position);

    /**
     * Copies from one regular file to another inside the kernel, which shares blocks where the file system can
     * (copy_file_range(2)); answers how many bytes it was, 0 at the end of the source.
     */
    long copyRange(Fd from, long fromPosition, Fd to, long toPosition, long length);

    /**
     * Where at or after a position the next data of a regular file begins, or with {@code hole} the next hole (lseek(2),
     * SEEK_DATA, SEEK_HOLE); -1 where there is none. Moves the offset of the open file.
     */
    long seek(Fd fd, long position, boolean hole);

    /** Gives a regular file this length; what is added reads as zeros and takes no space (ftruncate(2)). */
    void truncate(Fd fd, long length);

    /** Writes everything of the file system that the descriptor is on to disk (syncfs(2)). */
    void syncfs(Fd fd);

    /** Bytes that may still be written to the file system that the descriptor is on (statfs(2)). */
    long availableBytes(Fd fd);

    /**
     * Has the file system spread the directories made in this one over the disk, as they have nothing to do with each other
     * (chattr(1), attribute T; FS_IOC_SETFLAGS); false where it knows no such thing.
     */
    boolean spreadDirectories(Fd dir);

    /** Writes data of the file to disk, with {@code metadata} its inode too (fsync(2), fdatasync(2)). */
    void sync(Fd fd, boolean metadata);

    /** Takes (or with {@code exclusive} false shares) a lock without waiting; false where another has it (flock(2)). */
    boolean flock(Fd fd, boolean exclusive);

    /** A pipe (pipe2(2)). */
    Pipe pipe();

    /** A duplicate (fcntl(2), F_DUPFD_CLOEXEC). */
    Fd duplicate(Fd fd);

    /** An anonymous file with this content, sealed against any change (memfd_create(2)). */
    Fd sealedMemfd(String name, byte[] content);

    /** Opens a file system context (fsopen(2)). */
    Fd fsopen(String type);

    /** Sets a string parameter of a file system context (fsconfig(2)). */
    void fsconfigString(Fd fs, String key, String value);

    /** Sets a flag of a file system context. */
    void fsconfigFlag(Fd fs, String key);

    /** Sets a parameter to a descriptor, such as overlay's {@code lowerdir+}. */
    void fsconfigFd(Fd fs, String key, Fd value);

    /** Creates the super block. On failure the message holds what the file system says for itself. */
    void fsconfigCreate(Fd fs);

    /** Makes a detached mount of a created context (fsmount(2)). */
    Fd fsmount(Fd fs, long attributes);

    /** A descriptor of a mount; with OPEN_TREE_CLONE a detached copy (open_tree(2)). */
    Fd openTree(Fd dir, String path, long flags);

    /** Attaches a detached mount (move_mount(2)). */
    void moveMount(Fd from, Fd toDir, String toPath, long flags);

    /**
     * Changes properties of a mount (mount_setattr(2)).
     *
     * @param flags AT_* such as AT_EMPTY_PATH or AT_RECURSIVE
     * @param set attributes to set
     * @param clear attributes to clear
     * @param propagation MS_PRIVATE, MS_SLAVE, MS_SHARED or 0
     */
    void mountSetattr(Fd mount, String path, long flags, long set, long clear, long propagation);

    /** Detaches a mount at a path of the host (umount2(2)). */
    void umount(Path path, int flags);

    /** A descriptor of a process (pidfd_open(2)). */
    Fd pidfdOpen(long pid);

    /** Sends a signal to exactly that process (pidfd_send_signal(2)). */
    void pidfdSignal(Fd pidfd, int signal);

    /** Moves the calling platform thread into a network namespace; other kinds need a process of one thread (setns(2)). */
    void setns(Fd namespace, int type);

    /** Gives the calling platform thread a new network namespace (unshare(2)). */
    void unshare(int flags);

    /** Makes a directory the working directory of the calling platform thread, see {@link #unshare} (fchdir(2)). */
    void fchdir(Fd dir);

    /**
     * Makes the working directory of the calling platform thread the root of its mount namespace and takes the old root out
     * of it with all that was mounted there (pivot_root(2), umount2(2)). The thread must have a mount namespace of its own.
     */
    void pivotHere();

    /** A socket (socket(2)); SOCK_CLOEXEC is added. */
    Fd socket(int domain, int type, int protocol);

    /** Connects a socket of the Unix domain to a path (unix(7)). */
    void connectUnix(Fd socket, String path);

    /** Binds a netlink socket (netlink(7)), connects it to the kernel and returns its port id. */
    int bindNetlink(Fd socket, int groups);

    /** Sends one message with descriptors (sendmsg(2), SCM_RIGHTS). */
    void send(Fd socket, byte[] message, List<Fd> descriptors);

    /** Receives one message with its descriptors (recvmsg(2)); an empty message at the end. Blocks. */
    Received receive(Fd socket, int maximumBytes, int maximumDescriptors);

    /** Ends both directions of a socket, which wakes whoever blocks on it (shutdown(2)). */
    void shutdown(Fd socket);

    /** Writes what fits now; -1 where a non-blocking descriptor takes nothing (write(2)). */
    int tryWrite(Fd fd, byte[] buffer, int offset, int length);

    /** Makes reads and writes of this open file answer at once (fcntl(2), O_NONBLOCK). */
    void setNonBlocking(Fd fd);

    /** A way to wait for many descriptors (epoll_create1(2)). */
    Fd epollCreate();

    /** Adds a descriptor that is waited for once (epoll_ctl(2), EPOLLONESHOT), or arms it again. */
    void epollArm(Fd epoll, int number, int events);

    /** Takes a descriptor out. */
    void epollRemove(Fd epoll, int number);

    /** Blocks until some are ready and answers their numbers (epoll_wait(2)). */
    int[] epollWait(Fd epoll, int maximum);

    /** Sets a socket option of type int (setsockopt(2)). */
    void setsockopt(Fd socket, int level, int option, int value);

    /** Reads the credentials of the peer of a connected Unix socket (SO_PEERCRED). */
    PeerCredentials peerCredentials(Fd socket);

    /** Bytes that were sent on a Unix socket and that its peer has not read yet (SIOCOUTQ, socket(7)). */
    int unreadBytes(Fd socket);

    /** Sets the size of a terminal (ioctl_tty(2), TIOCSWINSZ). */
    void setWindowSize(Fd terminal, int rows, int columns);

    /** Magic number of the file system that an open file is on (statfs(2)). */
    long fileSystemType(Fd fd);

    /**
     * What a path is (statx(2)).
     *
     * @param mode type and permission bits
     * @param mtimeNsec nanoseconds within the second
     */
    record Stat(
            int mode,
            long uid,
            long gid,
            long size,
            long inode,
            long links,
            int deviceMajor,
            int deviceMinor,
            int rdevMajor,
            int rdevMinor,
            long mtimeSec,
            long mtimeNsec,
            long blocks,
            long mountId) {
        /** Type bits of the mode, such as {@link Flags#S_IFDIR}. */
        public int type() {
            return mode & 0170000;
        }

        /** Whether it is a directory. */
        public boolean isDirectory() {
            return type() == Flags.S_IFDIR;
        }
    }

    /**
     * A directory entry.
     *
     * @param type DT_* as the kernel says it (readdir(3)), 0 unknown, 4 directory, 8 file, 10 link
     */
    record DirEntry(String name, int type, long inode) {}

    /** Both ends of a pipe. */
    record Pipe(Fd read, Fd write) implements AutoCloseable {
        @Override
        public void close() {
            read.close();
            write.close();
        }
    }

    /** A message and the descriptors that came with it, which the receiver must close. */
    record Received(byte[] message, List<Fd> descriptors) {}
}

package kist.engine;

import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import java.util.function.Supplier;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * A mount namespace that no process is in: held by a descriptor, it goes when that is closed, with all its mounts, and the
 * host's mount table never shows any of them (mount_namespaces(7)). Threads enter it for a moment, as only a thread that
 * shares its root and working directory with no other may.
 *
 * @param root what is mounted at the root; paths below it lead through the mounts of the namespace, from any thread
 */
record MountSpace(Fd namespace, Fd root) implements AutoCloseable {
    private static final Path OWN = Path.of("/proc/thread-self/ns/mnt");

    /** Takes part in the namespace of a process: {@code namespace} is closed with this, or where this fails. */
    static MountSpace of(Linux linux, Fd namespace) {
        boolean done = false;
        try {
            Fd root = within(
                    linux,
                    namespace,
                    () -> linux.open(Path.of("/"), Flags.O_PATH | Flags.O_DIRECTORY | Flags.O_NOFOLLOW, 0));
            done = true;
            return new MountSpace(namespace, root);
        } finally {
            if (!done) {
                namespace.close();
            }
        }
    }

    /**
     * Makes a namespace of its own.
     *
     * @param rootfs a detached mount that becomes its root; belongs to the space then
     * @param furnish mounts what else shall be there, on a thread in the namespace
     */
    static MountSpace assemble(Linux linux, Fd rootfs, Consumer<Fd> furnish) {
        return onThread(linux, () -> {
            linux.unshare(Flags.CLONE_NEWNS);
            Fd namespace = linux.open(OWN, Flags.O_RDONLY, 0);
            boolean done = false;
            try {
                // nothing that is mounted from now on goes back to where this was cloned from
                linux.mountSetattr(Fd.CWD, "/", Flags.AT_RECURSIVE, 0, 0, Flags.MS_PRIVATE);
                linux.moveMount(rootfs, Fd.CWD, "/", 0);
                linux.fchdir(rootfs);
                // and the host's own mounts are not kept busy
                linux.pivotHere();
                furnish.accept(rootfs);
                done = true;
                return new MountSpace(namespace, rootfs);
            } finally {
                if (!done) {
                    namespace.close();
                }
            }
        });
    }

    /** Does something in a namespace. */
    static <T> T within(Linux linux, Fd namespace, Supplier<T> work) {
        return onThread(linux, () -> {
            linux.unshare(Flags.CLONE_FS);
            linux.setns(namespace, Flags.CLONE_NEWNS);
            return work.get();
        });
    }

    /** On a thread that is in the engine's own namespace again before anybody hears of the result. */
    private static <T> T onThread(Linux linux, Supplier<T> work) {
        FutureTask<T> task = new FutureTask<>(() -> {
            try (Fd own = linux.open(OWN, Flags.O_RDONLY, 0)) {
                try {
                    return work.get();
                } finally {
                    leave(linux, own);
                }
            }
        });
        Thread.ofPlatform().daemon().name("kist-mounts").start(task);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true; // what it makes must not be lost
                }
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static void leave(Linux linux, Fd own) {
        try {
            linux.setns(own, Flags.CLONE_NEWNS);
        } catch (KernelException e) {
            // it never left, or else it ends now, and the namespace with it
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "back from a mount namespace", e);
        }
    }

    @Override
    public void close() {
        root.close();
        namespace.close();
    }
}

package kist.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import kist.image.ImageException;
import kist.image.Snapshots;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/**
 * The files that a container sees, for the engine to look at: of a running one through its own mounts, of one that does not
 * run with its volumes put together in a namespace that nobody else sees. Thread-safe.
 */
final class ContainerViews {
    private static final long IN_ROOT = Flags.RESOLVE_IN_ROOT | Flags.RESOLVE_NO_MAGICLINKS;
    private static final long PATIENCE_SECONDS = 10;
    private static final int ATTEMPTS = 100;

    private final Linux linux;
    private final Snapshots snapshots;
    private final ContainerStore store;
    private final VolumeMounts mounts;

    ContainerViews(Linux linux, Snapshots snapshots, ContainerStore store, VolumeMounts mounts) {
        this.linux = linux;
        this.snapshots = snapshots;
        this.store = store;
        this.mounts = mounts;
    }

    /** A view, to be closed by the thread that opened it. */
    final class View implements AutoCloseable {
        private final MountSpace space;
        private final Optional<Lock> lock;

        private View(MountSpace space, Optional<Lock> lock) {
            this.space = space;
            this.lock = lock;
        }

        /** The root; paths below it are to be resolved in it. */
        Fd root() {
            return space.root();
        }

        @Override
        public void close() {
            space.close();
            lock.ifPresent(Lock::unlock);
        }
    }

    /**
     * Opens a view. One that is for writing keeps the container from being started in another state than it is in now, or for
     * so long as a start is patient, since two mounts of one writable layer do not know of each other.
     */
    View open(Container c, boolean write) throws InterruptedException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (c.removing) {
                throw Lifecycle.conflict("container " + c.name() + " is being removed");
            }
            if (c.state.phase() == StoredState.Phase.STARTING) {
                c.lock.lockInterruptibly();
                c.lock.unlock();
            } else if (c.state.alive()) {
                Optional<View> view = running(c, write);
                if (view.isPresent()) {
                    return view.get();
                }
                Thread.sleep(20); // it has just ended, and that is about to be known
            } else {
                Optional<View> view = write ? Optional.empty() : readable(c);
                view = view.isPresent() ? view : stopped(c);
                if (view.isPresent()) {
                    return view.get();
                }
            }
        }
        throw Lifecycle.conflict("container " + c.name() + " starts and stops too often to be looked at");
    }

    private static Lock taken(Lock lock, Container c) throws InterruptedException {
        if (!lock.tryLock(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw Lifecycle.conflict("somebody else has been writing to the files of container " + c.name() + " for "
                    + PATIENCE_SECONDS + " seconds");
        }
        return lock;
    }

    private Optional<View> running(Container c, boolean write) throws InterruptedException {
        Optional<Lock> lock = write ? Optional.of(taken(c.files.readLock(), c)) : Optional.empty();
        boolean done = false;
        try {
            Optional<Keeper.Spawned> process = c.run.process();
            if (process.isEmpty() || !c.state.alive()) {
                return Optional.empty();
            }
            Fd namespace = linux.open(Path.of("/proc/" + process.get().pid() + "/ns/mnt"), Flags.O_RDONLY, 0);
            boolean same = false;
            try {
                // while it is there, nobody else has had its number
                linux.pidfdSignal(process.get().pidfd(), 0);
                same = true;
            } finally {
                if (!same) {
                    namespace.close();
                }
            }
            View view = new View(MountSpace.of(linux, namespace), lock);
            done = true;
            return Optional.of(view);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ESRCH || e.errno() == Errno.EACCES) {
                return Optional.empty();
            }
            throw e;
        } catch (IllegalStateException closed) {
            return Optional.empty(); // the process has been let go of
        } finally {
            if (!done) {
                lock.ifPresent(Lock::unlock);
            }
        }
    }

    /** Of one that does not run, to be read only; empty where something must be made first that mounts are put on. */
    private Optional<View> readable(Container c) {
        Fd root = snapshots.mountForReading(c.id());
        boolean done = false;
        try {
            Optional<MountSpace> space = assembled(c, root, false);
            done = space.isPresent();
            return space.map(s -> new View(s, Optional.empty()));
        } finally {
            if (!done) {
                root.close();
            }
        }
    }

    private Optional<View> stopped(Container c) throws InterruptedException {
        Lock lock = taken(c.files.writeLock(), c);
        Optional<Fd> root = Optional.empty();
        boolean done = false;
        try {
            if (c.state.alive() || c.state.phase() == StoredState.Phase.STARTING || c.removing) {
                return Optional.empty();
            }
            root = Optional.of(snapshots.mount(c.id(), false, false));
            View view = new View(assembled(c, root.get(), true).orElseThrow(), Optional.of(lock));
            done = true;
            return Optional.of(view);
        } finally {
            if (!done) {
                root.ifPresent(Fd::close);
                lock.unlock();
            }
        }
    }

    /** A mount that is ready to be put in its place. */
    private record Ready(String target, Fd tree, boolean readOnly, boolean optional) {}

    private Optional<MountSpace> assembled(Container c, Fd root, boolean make) {
        List<Ready> ready = new ArrayList<>();
        try {
            // before: in the new namespace, paths of the host would be looked up in the container's root
            prepare(c, ready);
            boolean[] complete = {true};
            MountSpace space = MountSpace.assemble(linux, root, r -> complete[0] = furnish(c, r, ready, make));
            if (!complete[0]) {
                space.namespace().close();
                return Optional.empty();
            }
            return Optional.of(space);
        } finally {
            ready.forEach(r -> r.tree().close());
        }
    }

    /** Opens what the container has mounted when it runs. */
    private void prepare(Container c, List<Ready> ready) {
        for (MountPoint point : c.stored.mountPoints()) {
            if (!point.spec().type().equals("tmpfs")) {
                try {
                    ready.add(new Ready(
                            point.target(),
                            mounts.tree(c.stored, point),
                            point.spec().readOnly(),
                            false));
                } catch (IOException | EngineException | ImageException e) {
                    // a source that has gone is no reason not to show the rest
                    System.getLogger("kist").log(System.Logger.Level.DEBUG, "a mount of " + c.id() + " is left out", e);
                }
            }
        }
        for (String file : List.of("resolv.conf", "hostname", "hosts")) {
            Path source = store.directory(c.id()).resolve(file);
            String target = "/etc/" + file;
            boolean own =
                    c.stored.mountPoints().stream().noneMatch(p -> p.target().equals(target));
            if (own && Files.exists(source)) {
                ready.add(new Ready(
                        target, linux.openTree(Fd.CWD, source.toString(), Flags.OPEN_TREE_CLONE), false, true));
            }
        }
    }

    /** Mounts it; false where something to mount on is not there and must not be made. */
    private boolean furnish(Container c, Fd root, List<Ready> ready, boolean make) {
        for (Ready one : ready) {
            if (!put(root, one.target(), one.tree(), one.readOnly(), make) && !one.optional()) {
                return false;
            }
        }
        if (make && c.host().readonlyRootfs()) {
            linux.mountSetattr(root, "", Flags.AT_EMPTY_PATH, Flags.MOUNT_ATTR_RDONLY, 0, 0);
        }
        return true;
    }

    private boolean put(Fd root, String target, Fd tree, boolean readOnly, boolean make) {
        Fd at;
        try {
            at = target(root, target, linux.stat(tree, "").isDirectory(), make);
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT && !make) {
                return false;
            }
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return true; // nor could the container have it there
            }
            throw e;
        }
        try (at) {
            if (readOnly) {
                linux.mountSetattr(tree, "", Flags.AT_EMPTY_PATH | Flags.AT_RECURSIVE, Flags.MOUNT_ATTR_RDONLY, 0, 0);
            }
            linux.moveMount(tree, at, "", Flags.MOVE_MOUNT_T_EMPTY_PATH);
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
            // another container has the same volume and removed it since it was opened
            throw new EngineException(
                    EngineException.Kind.CONFLICT, "the mount point " + target + " is taken away all the time", e);
        }
        return true;
    }

    private Fd target(Fd root, String path, boolean directory, boolean make) {
        try {
            return linux.openat2(root, path, Flags.O_PATH | (directory ? Flags.O_DIRECTORY : 0), 0, IN_ROOT);
        } catch (KernelException e) {
            int slash = path.lastIndexOf('/');
            if (e.errno() != Errno.ENOENT || !make || slash < 0) {
                throw e;
            }
            String name = path.substring(slash + 1);
            try (Fd parent = target(root, slash == 0 ? "/" : path.substring(0, slash), true, true)) {
                if (directory) {
                    linux.mkdirat(parent, name, 0755);
                } else {
                    linux.openat2(parent, name, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL, 0644, IN_ROOT)
                            .close();
                }
            } catch (KernelException there) {
                if (there.errno() != Errno.EEXIST) {
                    throw there;
                }
                // a link to nowhere
            }
            return linux.openat2(root, path, Flags.O_PATH | (directory ? Flags.O_DIRECTORY : 0), 0, IN_ROOT);
        }
    }
}

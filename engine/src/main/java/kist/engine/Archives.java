package kist.engine;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import kist.image.FileTree;
import kist.image.ImageException;
import kist.image.PathStat;
import kist.kernel.Linux;
import kist.runtime.Account;
import kist.runtime.Accounts;
import kist.runtime.SpecException;
import kist.runtime.User;

/** What is asked of the files that a container sees. Thread-safe. */
final class Archives {
    private static final int BUFFER = 256 << 10;

    private final Linux linux;
    private final Registry registry;
    private final ContainerViews views;
    private final Events events;

    Archives(Linux linux, Registry registry, ContainerViews views, Events events) {
        this.linux = linux;
        this.registry = registry;
        this.views = views;
        this.events = events;
    }

    /** A container may have mounted what never answers, which must not hold up the carrier of a virtual thread. */
    Object perform(ArchiveRequest<?> request) {
        FutureTask<Object> task = new FutureTask<>((Callable<Object>) () -> answer(request));
        Thread worker = Thread.ofPlatform().daemon().name("kist-archive").start(task);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    worker.interrupt(); // which ends its reads and writes of the client
                }
            }
        } catch (ExecutionException e) {
            throw failure(e.getCause() == null ? e : e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static RuntimeException failure(Throwable cause) {
        return switch (cause) {
            case RuntimeException r -> r;
            case IOException io -> new UncheckedIOException(io);
            case InterruptedException i ->
                new EngineException(EngineException.Kind.UNAVAILABLE, "the copy was interrupted", i);
            default -> new IllegalStateException(cause);
        };
    }

    private Object answer(ArchiveRequest<?> request) throws IOException, InterruptedException {
        return switch (request) {
            case ArchiveRequest.StatPath r -> stat(r);
            case ArchiveRequest.ReadPath r -> read(r);
            case ArchiveRequest.WritePath r -> write(r);
        };
    }

    private PathStat stat(ArchiveRequest.StatPath r) throws InterruptedException {
        Container c = registry.get(r.ref());
        try (ContainerViews.View view = views.open(c, false)) {
            return new FileTree(linux, view.root()).stat(r.path());
        } catch (ImageException e) {
            throw failure(e, r.ref(), r.path());
        }
    }

    private Request.Done read(ArchiveRequest.ReadPath r) throws IOException, InterruptedException {
        Container c = registry.get(r.ref());
        try (ContainerViews.View view = views.open(c, false);
                FileTree.Source source = new FileTree(linux, view.root()).open(r.path())) {
            tell(c, "archive-path"); // before, since a client goes when it has what it wants
            OutputStream out = new BufferedOutputStream(r.sink().begin(source.stat()), BUFFER);
            source.tar(out);
            out.flush();
        } catch (ImageException e) {
            throw failure(e, r.ref(), r.path());
        }
        return Request.Done.DONE;
    }

    private Request.Done write(ArchiveRequest.WritePath r) throws IOException, InterruptedException {
        Container c = registry.get(r.ref());
        try (ContainerViews.View view = views.open(c, true)) {
            FileTree tree = new FileTree(linux, view.root());
            Optional<FileTree.Owner> owner = r.copyOwner() ? owner(c, view) : Optional.empty();
            try {
                tree.unpack(r.path(), r.archive(), new FileTree.Unpacking(r.keepsKind(), owner));
            } catch (ImageException e) {
                if (e.kind() == ImageException.Kind.READ_ONLY) {
                    throw readOnly(c, tree, r.path(), e);
                }
                throw e;
            }
        } catch (ImageException e) {
            throw failure(e, r.ref(), r.path());
        }
        tell(c, "extract-to-dir");
        return Request.Done.DONE;
    }

    private void tell(Container c, String action) {
        events.publish("container", action, c.id(), c.attributes());
    }

    private Optional<FileTree.Owner> owner(Container c, ContainerViews.View view) {
        if (c.stored.user().isEmpty()) {
            return Optional.empty();
        }
        try {
            Account account = new Accounts(linux, view.root()).find(User.named(c.stored.user(), List.of()));
            return Optional.of(new FileTree.Owner(account.uid(), account.gid()));
        } catch (SpecException e) {
            throw Creation.invalid(String.valueOf(e.getMessage()));
        }
    }

    private static EngineException readOnly(Container c, FileTree tree, String path, ImageException e) {
        boolean ofRoot = c.host().readonlyRootfs() && tree.mountOf(path) == tree.mountOf("/");
        return new EngineException(
                EngineException.Kind.PERMISSION_DENIED,
                ofRoot
                        ? "container rootfs is marked read-only"
                        : "mounted volume is marked read-only: " + Names.printable(path),
                e);
    }

    private static EngineException failure(ImageException e, String ref, String path) {
        if (e.kind() == ImageException.Kind.NOT_FOUND) {
            return new EngineException(
                    EngineException.Kind.NOT_FOUND,
                    "Could not find the file " + Names.printable(path) + " in container " + Names.printable(ref),
                    e);
        }
        return Images.failure(e);
    }
}

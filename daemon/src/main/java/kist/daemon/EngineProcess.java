package kist.daemon;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.CountDownLatch;
import kist.config.Settings;

/**
 * The process around an engine: it owns the directories, is the only one on them, writes the pid file, and takes
 * everything down again in the opposite order. If it is killed at any point, the locks fall with it and the next engine
 * removes the socket and pid file it left.
 */
final class EngineProcess {
    private static final System.Logger LOG = System.getLogger("kist.daemon");

    /** Nobody but root may walk into state or to a socket: a container's files may have setuid bits. */
    private static final String MODE = "rwx------";

    private final Settings settings;
    private final Assembly assembly;
    private final CountDownLatch stop = new CountDownLatch(1);

    EngineProcess(Settings settings, Assembly assembly) {
        this.settings = settings;
        this.assembly = assembly;
    }

    /** Asks {@link #run} to return. Any thread. */
    void stop() {
        stop.countDown();
    }

    /**
     * Runs until {@link #stop}.
     *
     * @throws Refusal if this process may not be the engine
     * @throws IOException if a directory, lock, socket or the engine's state cannot be opened
     */
    void run() throws IOException, Refusal, InterruptedException {
        long pid = ProcessHandle.current().pid();
        directory(settings.root());
        directory(settings.runDir());
        try (var rootLock = StateLock.take(settings.root(), pid);
                var runLock =
                        settings.runDir().equals(settings.root()) ? rootLock : StateLock.take(settings.runDir(), pid)) {
            // the lock is ours, so whoever left a socket is dead
            Files.deleteIfExists(settings.dockerSocket());
            writePid(pid);
            try (var running = closing(assembly.open(settings))) {
                LOG.log(
                        System.Logger.Level.INFO,
                        "engine of " + settings.root() + " answers on " + settings.dockerSocket() + ", pid " + pid);
                stop.await();
                LOG.log(System.Logger.Level.INFO, "engine of " + settings.root() + " stops; containers go on running");
            } finally {
                Files.deleteIfExists(settings.dockerSocket());
                Files.deleteIfExists(settings.pidFile());
            }
        }
    }

    private interface Closing extends AutoCloseable {
        @Override
        void close() throws IOException;
    }

    private static Closing closing(AutoCloseable engine) {
        return () -> {
            try {
                engine.close();
            } catch (IOException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IOException("closing the engine failed: " + e, e);
            }
        };
    }

    /** Written aside and renamed, so that a reader never sees half a number. */
    private void writePid(long pid) throws IOException {
        var aside = settings.runDir().resolve("kist.pid.new");
        Files.writeString(aside, pid + "\n");
        Files.move(aside, settings.pidFile(), StandardCopyOption.ATOMIC_MOVE);
    }

    private static void directory(Path path) throws IOException, Refusal {
        var mode = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(MODE));
        try {
            var parent = path.getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            Files.createDirectory(path, mode);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(path)) {
                throw new Refusal(path + " is not a directory; the engine needs one there, or another with --root and"
                        + " --run-dir");
            }
        }
        var real = path.toRealPath();
        var attributes = Files.readAttributes(real, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        long uid = ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
        long owner = ((Number) Files.getAttribute(real, "unix:uid")).longValue();
        if (owner != uid) {
            throw new Refusal(path + " belongs to user " + attributes.owner().getName()
                    + ", who could change the engine's state; give the engine a directory of its own");
        }
        if (!PosixFilePermissions.toString(attributes.permissions()).equals(MODE)) {
            Files.setPosixFilePermissions(real, PosixFilePermissions.fromString(MODE));
        }
    }
}

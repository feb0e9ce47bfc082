package kist.cli;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import kist.config.Settings;

/** Starts the local engine in the background and waits until it answers. */
final class EngineStarter {
    /** An engine with many containers to look after may take its time, but not this long. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private static final long MAX_LOG = 4 << 20;

    private final Context context;
    private final Settings settings;

    EngineStarter(Context context) {
        this.context = context;
        this.settings = context.settings();
    }

    /**
     * Returns when the engine answers. Of several starters at once one starts it and the others wait for the lock.
     *
     * @throws Failure with the reason if it cannot be started
     */
    void start() throws IOException {
        long uid = ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
        if (uid != 0) {
            throw new Failure(
                    1, "kist: only root may use the engine in " + settings.runDir() + "; try again with sudo.");
        }
        if (context.home().isEmpty()) {
            throw new Failure(
                    1,
                    "kist: no engine answers at " + settings.address()
                            + ", and this command does not know its own distribution to start one from; use its bin/kist.");
        }
        privateDirectory(settings.root());
        privateDirectory(settings.runDir());
        try (var channel = FileChannel.open(
                        settings.runDir().resolve("start.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                var lock = channel.lock()) {
            if (lock.isValid() && !Engine.answers(context)) {
                spawn();
            }
        }
    }

    private void spawn() throws IOException {
        var log = settings.logFile();
        if (Files.exists(log) && Files.size(log) > MAX_LOG) {
            Files.move(log, settings.root().resolve("engine.log.1"), StandardCopyOption.REPLACE_EXISTING);
        }
        long before = Files.exists(log) ? Files.size(log) : 0;
        // setsid: a Ctrl-C at this terminal is not meant for the engine
        var builder = new ProcessBuilder(
                        "setsid",
                        context.home() + "/bin/kist",
                        "--root=" + settings.root(),
                        "--bridge=" + settings.bridge(),
                        "--registries-dir=" + settings.registriesDir(),
                        "--policy-file=" + settings.policyFile(),
                        "--storage-driver=" + settings.storageDriver(),
                        "--run-dir=" + settings.runDir(),
                        "engine")
                .directory(Path.of("/").toFile())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
        settings.subnet().ifPresent(subnet -> builder.environment().put("KIST_SUBNET", subnet));
        builder.environment().put("KIST_JAVA_HOME", System.getProperty("java.home", ""));
        var process = builder.start();
        long begun = System.nanoTime();
        try {
            while (!Engine.answers(context)) {
                if (!process.isAlive()) {
                    throw new Failure(1, "kist: the engine did not start: " + said(log, before));
                }
                if (System.nanoTime() - begun > PATIENCE_NANOS) {
                    throw new Failure(
                            1,
                            "kist: the engine (pid " + process.pid()
                                    + ") was started but does not answer yet; its log is " + log);
                }
                Thread.sleep(5);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Failure(130, "");
        }
    }

    /** What the engine wrote since it was started, at most its last 4 KiB. */
    private static String said(Path log, long before) throws IOException {
        try (var file = new RandomAccessFile(log.toFile(), "r")) {
            long from = Math.max(before, file.length() - 4096);
            file.seek(from);
            var bytes = new byte[(int) (file.length() - from)];
            file.readFully(bytes);
            var text = new String(bytes, StandardCharsets.UTF_8).strip();
            return text.isEmpty() ? "it ended without a word; its log is " + log : text;
        }
    }

    private static void privateDirectory(Path path) throws IOException {
        var parent = path.getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        try {
            Files.createDirectory(
                    path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(path)) {
                throw new Failure(1, "kist: " + path + " is not a directory; the engine needs one there");
            }
        }
    }
}

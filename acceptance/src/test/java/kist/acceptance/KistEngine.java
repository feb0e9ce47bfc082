package kist.acceptance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Kist of the built distribution on directories of its own, away from the user's. */
final class KistEngine extends Engine {
    private final Set<String> ids = new TreeSet<>();
    private final int megabytes;
    private final Map<String, String> settings;
    private Path home = Path.of("");
    private Leftovers before = Leftovers.NONE;

    KistEngine() {
        this(0);
    }

    /** One whose state is on a file system of its own with so many megabytes; 0 for no such limit. */
    KistEngine(int megabytes) {
        this(megabytes, Map.of());
    }

    /** One with these variables in its environment, in which {@code HOME/} stands for the directory of all its state. */
    KistEngine(Map<String, String> settings) {
        this(0, settings);
    }

    private KistEngine(int megabytes, Map<String, String> settings) {
        this.megabytes = megabytes;
        this.settings = settings;
    }

    @Override
    Path socket() {
        return runDir().resolve("docker.sock");
    }

    @Override
    boolean isKist() {
        return true;
    }

    @Override
    Path home() {
        return home;
    }

    Path root() {
        return home.resolve(megabytes > 0 ? "disk/root" : "root");
    }

    Path runDir() {
        return home.resolve("run");
    }

    @Override
    String log() {
        try {
            return Files.exists(root().resolve("engine.log")) ? Files.readString(root().resolve("engine.log")) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The command on this engine's directories, so that it starts the engine itself where none answers. */
    @Override
    Command kist(String... arguments) {
        return environment(Command.of(dist("bin/kist")).with(arguments));
    }

    /** A command with the environment that points kist at these directories. */
    Command environment(Command command) {
        var all = command;
        for (var setting : settings.entrySet()) {
            all = all.env(setting.getKey(), setting.getValue().replace("HOME/", home + "/"));
        }
        return all.env("KIST_BRIDGE", bridge())
                .env("KIST_ROOT", root().toString())
                .env("KIST_RUN_DIR", runDir().toString())
                .env("KIST_CONFIG", "")
                .env("KIST_HOST", "");
    }

    /** Of its own, so that what is left of it can be told from other engines' links. */
    private String bridge() {
        return "kt" + Integer.toHexString(home.hashCode());
    }

    void start() {
        kist("system", "start").ok();
    }

    /** The engine's process. */
    long enginePid() {
        try {
            return Long.parseLong(Files.readString(runDir().resolve("kist.pid")).strip());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** SIGKILL, as the kernel's out-of-memory killer would. */
    void kill() {
        long pid = enginePid();
        Command.of("kill", "-KILL", Long.toString(pid)).ok();
        Wait.until("the end of engine " + pid, () -> !Files.exists(Path.of("/proc/" + pid)) || Processes.zombie(pid));
    }

    boolean answers() {
        try {
            return api().get("/_ping").status() == 200;
        } catch (UncheckedIOException | AssertionError e) {
            return false;
        }
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        try {
            home = Files.createTempDirectory(Path.of("/var/tmp"), "kist-test-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        before = Leftovers.now();
        if (megabytes > 0) {
            var image = home.resolve("disk.img").toString();
            Command.of("truncate", "--size", megabytes + "M", image).ok();
            Command.of("mkfs.ext4", "-q", image).ok();
            Command.of("mkdir", home.resolve("disk").toString()).ok();
            Command.of("mount", "-o", "loop", image, home.resolve("disk").toString())
                    .ok();
        }
        start();
        importBusybox();
    }

    @Override
    void removeContainers() {
        containers().forEach(container -> ids.add(container.text("Id")));
        super.removeContainers();
    }

    @Override
    public void afterAll(ExtensionContext context) {
        var faults = new ArrayList<String>();
        try {
            if (!answers()) {
                start();
            }
            removeContainers();
            kist("system", "shutdown", "--stop-containers").ok();
            if (megabytes > 0) {
                Command.of("umount", home.resolve("disk").toString()).ok();
            }
            faults.addAll(Leftovers.since(before, marks()));
        } finally {
            Leftovers.clear(marks());
            deleteTree(home);
        }
        if (!faults.isEmpty()) {
            throw new AssertionError(
                    "left behind by the engine of " + context.getDisplayName() + ":\n" + String.join("\n", faults));
        }
    }

    /** Words by which anything of this engine is known: its directory and its containers' ids. */
    List<String> marks() {
        var marks = new ArrayList<>(ids);
        marks.add(home.toString());
        marks.add(bridge());
        return marks;
    }
}

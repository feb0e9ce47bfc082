package kist.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** Runs health checks as processes in their containers; no other process takes part. Thread-safe. */
final class HealthProbe implements Health.Probe {
    private static final int MOST_OUTPUT = 4096;
    private static final int FAILED = -1;
    private static final int MOST_CHILDREN = 4096;

    private final Execs execs;
    private final Timers timers;

    HealthProbe(Execs execs, Timers timers) {
        this.execs = execs;
        this.timers = timers;
    }

    @Override
    public HealthView.Check run(Container c, List<String> argv, long timeoutNanos) throws InterruptedException {
        long start = timers.now();
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        AtomicBoolean late = new AtomicBoolean();
        int code;
        Exec exec;
        try {
            exec = execs.createQuietly(c, new ExecConfig(argv, List.of(), "", "", false, false, true, true, false));
        } catch (EngineException e) {
            return failed(start, e);
        }
        try {
            Optional<Attachment> started = execs.start(exec, false, 0, 0);
            try (Attachment attachment = started.orElseThrow()) {
                Timers.Timer timer = timers.after(timeoutNanos, () -> {
                    late.set(true);
                    kill(exec);
                    attachment.close(); // what it leaves behind may hold the pipes
                });
                try {
                    for (Optional<Output> o = attachment.read(); o.isPresent(); o = attachment.read()) {
                        byte[] bytes = o.get().bytes();
                        output.write(bytes, 0, Math.min(bytes.length, MOST_OUTPUT - output.size()));
                    }
                } finally {
                    timer.cancel();
                }
            }
            code = exec.view().exitCode().orElse(FAILED);
        } catch (EngineException e) {
            return failed(start, e);
        } finally {
            execs.discard(exec);
        }
        String text = output.toString(StandardCharsets.UTF_8);
        if (late.get()) {
            code = FAILED;
            String limit = "Health check exceeded timeout (" + span(timeoutNanos) + ")";
            text = text.isEmpty() ? limit : limit + ": " + text;
        }
        return new HealthView.Check(start, timers.now(), code, text);
    }

    private HealthView.Check failed(long start, EngineException e) {
        return new HealthView.Check(start, timers.now(), FAILED, String.valueOf(e.getMessage()));
    }

    static String span(long nanos) {
        return nanos % 1_000_000_000L == 0 ? nanos / 1_000_000_000L + "s" : nanos / 1_000_000 + "ms";
    }

    /** Kills a check and what it started: a shell that is killed leaves its command behind. */
    private static void kill(Exec exec) {
        long pid = exec.view().pid();
        if (pid > 0) {
            List<Long> pids = new ArrayList<>(List.of(pid));
            for (int i = 0; i < pids.size() && i < MOST_CHILDREN; i++) {
                children(pids.get(i), pids);
            }
            // children first: once their parent is gone, they are no longer to be told from the container's own
            for (long each : pids.reversed()) {
                ProcessHandle.of(each).ifPresent(ProcessHandle::destroyForcibly);
            }
        }
    }

    /** proc_pid_task(5), children. */
    private static void children(long pid, List<Long> all) {
        try {
            String text =
                    Files.readString(Path.of("/proc/" + pid + "/task/" + pid + "/children"), StandardCharsets.US_ASCII);
            for (String child : text.strip().split(" ")) {
                if (!child.isEmpty()) {
                    all.add(Long.parseLong(child));
                }
            }
        } catch (IOException | NumberFormatException e) {
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "it has ended: " + pid, e);
        }
    }
}

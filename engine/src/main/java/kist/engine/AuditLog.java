package kist.engine;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Who asked for what, one JSON object a line, appended to audit.log; bounded: at 20 MB it becomes audit.log.1, up to .4.
 * It holds names, never the contents of requests, so no secret can get into it. Thread-safe.
 */
final class AuditLog implements AutoCloseable {
    private static final long LIMIT = 20L << 20;
    private static final int KEPT = 4;

    private final Path file;
    private final Jsonb jsonb = Jsonb.builder().build();
    private final ReentrantLock lock = new ReentrantLock();
    private OutputStream out;
    private long size;

    AuditLog(Path file) {
        this.file = file;
        this.out = open();
    }

    private OutputStream open() {
        try {
            if (!Files.exists(file)) {
                Files.createFile(
                        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            }
            size = Files.size(file);
            return Files.newOutputStream(file, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the audit log " + file, e);
        }
    }

    void write(Caller caller, Request<?> request, boolean allowed) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("time", Instant.now().toString());
        line.put("door", caller.door());
        line.put("uid", caller.uid());
        line.put("gid", caller.gid());
        line.put("pid", caller.pid());
        if (!caller.remote().isEmpty()) {
            line.put("remote", Names.printable(caller.remote()));
        }
        line.put("request", request.getClass().getSimpleName());
        line.put("object", Names.printable(request.object()));
        line.put("allowed", allowed);
        byte[] bytes = (jsonb.toJson(line) + "\n").getBytes(StandardCharsets.UTF_8);
        lock.lock();
        try {
            if (size + bytes.length > LIMIT) {
                rotate();
            }
            out.write(bytes);
            size += bytes.length;
        } catch (IOException e) {
            if (!request.readOnly()) {
                throw new EngineException(
                        EngineException.Kind.UNAVAILABLE,
                        "the audit log " + file + " cannot be written (" + e.getMessage()
                                + "), so nothing may be changed",
                        e);
            }
        } finally {
            lock.unlock();
        }
    }

    private void rotate() throws IOException {
        out.close();
        for (int i = KEPT - 1; i >= 0; i--) {
            Path from = i == 0 ? file : file.resolveSibling(file.getFileName() + "." + i);
            if (Files.exists(from)) {
                Files.move(
                        from,
                        file.resolveSibling(file.getFileName() + "." + (i + 1)),
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        out = open();
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            System.getLogger("kist").log(System.Logger.Level.WARNING, "cannot close " + file, e);
        }
    }
}

package kist.docker;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import kist.engine.ArchiveRequest;
import kist.engine.EngineException;
import kist.image.PathStat;
import kist.kernel.Flags;

/** {@code /containers/{id}/archive}: files of containers in and out, which is what {@code docker cp} uses. */
final class PathRoutes {
    private static final String STAT = "X-Docker-Container-Path-Stat";

    private PathRoutes() {}

    /** Answers HEAD, GET and PUT; {@code false} for others. */
    static boolean route(Call call, String ref) throws IOException, InterruptedException {
        String method = call.request().method();
        if (!method.equals("HEAD") && !method.equals("GET") && !method.equals("PUT")) {
            return false;
        }
        String path = call.parameter("path");
        if (path.isEmpty()) {
            throw Errors.invalid("bad parameter: path cannot be empty");
        }
        switch (method) {
            case "HEAD" -> {
                tell(call, call.ask(new ArchiveRequest.StatPath(ref, path)));
                call.answer(200);
            }
            case "GET" -> get(call, ref, path);
            default -> put(call, ref, path);
        }
        return true;
    }

    private static void get(Call call, String ref, String path) throws IOException, InterruptedException {
        Thread worker = Thread.currentThread();
        call.exchange().onClientGone(worker::interrupt);
        try {
            call.ask(new ArchiveRequest.ReadPath(ref, path, stat -> begin(call, stat)));
        } catch (EngineException e) {
            if (call.exchange().responded()) {
                // the client sees an answer that is cut off, and so no whole archive
                throw new IOException("failed in the middle of an archive: " + e.getMessage(), e);
            }
            throw e;
        } catch (UncheckedIOException e) {
            throw new IOException("the client has gone", e);
        }
    }

    private static OutputStream begin(Call call, PathStat stat) {
        tell(call, stat);
        return call.exchange().stream(200, "application/x-tar");
    }

    private static void put(Call call, String ref, String path) throws IOException, InterruptedException {
        try {
            call.ask(new ArchiveRequest.WritePath(
                    ref, path, call.exchange().body(), call.flag("noOverwriteDirNonDir"), call.flag("copyUIDGID")));
        } catch (UncheckedIOException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e);
        }
        call.answer(200);
    }

    private static void tell(Call call, PathStat stat) {
        byte[] json = Json.bytes(Json.object(
                "name", stat.name(),
                "size", stat.size(),
                "mode", mode(stat.mode()),
                "mtime",
                        Instant.ofEpochSecond(stat.mtimeSeconds(), stat.mtimeNanos())
                                .toString(),
                "linkTarget", stat.linkTarget()));
        call.exchange().header(STAT, new String(Base64.getEncoder().encode(json), StandardCharsets.US_ASCII));
    }

    /** Docker's clients expect the mode as the library of the language Go has it (os.FileMode). */
    static long mode(int mode) {
        long type = switch (mode & Flags.S_IFMT) {
            case Flags.S_IFDIR -> 1L << 31;
            case Flags.S_IFLNK -> 1L << 27;
            case Flags.S_IFBLK -> 1L << 26;
            case Flags.S_IFCHR -> 1L << 26 | 1L << 21;
            case Flags.S_IFIFO -> 1L << 25;
            case Flags.S_IFSOCK -> 1L << 24;
            default -> 0;
        };
        long setUid = (mode & 04000) != 0 ? 1L << 23 : 0;
        long setGid = (mode & 02000) != 0 ? 1L << 22 : 0;
        long sticky = (mode & 01000) != 0 ? 1L << 20 : 0;
        return type | setUid | setGid | sticky | mode & 0777;
    }
}

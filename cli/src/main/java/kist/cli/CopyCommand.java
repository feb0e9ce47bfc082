package kist.cli;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/** {@code kist cp}: between a container and the local file system, by the rules of docker's (docker cp, description). */
final class CopyCommand {
    private static final long DIRECTORY = 1L << 31;
    private static final long LINK = 1L << 27;
    private static final int PIPE = 256 << 10;

    private final Context context;
    private final Engine engine;

    CopyCommand(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    /** One side of a copy; the container is empty for a local one. */
    private record Place(String container, String path) {
        static Place of(String text) {
            int colon = text.indexOf(':');
            // ./a:b and /a:b are local, as is what has no colon
            boolean local = colon <= 0
                    || text.startsWith("/")
                    || text.substring(0, colon).startsWith(".");
            return local ? new Place("", text) : new Place(text.substring(0, colon), text.substring(colon + 1));
        }

        boolean isLocal() {
            return container.isEmpty();
        }
    }

    int run(List<String> args) throws IOException {
        var parsed = new Flags(
                        "cp",
                        "CONTAINER:SRC_PATH DEST_PATH|-\n        kist cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
                        "Copy files/folders between a container and the local filesystem\n\nUse '-' as the source to read"
                                + " a tar archive from stdin and extract it to a\ndirectory destination in a container."
                                + " Use '-' as the destination to stream a tar\narchive of a container source to stdout.")
                .bool("archive", 'a', "Archive mode (copy all uid/gid information)")
                .bool("follow-link", 'L', "Always follow symbol link in SRC_PATH")
                .bool("quiet", 'q', "Suppress progress output during copy")
                .parse(args)
                .expect(2, 2);
        var from = Place.of(parsed.arguments().get(0));
        var to = Place.of(parsed.arguments().get(1));
        if (from.path().isEmpty() || to.path().isEmpty()) {
            throw new Failure(1, "kist: " + (from.path().isEmpty() ? "source" : "destination") + " can not be empty");
        }
        if (!from.isLocal() && !to.isLocal()) {
            throw new Failure(1, "kist: copying between containers is not supported");
        }
        if (from.isLocal() && to.isLocal()) {
            throw new Failure(1, "kist: must specify at least one container source");
        }
        var name = from.isLocal() ? to.container() : from.container();
        if (parsed.on("quiet")) {
            copy(from, to, parsed, bytes -> {});
            return 0;
        }
        try (var waiting = Waiting.begin(context, "Copying " + (from.isLocal() ? "to " : "from ") + name)) {
            copy(from, to, parsed, waiting::advance);
        }
        return 0;
    }

    private void copy(Place from, Place to, Flags.Parsed parsed, Counter counter) throws IOException {
        if (from.isLocal()) {
            upload(from.path(), to, parsed.on("archive"), parsed.on("follow-link"), counter);
        } else {
            download(from, to.path(), parsed.on("follow-link"), counter);
        }
    }

    private interface Counter {
        void advance(long bytes);
    }

    private static String archive(Place place, String path) {
        return Engine.container(place.container()) + "/archive?path=" + Engine.quote(path);
    }

    /** What the engine says that a path is; empty where there is nothing. */
    private Optional<Doc> stat(Place place, String path) throws IOException {
        return engine.head(archive(place, path), "x-docker-container-path-stat")
                .map(field -> Doc.parse(new String(Base64.getDecoder().decode(field), StandardCharsets.UTF_8)));
    }

    private static boolean is(Doc stat, long kind) {
        return (stat.number("mode") & kind) != 0;
    }

    private static boolean assertsDirectory(String path) {
        return path.endsWith("/") || path.endsWith("/.") || path.equals(".");
    }

    private static String base(String path) {
        var last = Path.of(path).normalize().getFileName();
        return last == null ? "" : last.toString();
    }

    private void upload(String source, Place to, boolean owners, boolean follow, Counter counter) throws IOException {
        var path = to.path();
        var there = stat(to, path);
        if (there.isPresent() && is(there.get(), LINK)) {
            path = there.get().text("linkTarget");
            there = stat(to, path);
        }
        boolean isDirectory = there.isPresent() && is(there.get(), DIRECTORY);
        if (source.equals("-")) {
            if (!isDirectory) {
                throw new Failure(
                        1, "kist: destination \"" + to.container() + ":" + to.path() + "\" must be a directory");
            }
            put(to, path, owners, counted(context.in(), counter));
            return;
        }
        var local = Path.of(source);
        if (!Files.exists(local, LinkOption.NOFOLLOW_LINKS)) {
            throw new Failure(1, "kist: lstat " + source + ": no such file or directory");
        }
        var packed = follow || assertsDirectory(source) ? local.toRealPath() : local.toAbsolutePath();
        boolean folder = Files.isDirectory(packed, LinkOption.NOFOLLOW_LINKS);
        if (assertsDirectory(source) && !folder) {
            throw new Failure(1, "kist: " + source + ": not a directory");
        }
        boolean contents = folder && (source.endsWith("/.") || source.equals("."));
        String name;
        String into;
        if (isDirectory) {
            name = contents ? "." : base(local.toAbsolutePath().toString());
            into = path;
        } else {
            if (there.isPresent() && folder) {
                throw new Failure(1, "kist: cannot copy directory");
            }
            if (there.isEmpty() && !folder && assertsDirectory(path)) {
                throw new Failure(1, "kist: no such directory: " + to.container() + ":" + to.path());
            }
            name = base(path);
            var parent = Path.of("/").resolve(path).normalize().getParent();
            into = parent == null ? "/" : parent.toString();
        }
        send(packed, name, to, into, owners, counter);
    }

    private void send(Path local, String name, Place to, String into, boolean owners, Counter counter)
            throws IOException {
        var failure = new IOException[1];
        try (var pipe = new PipedInputStream(PIPE)) {
            var out = new PipedOutputStream(pipe);
            var packer = Thread.ofPlatform().daemon().start(() -> {
                try (out) {
                    var tar = new TarOut(out);
                    tar.add(local, name);
                    tar.finish();
                } catch (IOException e) {
                    failure[0] = e;
                }
            });
            try {
                put(to, into, owners, counted(pipe, counter));
            } catch (EngineError e) {
                // an archive that was cut short because packing failed: that is the reason to tell
                if (failure[0] != null && String.valueOf(e.getMessage()).contains("cut short")) {
                    throw failure[0];
                }
                throw e;
            } finally {
                pipe.close();
                join(packer);
            }
            if (failure[0] != null) {
                throw failure[0];
            }
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void put(Place to, String path, boolean owners, InputStream tar) throws IOException {
        var target = archive(to, path) + "&noOverwriteDirNonDir=true" + (owners ? "&copyUIDGID=true" : "");
        engine.upload("PUT", target, tar).close();
    }

    private void download(Place from, String target, boolean follow, Counter counter) throws IOException {
        var path = from.path();
        var name = base(path);
        if (follow) {
            var there = stat(from, path);
            if (there.isPresent() && is(there.get(), LINK)) {
                path = there.get().text("linkTarget");
            }
        }
        if (target.equals("-") && context.stdoutIsTerminal()) {
            throw new Failure(1, "kist: cowardly refusing to write an archive to a terminal; redirect it");
        }
        try (var answer = engine.stream("GET", archive(from, path))) {
            var in = counted(answer.response().stream(), counter);
            if (target.equals("-")) {
                in.transferTo(context.out());
                return;
            }
            var stat = Doc.parse(new String(
                    Base64.getDecoder().decode(answer.response().header("x-docker-container-path-stat")),
                    StandardCharsets.UTF_8));
            unpack(in, stat, name, from.path(), target);
        }
    }

    private void unpack(InputStream in, Doc stat, String name, String source, String target) throws IOException {
        boolean folder = is(stat, DIRECTORY);
        boolean contents = folder && (source.endsWith("/.") || source.equals("."));
        var local = Path.of(target).toAbsolutePath().normalize();
        if (Files.isDirectory(local)) {
            // a link that was followed keeps the name by which it was asked for
            new TarIn(context, in, local, contents ? "" : name).unpack();
            return;
        }
        if (Files.exists(local, LinkOption.NOFOLLOW_LINKS) && folder) {
            throw new Failure(1, "kist: cannot copy directory");
        }
        if (!folder && assertsDirectory(target)) {
            throw new Failure(1, "kist: no such directory: " + target);
        }
        var parent = local.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new Failure(1, "kist: invalid output path: directory \"" + parent + "\" does not exist");
        }
        if (contents) {
            Files.createDirectory(local);
            new TarIn(context, in, local, "").unpack();
        } else {
            new TarIn(context, in, parent, String.valueOf(local.getFileName())).unpack();
        }
    }

    private static InputStream counted(InputStream in, Counter counter) {
        return new FilterInputStream(in) {
            @Override
            public int read() throws IOException {
                int b = in.read();
                counter.advance(b < 0 ? 0 : 1);
                return b;
            }

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                int n = in.read(into, offset, length);
                counter.advance(Math.max(0, n));
                return n;
            }
        };
    }
}

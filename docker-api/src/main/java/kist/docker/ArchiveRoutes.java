package kist.docker;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import kist.engine.EngineException;
import kist.engine.ImageRequest;
import kist.http.ResponseStream;
import kist.image.Change;
import kist.image.Image;
import kist.image.TreeChange;
import org.jspecify.annotations.Nullable;

/** Images and containers as tars, in and out: import, load, save, export, commit, and what a container has changed. */
final class ArchiveRoutes {
    private static final String TAR = "application/x-tar";

    private ArchiveRoutes() {}

    /** {@code POST /images/create?fromSrc=-}. */
    static void importTar(Call call) throws IOException, InterruptedException {
        String source = call.parameter("fromSrc");
        if (!source.equals("-")) {
            throw source.isEmpty()
                    ? Errors.invalid("one of fromImage and fromSrc must be given")
                    : Errors.unsupported("importing from the address \"" + source + "\"");
        }
        Image image = call.ask(new ImageRequest.ImportImage(
                call.exchange().body(),
                Names.reference(call.parameter("repo"), call.parameter("tag")),
                call.request().parameters("changes"),
                call.parameter("message"),
                Platforms.of(call)));
        try (ProgressStream out = new ProgressStream(call)) {
            out.status(image.id());
        }
    }

    /** {@code POST /images/load}. */
    static void load(Call call) throws IOException, InterruptedException {
        List<ImageRequest.Loaded> all =
                call.ask(new ImageRequest.LoadImages(call.exchange().body(), Platforms.one(call)));
        try (ProgressStream out = new ProgressStream(call)) {
            for (ImageRequest.Loaded loaded : all) {
                for (String name : loaded.references()) {
                    out.stream("Loaded image: " + name + "\n");
                }
                if (loaded.references().isEmpty()) {
                    out.stream("Loaded image ID: " + loaded.image().id() + "\n");
                }
            }
        }
    }

    /** {@code GET /images/get?names=...} and {@code GET /images/{name}/get}. */
    static void save(Call call, List<String> names) throws IOException, InterruptedException {
        List<String> wanted = new ArrayList<>();
        for (String name : names) {
            // older clients join them
            for (String one : name.split(",", -1)) {
                if (!one.isEmpty()) {
                    wanted.add(Names.familiar(one));
                }
            }
        }
        if (wanted.isEmpty()) {
            throw Errors.invalid("no images are named: parameter names is empty");
        }
        Optional<kist.image.Platform> platform = Platforms.one(call);
        download(call, TAR, out -> call.ask(new ImageRequest.SaveImages(wanted, platform, out)));
    }

    /** {@code GET /containers/{id}/export}. */
    static void export(Call call, String ref) throws IOException, InterruptedException {
        download(call, "application/octet-stream", out -> call.ask(new ImageRequest.ExportContainer(ref, out)));
    }

    private interface Download {
        void to(OutputStream out) throws InterruptedException;
    }

    private static void download(Call call, String type, Download download) throws IOException, InterruptedException {
        Thread worker = Thread.currentThread();
        call.exchange().onClientGone(worker::interrupt);
        Late out = new Late(call, type);
        try {
            download.to(out);
        } catch (EngineException e) {
            if (out.begun()) {
                // the client sees an answer that is cut off, and so no whole archive
                throw new IOException("failed in the middle of an archive: " + e.getMessage(), e);
            }
            throw e;
        } catch (UncheckedIOException e) {
            throw new IOException("the client has gone", e);
        }
        out.begin();
    }

    /** An answer that begins with its first byte, so that what fails before it has a status. */
    private static final class Late extends OutputStream {
        private final Call call;
        private final String type;
        private @Nullable ResponseStream stream;

        Late(Call call, String type) {
            this.call = call;
            this.type = type;
        }

        boolean begun() {
            return stream != null;
        }

        ResponseStream begin() {
            ResponseStream open = stream;
            if (open == null) {
                open = call.exchange().stream(200, type);
                stream = open;
            }
            return open;
        }

        @Override
        public void write(int b) throws IOException {
            begin().write(b);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            begin().write(bytes, offset, length);
        }

        @Override
        public void flush() throws IOException {
            begin().flush();
        }
    }

    /** {@code POST /commit}. */
    static void commit(Call call) throws IOException, InterruptedException {
        String container = call.parameter("container");
        if (container.isEmpty()) {
            throw Errors.invalid("parameter container is empty: name the container to commit");
        }
        Image image = call.ask(new ImageRequest.CommitContainer(
                Names.container(container),
                Names.reference(call.parameter("repo"), call.parameter("tag")),
                call.parameter("author"),
                call.parameter("comment"),
                call.request().parameters("changes"),
                CommitBody.parse(call.body("")),
                // silence means yes
                call.parameter("pause").isEmpty() || call.flag("pause")));
        call.answer(201, Json.object("Id", image.id()));
    }

    /** {@code GET /containers/{id}/changes}. */
    static void changes(Call call, String ref) throws IOException, InterruptedException {
        List<Object> changes = new ArrayList<>();
        for (Change change : call.ask(new ImageRequest.ContainerChanges(ref))) {
            changes.add(Json.object("Path", change.path(), "Kind", kind(change.kind())));
        }
        call.answer(200, changes.isEmpty() ? null : changes);
    }

    /** {@code GET /kist/images/diff}: one change a line. */
    static void diff(Call call) throws IOException, InterruptedException {
        String from = Names.familiar(call.parameter("from"));
        String to = Names.familiar(call.parameter("to"));
        if (from.isEmpty() || to.isEmpty()) {
            throw Errors.invalid("the parameters from and to must both name an image");
        }
        download(
                call,
                "application/json",
                out -> call.ask(new ImageRequest.DiffImages(from, to, change -> {
                    try {
                        out.write(Json.bytes(json(change)));
                        out.write('\n');
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })));
    }

    private static Map<String, @Nullable Object> json(TreeChange change) {
        Map<String, @Nullable Object> details = Json.object();
        Optional<TreeChange.Side> before = change.before();
        Optional<TreeChange.Side> after = change.after();
        if (before.isPresent() && after.isPresent()) {
            TreeChange.Side from = before.get();
            TreeChange.Side to = after.get();
            differ(details, "type", word(from.type()), word(to.type()));
            differ(details, "mode", octal(from.mode()), octal(to.mode()));
            differ(details, "owner", from.uid() + ":" + from.gid(), to.uid() + ":" + to.gid());
            differ(details, "size", Long.toString(from.size()), Long.toString(to.size()));
            if (details.isEmpty()) {
                details.put("content", Json.object());
            }
        }
        return Json.object("Kind", kind(change.kind()), "Path", change.path(), "Details", details);
    }

    private static void differ(Map<String, @Nullable Object> details, String what, String from, String to) {
        if (!from.equals(to)) {
            details.put(what, Json.object("From", from, "To", to));
        }
    }

    private static String word(TreeChange.Type type) {
        return type.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static String octal(int mode) {
        return "0" + Integer.toOctalString(mode);
    }

    private static int kind(Change.Kind kind) {
        return switch (kind) {
            case MODIFIED -> 0;
            case ADDED -> 1;
            case DELETED -> 2;
        };
    }
}

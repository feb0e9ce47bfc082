package kist.cli;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** {@code kist import}, {@code load}, {@code save}, {@code export}, {@code commit}: images and containers as tars. */
final class ArchiveCommands {
    private final Context context;
    private final Engine engine;

    ArchiveCommands(Context context) {
        this.context = context;
        this.engine = context.engine();
    }

    int importTar(List<String> args) throws IOException {
        var parsed = new Flags(
                        "import",
                        "file|- [REPOSITORY[:TAG]]",
                        "Import the contents from a tarball to create a filesystem image")
                .list("change", 'c', "list", "Apply Dockerfile instruction to the created image")
                .text("message", 'm', "string", "Set commit message for imported image")
                .text("platform", 0, "string", "Set platform of the created image")
                .parse(args)
                .expect(1, 2);
        var arguments = parsed.arguments();
        var source = arguments.getFirst();
        if (source.startsWith("http://") || source.startsWith("https://")) {
            throw parsed.wrong("import takes a file or - for standard input, not the address " + source);
        }
        var query = new StringBuilder("/images/create?fromSrc=-");
        if (arguments.size() > 1) {
            query.append(ImageName.asQuery(arguments.get(1)));
        }
        parsed.text("message").ifPresent(m -> query.append("&message=").append(Engine.quote(m)));
        parsed.text("platform").ifPresent(p -> query.append("&platform=").append(Engine.quote(p)));
        for (var change : parsed.all("change")) {
            query.append("&changes=").append(Engine.quote(change));
        }
        try (var in = open(source);
                var answer = engine.upload(query.toString(), in)) {
            show(answer);
        }
        return 0;
    }

    int load(List<String> args) throws IOException {
        var parsed = new Flags("load", "", "Load an image from a tar archive or STDIN")
                .text("input", 'i', "string", "Read from tar archive file, instead of STDIN")
                .list("platform", 0, "string", "Load only this platform of the images")
                .bool("quiet", 'q', "Suppress the load output")
                .parse(args)
                .expect(0, 0);
        var source = parsed.text("input").orElse("-");
        if (source.equals("-") && context.stdinIsTerminal()) {
            throw new Failure(1, "kist: requested load from stdin, but stdin is empty");
        }
        boolean quiet = parsed.on("quiet") || !context.stdoutIsTerminal();
        try (var in = open(source);
                var answer =
                        engine.upload("/images/load?quiet=" + (quiet ? 1 : 0) + platforms("platform", parsed), in)) {
            show(answer);
        }
        return 0;
    }

    private void show(Engine.Streaming answer) throws IOException {
        new ProgressView(context, context.stdoutIsTerminal()).show(answer.response(), aux -> {});
    }

    private static String platforms(String name, Flags.Parsed parsed) {
        var query = new StringBuilder();
        for (var platform : parsed.all("platform")) {
            query.append('&').append(name).append('=').append(Engine.quote(TransferCommands.platformJson(platform)));
        }
        return query.toString();
    }

    private InputStream open(String source) throws IOException {
        if (source.equals("-")) {
            return context.in();
        }
        try {
            return new FileInputStream(source);
        } catch (FileNotFoundException e) {
            throw new Failure(1, "kist: open " + e.getMessage());
        }
    }

    int save(List<String> args) throws IOException {
        var parsed = new Flags(
                        "save",
                        "IMAGE [IMAGE...]",
                        "Save one or more images to a tar archive (streamed to STDOUT by default)")
                .text("output", 'o', "string", "Write to a file, instead of STDOUT")
                .list("platform", 0, "string", "Save only this platform of the images")
                .parse(args)
                .expect(1, -1);
        var query = new StringBuilder("/images/get?");
        for (var name : parsed.arguments()) {
            query.append(query.charAt(query.length() - 1) == '?' ? "" : "&")
                    .append("names=")
                    .append(Engine.quote(name));
        }
        download(query + platforms("platform", parsed), parsed);
        return 0;
    }

    int export(List<String> args) throws IOException {
        var parsed = new Flags("export", "CONTAINER", "Export a container's filesystem as a tar archive")
                .text("output", 'o', "string", "Write to a file, instead of STDOUT")
                .parse(args)
                .expect(1, 1);
        download(Engine.container(parsed.arguments().getFirst()) + "/export", parsed);
        return 0;
    }

    /** To standard output, or aside and, when it is whole, to the file: no half of an archive is left. */
    private void download(String path, Flags.Parsed parsed) throws IOException {
        var output = parsed.text("output").orElse("");
        if (output.isEmpty()) {
            if (context.stdoutIsTerminal()) {
                throw new Failure(1, "kist: cowardly refusing to save to a terminal. Use the -o flag or redirect");
            }
            try (var answer = engine.stream("GET", path)) {
                answer.response().stream().transferTo(context.out());
            }
            return;
        }
        var target = Path.of(output).toAbsolutePath();
        if (Files.isDirectory(target)) {
            throw new Failure(1, "kist: invalid output path: \"" + output + "\" is a directory");
        }
        var directory = target.getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new Failure(1, "kist: invalid output path: directory \"" + directory + "\" does not exist");
        }
        try (var answer = engine.stream("GET", path)) {
            if (Files.exists(target) && !Files.isRegularFile(target)) {
                try (var out = Files.newOutputStream(target)) {
                    copy(answer, out, target);
                }
                return;
            }
            var aside = Files.createTempFile(directory, ".kist-", ".tmp");
            // also after an interrupt from the keyboard
            aside.toFile().deleteOnExit();
            try {
                try (var out = Files.newOutputStream(aside)) {
                    copy(answer, out, target);
                }
                Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(aside, target, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(aside);
            }
        }
    }

    private void copy(Engine.Streaming answer, OutputStream out, Path target) throws IOException {
        try (var waiting = Waiting.begin(context, "Writing " + target.getFileName())) {
            var bytes = new byte[128 * 1024];
            var response = answer.response();
            for (int n = response.read(bytes, 0, bytes.length); n >= 0; n = response.read(bytes, 0, bytes.length)) {
                out.write(bytes, 0, n);
                waiting.advance(n);
            }
        }
    }

    int commit(List<String> args) throws IOException {
        var parsed = new Flags(
                        "commit", "CONTAINER [REPOSITORY[:TAG]]", "Create a new image from a container's changes")
                .text("author", 'a', "string", "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")")
                .list("change", 'c', "list", "Apply Dockerfile instruction to the created image")
                .text("message", 'm', "string", "Commit message")
                .bool("pause", 'p', "Pause container during commit (default true)")
                .bool("no-pause", 0, "Disable pausing container during commit")
                .parse(args)
                .expect(1, 2);
        var arguments = parsed.arguments();
        var query = new StringBuilder("/commit?container=").append(Engine.quote(arguments.getFirst()));
        if (arguments.size() > 1) {
            query.append(ImageName.asQuery(arguments.get(1)));
        }
        parsed.text("author").ifPresent(a -> query.append("&author=").append(Engine.quote(a)));
        parsed.text("message").ifPresent(m -> query.append("&comment=").append(Engine.quote(m)));
        boolean pause = !parsed.on("no-pause") && (!parsed.given("pause") || parsed.on("pause"));
        query.append("&pause=").append(pause ? 1 : 0);
        for (var change : parsed.all("change")) {
            query.append("&changes=").append(Engine.quote(change));
        }
        try (var waiting = Waiting.begin(context, "Committing " + arguments.getFirst())) {
            context.line(engine.post(query.toString()).text("Id"));
        }
        return 0;
    }
}

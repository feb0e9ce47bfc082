package kist.docker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kist.engine.EngineException;
import org.jspecify.annotations.Nullable;

/**
 * What the host's ps(1) says of some processes with options of the user's. It is the host's program and looks at the
 * host's /proc: nothing of the container runs, and nothing runs in it.
 */
final class PsCommand {
    private static final List<Path> PROGRAMS = List.of(Path.of("/usr/bin/ps"), Path.of("/bin/ps"));
    private static final int MAXIMUM_BYTES = 16 << 20;
    private static final int MAXIMUM_ARGUMENTS = 64;
    private static final long PATIENCE_SECONDS = 20;

    /** A title of one's own that looks like the column by which rows are chosen. */
    private static final Pattern OTHER_PID = Pattern.compile("(\\S*)=\\s*(PID\\S*)");

    private PsCommand() {}

    /** Titles and rows, as {@link ProcessTable#of} has them. */
    static Map<String, @Nullable Object> run(String options, List<Long> pids) throws IOException, InterruptedException {
        List<String> arguments = check(options);
        Path program = PROGRAMS.stream()
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new EngineException(
                        EngineException.Kind.UNSUPPORTED,
                        "top with the ps options \"" + options
                                + "\" needs the program ps on the host; install procps"));
        List<String> chosen = new ArrayList<>(arguments);
        chosen.add("-q" + String.join(",", pids.stream().map(String::valueOf).toList()));
        Result result = execute(program, chosen);
        if (result.code() != 0) {
            // some options, such as f, do not go together with a choice of processes
            result = execute(program, arguments);
        }
        if (result.code() != 0) {
            throw Errors.invalid("ps: " + result.errors().strip());
        }
        return table(result.output(), pids);
    }

    private static List<String> check(String options) {
        Matcher other = OTHER_PID.matcher(options);
        while (other.find()) {
            String column = other.group(1).substring(other.group(1).lastIndexOf(',') + 1);
            if (!column.equals("pid") && !column.equals("-opid") && !column.equals("opid")) {
                throw Errors.invalid("specifying \"" + other.group(1) + "=" + other.group(2) + "\" is not allowed");
            }
        }
        List<String> arguments = new ArrayList<>();
        for (String word : options.split("[ \t\n\r\f]+")) {
            if (word.indexOf(0) >= 0) {
                throw Errors.invalid("a NUL byte in the ps options");
            }
            if (!word.isEmpty()) {
                arguments.add(word);
            }
        }
        if (arguments.size() > MAXIMUM_ARGUMENTS || options.length() > 4096) {
            throw Errors.invalid("the ps options are too long");
        }
        return arguments;
    }

    private record Result(int code, String output, String errors) {}

    private static Result execute(Path program, List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(arguments);
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(Path.of("/").toFile());
        builder.environment().clear();
        builder.environment().put("LC_ALL", "C.UTF-8");
        Path errors = Files.createTempFile("kist-ps", ".err");
        try {
            Process process = builder.redirectError(errors.toFile()).start();
            try {
                process.getOutputStream().close();
                Thread.ofVirtual().start(() -> endInTime(process));
                byte[] output = process.getInputStream().readNBytes(MAXIMUM_BYTES);
                process.getInputStream().close();
                int code = process.waitFor();
                String said = Files.size(errors) > 65_536 ? "" : Files.readString(errors, StandardCharsets.ISO_8859_1);
                String first = said.lines().findFirst().orElse("it failed");
                return new Result(code, new String(output, StandardCharsets.UTF_8), first);
            } finally {
                process.destroyForcibly(); // harmless where it has ended
            }
        } finally {
            Files.delete(errors);
        }
    }

    private static void endInTime(Process process) {
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The rows of these processes, cut at the titles' number of columns; the last column is the rest of its line. */
    static Map<String, @Nullable Object> table(String output, List<Long> pids) {
        List<String> lines = output.lines().toList();
        List<String> titles =
                lines.isEmpty() ? List.of() : List.of(lines.getFirst().strip().split("[ \t]+"));
        int column = titles.indexOf("PID");
        if (column < 0) {
            throw Errors.invalid("Couldn't find PID field in ps output");
        }
        Set<String> wanted = new HashSet<>();
        pids.forEach(pid -> wanted.add(Long.toString(pid)));
        List<Object> rows = new ArrayList<>();
        boolean within = false;
        for (String line : lines.subList(1, lines.size())) {
            List<String> fields = List.of(line.strip().split("[ \t]+", titles.size()));
            if (fields.size() <= column) {
                continue;
            }
            // a line whose process is "-" is about a thread of the process before it
            within = fields.get(column).equals("-") ? within : wanted.contains(fields.get(column));
            if (within) {
                rows.add(fields);
            }
        }
        return Json.object("Processes", rows, "Titles", titles);
    }
}

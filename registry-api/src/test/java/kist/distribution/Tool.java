package kist.distribution;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What a program said and how it ended.
 *
 * @param text standard output and error output
 */
record Tool(int status, String text) {
    static Tool run(Path directory, Map<String, String> environment, List<String> command)
            throws IOException, InterruptedException {
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Tool(process.waitFor(), text);
    }

    /** Words are separated by single spaces. */
    static String good(Path directory, String command) throws IOException, InterruptedException {
        Tool tool = run(directory, Map.of(), List.of(command.split(" ")));
        if (tool.status != 0) {
            throw new IOException(command + ": " + tool.text);
        }
        return tool.text;
    }

    static String bad(Path directory, String command) throws IOException, InterruptedException {
        Tool tool = run(directory, Map.of(), List.of(command.split(" ")));
        if (tool.status == 0) {
            throw new IOException(command + " should have failed: " + tool.text);
        }
        return tool.text;
    }
}

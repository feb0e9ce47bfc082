package kist.oci;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import kist.runtime.Hooks;

/** Runs hooks in the namespaces of the runtime, with the state on their standard input (config.md, hooks). */
final class HookRunner {
    private HookRunner() {}

    /**
     * Runs them in order.
     *
     * @throws OciException naming the first that failed or took too long
     */
    static void run(String kind, List<Hooks.Hook> hooks, String state) {
        for (Hooks.Hook hook : hooks) {
            try {
                run(kind, hook, state);
            } catch (IOException e) {
                throw new OciException("error running " + kind + " hook " + hook.path() + ": " + e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new OciException("interrupted while running " + kind + " hook " + hook.path());
            }
        }
    }

    private static void run(String kind, Hooks.Hook hook, String state) throws IOException, InterruptedException {
        // a ProcessBuilder cannot give a name of its own to the program, so the first argument is the path
        List<String> command = new java.util.ArrayList<>(List.of(hook.path()));
        if (hook.args().size() > 1) {
            command.addAll(hook.args().subList(1, hook.args().size()));
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().clear();
        for (String variable : hook.env()) {
            int equals = variable.indexOf('=');
            if (equals > 0) {
                builder.environment().put(variable.substring(0, equals), variable.substring(equals + 1));
            }
        }
        Process process = builder.start();
        try (OutputStream in = process.getOutputStream()) {
            in.write(state.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // it need not read its input
        }
        if (hook.timeout().isPresent()) {
            if (!process.waitFor(hook.timeout().getAsInt(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new OciException("error running " + kind + " hook " + hook.path() + ": it took longer than "
                        + hook.timeout().getAsInt() + " s");
            }
        } else {
            process.waitFor();
        }
        if (process.exitValue() != 0) {
            throw new OciException(
                    "error running " + kind + " hook " + hook.path() + ": exit status " + process.exitValue());
        }
    }
}

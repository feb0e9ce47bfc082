package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;

/**
 * A further process in a running container. Empty strings mean "as the container has it".
 *
 * @param environment NAME=value, added to the container's
 * @param privileged with every capability, whatever the container has
 * @param consoleRows rows of the terminal at the start, 0 for the kernel's default
 * @param consoleColumns columns of the terminal at the start, 0 for the kernel's default
 * @param detachKeys by which a client leaves the terminal, such as {@code ctrl-p,ctrl-q}, which is also meant by an empty text
 */
@Json
public record ExecConfig(
        List<String> command,
        List<String> environment,
        String workingDir,
        String user,
        boolean tty,
        boolean attachStdin,
        boolean attachStdout,
        boolean attachStderr,
        boolean privileged,
        int consoleRows,
        int consoleColumns,
        String detachKeys) {

    /** The same with the usual keys to leave a terminal. */
    public ExecConfig(
            List<String> command,
            List<String> environment,
            String workingDir,
            String user,
            boolean tty,
            boolean attachStdin,
            boolean attachStdout,
            boolean attachStderr,
            boolean privileged,
            int consoleRows,
            int consoleColumns) {
        this(
                command,
                environment,
                workingDir,
                user,
                tty,
                attachStdin,
                attachStdout,
                attachStderr,
                privileged,
                consoleRows,
                consoleColumns,
                "");
    }

    /** The same without a word on the size of the terminal. */
    public ExecConfig(
            List<String> command,
            List<String> environment,
            String workingDir,
            String user,
            boolean tty,
            boolean attachStdin,
            boolean attachStdout,
            boolean attachStderr,
            boolean privileged) {
        this(command, environment, workingDir, user, tty, attachStdin, attachStdout, attachStderr, privileged, 0, 0);
    }
}

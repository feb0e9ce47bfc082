package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;

/**
 * A further process in a running container. Empty strings mean "as the container has it".
 *
 * @param environment NAME=value, added to the container's
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
        boolean privileged) {}

package kist.engine;

import java.util.OptionalInt;

/**
 * An exec'ed process as it is now.
 *
 * @param exitCode absent while it has not ended
 * @param pid on the host, 0 while it does not run
 */
public record ExecView(
        String id, String containerId, ExecConfig config, boolean running, OptionalInt exitCode, long pid) {}

package kist.daemon;

import java.io.IOException;
import kist.config.Settings;

/** Puts an engine together and opens its doors. The process around it (locks, pid file, signals) is not its business. */
interface Assembly {
    /**
     * Opens the engine and its doors; they answer when this returns.
     *
     * @return what to close, in one call, to close the doors first and the engine after them; containers go on running
     * @throws IOException if state or sockets cannot be opened
     */
    AutoCloseable open(Settings settings) throws IOException;
}

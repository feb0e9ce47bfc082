package kist.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import kist.kernel.Fd;
import kist.kernel.Linux;

/**
 * The init that containers can have as their first process: one sealed copy of the keeper's binary in memory for all of
 * them, so that none reaches a file of the host by its own /proc/1/exe (CVE-2019-5736). Thread-safe.
 */
final class InitProgram {
    private final Linux linux;
    private final Path keeper;
    private Optional<Fd> copy = Optional.empty();

    InitProgram(Linux linux, Path keeper) {
        this.linux = linux;
        this.keeper = keeper;
    }

    /** The program for a container that asked for one; stays open as long as the engine lives. */
    Optional<Fd> of(HostConfig host) {
        return host.init().orElse(false) ? Optional.of(open()) : Optional.empty();
    }

    private synchronized Fd open() {
        if (copy.isEmpty()) {
            try {
                Fd made = linux.sealedMemfd("docker-init", Files.readAllBytes(keeper));
                linux.chmod(made, 0555);
                copy = Optional.of(made);
            } catch (IOException e) {
                throw new UncheckedIOException("the init " + keeper + " cannot be read", e);
            }
        }
        return copy.get();
    }
}

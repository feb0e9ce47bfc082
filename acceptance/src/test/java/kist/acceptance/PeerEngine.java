package kist.acceptance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Debian's dockerd, one for all test classes, started by bench/peer. */
final class PeerEngine extends Engine {
    private static final Path HOME = Path.of("/var/tmp/kist-test-peer");
    private static final String SCRIPT = Path.of(System.getProperty("kist.source", ".."), "bench/peer")
            .toAbsolutePath()
            .normalize()
            .toString();

    private record Started() implements AutoCloseable {
        Started {
            Command.of(SCRIPT, "start", HOME.toString())
                    .env("PEER_WAIT", "600")
                    .patience(Duration.ofMinutes(11))
                    .ok();
        }

        @Override
        public void close() {
            Command.of(SCRIPT, "stop", HOME.toString())
                    .patience(Duration.ofMinutes(2))
                    .ok();
            deleteTree(HOME);
        }
    }

    @Override
    Path socket() {
        return HOME.resolve("docker.sock");
    }

    @Override
    boolean isKist() {
        return false;
    }

    @Override
    Path home() {
        return HOME;
    }

    @Override
    String log() {
        try {
            return Files.readString(HOME.resolve("dockerd.log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        context.getRoot()
                .getStore(ExtensionContext.Namespace.create(PeerEngine.class))
                .computeIfAbsent(Started.class, key -> new Started());
        // a class before this one may have failed with the image in its hands
        if (api().get("/images/busybox/json").status() == 404) {
            importBusybox();
        }
    }

    @Override
    public void afterAll(ExtensionContext context) {
        // one for all: the store closes it behind the last class
    }
}

package kist.daemon;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import kist.config.Settings;
import kist.config.Version;
import kist.docker.DockerDoor;
import kist.engine.EngineOptions;
import kist.engine.KistEngine;
import kist.http.HttpServer;
import kist.http.Peer;
import kist.image.Snapshotter;
import kist.kernel.PeerCredentials;
import kist.registry.RegistryOptions;

/** Kist's own engine behind its Docker door. */
final class KistAssembly implements Assembly {
    @Override
    public AutoCloseable open(Settings settings) throws IOException {
        long uid = ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
        if (uid != 0) {
            throw new IOException(
                    "only root may run it, since it makes namespaces, mounts and control groups; try sudo");
        }
        Path home = Path.of(System.getProperty("kist.home", "."));
        String version = Version.NUMBER;
        KistEngine engine;
        try {
            engine = KistEngine.open(
                    new EngineOptions(
                            settings.root(),
                            settings.runDir(),
                            home.resolve("lib").resolve("kist-keeper"),
                            Optional.of(home.resolve("lib").resolve("hello.tar"))
                                    .filter(Files::exists),
                            version,
                            "",
                            settings.bridge(),
                            settings.subnet(),
                            new RegistryOptions(settings.registriesDir(), settings.policyFile(), "kist/" + version),
                            Snapshotter.valueOf(settings.storageDriver().toUpperCase(Locale.ROOT))),
                    new RegistryServing());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the engine started", e);
        }
        HttpServer door;
        try {
            door = DockerDoor.open(settings.dockerSocket(), engine, version, KistAssembly::peer);
        } catch (IOException | RuntimeException e) {
            engine.close();
            throw e;
        }
        return () -> {
            door.close();
            engine.close();
        };
    }

    private static Peer peer(SocketChannel channel) {
        PeerCredentials c = PeerCredentials.of(channel);
        return new Peer(c.uid(), c.gid(), c.pid());
    }
}

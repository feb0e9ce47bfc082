package kist.registry;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import kist.image.Descriptor;
import kist.image.Manifest;
import kist.image.MediaTypes;

/** What many tests need. */
final class Fixtures {
    /** Everything much faster than in life. */
    static final Pace FAST = new Pace(
            3,
            Duration.ofMillis(4),
            Duration.ofSeconds(2),
            Duration.ofSeconds(2),
            Duration.ofSeconds(2),
            Duration.ofMillis(400),
            1000);

    static final Path NOWHERE = Path.of("/nonexistent-kist-test");

    private Fixtures() {}

    static RegistriesConfig noConfig() {
        return RegistriesConfig.load(NOWHERE, NOWHERE);
    }

    static Client client(Client.Shared shared, String registry, RegistriesConfig configs, Credentials user) {
        return new Client(shared, Endpoint.origin(configs.of(registry)), configs, user);
    }

    static RemoteRepository repository(Client.Shared shared, FakeRegistry registry, Credentials user) {
        return new RemoteRepository(client(shared, registry.authority(), noConfig(), user), "lib/app", "pull");
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** An image of one layer that is no tar; enough for whoever does not unpack. */
    static Manifest.Single image(FakeRegistry registry, String name, String tag, String text) {
        byte[] layer = bytes("layer of " + text);
        byte[] config =
                bytes("{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
                        + kist.image.Digest.of(layer) + "\"]},\"config\":{\"Env\":[\"T=" + text + "\"]}}");
        registry.addBlob(layer);
        registry.addBlob(config);
        Manifest.Single manifest = Manifest.image(
                MediaTypes.OCI_MANIFEST,
                Descriptor.of(MediaTypes.OCI_CONFIG, config),
                List.of(Descriptor.of(MediaTypes.OCI_LAYER, layer)));
        registry.addManifest(name, tag, MediaTypes.OCI_MANIFEST, manifest.content());
        return manifest;
    }

    static <T> Optional<T> none() {
        return Optional.empty();
    }
}

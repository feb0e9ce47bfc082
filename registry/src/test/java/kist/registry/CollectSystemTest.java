package kist.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.ImageStore;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.kernel.Linux;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CollectSystemTest {
    @TempDir
    Path directory;

    private ImageStore store;
    private Repositories repositories;

    @BeforeEach
    void open() {
        store = ImageStore.open(directory.resolve("images"), Linux.system());
        repositories = new Repositories(store, directory.resolve("registry"));
    }

    @AfterEach
    void close() {
        repositories.close();
        store.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private String push(String name, String text) throws IOException {
        UploadSession session = repositories.beginUpload(name);
        session.append(new ByteArrayInputStream(bytes(text)), -1);
        session.finish(Digest.of(bytes(text)));
        return Digest.of(bytes(text));
    }

    private static Descriptor of(String type, String text) {
        return Descriptor.of(type, bytes(text));
    }

    private String manifest(String name) throws IOException {
        push(name, "{}");
        push(name, "layer");
        Manifest manifest = Manifest.image(
                MediaTypes.OCI_MANIFEST, of(MediaTypes.OCI_CONFIG, "{}"), List.of(of(MediaTypes.OCI_LAYER, "layer")));
        return repositories
                .putManifest(name, "v1", MediaTypes.OCI_MANIFEST, manifest.content())
                .digest();
    }

    private static Instant tomorrow() {
        return Instant.now().plusSeconds(60);
    }

    @Test
    void aBlobThatNoManifestNamesIsDroppedWhenItsTimeIsUpAndNotBefore() throws IOException {
        manifest("a/b");
        String stray = push("a/b", "stray");
        repositories.collect();
        assertEquals(Optional.of(5L), repositories.blobSize("a/b", stray));
        repositories.collect(tomorrow());
        assertEquals(Optional.empty(), repositories.blobSize("a/b", stray));
        assertEquals(Optional.empty(), store.content().size(stray), "nobody else holds it");
        assertEquals(Optional.of(5L), repositories.blobSize("a/b", Digest.of(bytes("layer"))));
        assertTrue(repositories.manifest("a/b", "v1").isPresent());
    }

    @Test
    void theBlobsOfADeletedManifestAreFreedUnlessAnotherRepositoryHasThem() throws IOException {
        String digest = manifest("a");
        String layer = Digest.of(bytes("layer"));
        assertTrue(repositories.mount("other", layer, "a"));
        repositories.putManifest(
                "other",
                "v1",
                MediaTypes.OCI_MANIFEST,
                Manifest.image(
                                MediaTypes.OCI_MANIFEST,
                                of(MediaTypes.OCI_LAYER, "layer"),
                                List.of(of(MediaTypes.OCI_LAYER, "layer")))
                        .content());
        assertTrue(repositories.deleteManifest("a", digest));
        repositories.collect(tomorrow());
        assertEquals(Optional.empty(), repositories.blobSize("a", layer));
        assertEquals(Optional.empty(), store.content().size(Digest.of(bytes("{}"))));
        assertEquals(Optional.of(5L), repositories.blobSize("other", layer));
        assertFalse(repositories.catalog(-1, "").contains("a"));
    }

    @Test
    void whatIsUsedIsRememberedOverARestart() throws IOException {
        manifest("a");
        String stray = push("a", "stray");
        repositories.close();
        repositories = new Repositories(store, directory.resolve("registry"));
        repositories.collect();
        assertEquals(Optional.of(5L), repositories.blobSize("a", stray));
        repositories.collect(tomorrow());
        assertEquals(Optional.empty(), repositories.blobSize("a", stray));
        assertEquals(Optional.of(5L), repositories.blobSize("a", Digest.of(bytes("layer"))));
    }

    @Test
    void whatAKilledEngineGaveTheLeaseAloneIsLetGo() throws IOException {
        manifest("a");
        String key = Digest.of(bytes("a")).substring("sha256:".length());
        store.content().put(store.permanentLease("repository-" + key), bytes("half done"));
        repositories.close();
        repositories = new Repositories(store, directory.resolve("registry"));
        assertEquals(Optional.empty(), store.content().size(Digest.of(bytes("half done"))));
        assertEquals(Optional.of(5L), repositories.blobSize("a", Digest.of(bytes("layer"))));
        assertTrue(repositories.manifest("a", "v1").isPresent());
    }

    @Test
    void whoAsksForABlobKeepsIt() throws IOException {
        String stray = push("a", "stray");
        Instant before = Instant.now();
        repositories.blobSize("a", stray);
        repositories.collect(before);
        assertEquals(Optional.of(5L), repositories.blobSize("a", stray));
    }
}

package kist.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Image;
import kist.image.ImageStore;
import kist.image.Lease;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.kernel.Linux;
import kist.registry.StoredManifest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnImagesSystemTest {
    @TempDir
    Path directory;

    private final List<String> prepared = new ArrayList<>();
    private ImageStore store;
    private OwnImages own;

    @BeforeEach
    void open() {
        store = ImageStore.open(directory.resolve("images"), Linux.system());
        own = new OwnImages(store, this::prepare);
        // an empty archive with another comment is another image
        for (String reference : List.of("busybox:latest", "team/app:v1", "team/app:v2", "ghcr.io/x/y:1")) {
            made(reference);
        }
    }

    @AfterEach
    void close() {
        own.close();
        store.close();
    }

    private Image made(String reference) {
        return store.importRootfs(new ByteArrayInputStream(new byte[10_240]), reference, List.of(), reference);
    }

    private Manifest.Single prepare(String imageId, Lease lease) {
        prepared.add(imageId);
        byte[] config = ("config of " + imageId).getBytes(StandardCharsets.UTF_8);
        byte[] layer = ("layer of " + imageId).getBytes(StandardCharsets.UTF_8);
        store.content().put(lease, config);
        store.content().put(lease, layer);
        return Manifest.image(
                MediaTypes.OCI_MANIFEST,
                Descriptor.of(MediaTypes.OCI_CONFIG, config),
                List.of(Descriptor.of(MediaTypes.OCI_LAYER, layer)));
    }

    @Test
    void imagesAreListedByTheirFamiliarNames() {
        store.tag("busybox:latest", "localhost:5000/busybox:latest");
        assertEquals(List.of("busybox", "ghcr.io/x/y", "team/app"), own.names(""));
        assertEquals(List.of("team/app"), own.names("ghcr.io/x/y"));
        assertEquals(List.of("v1", "v2"), own.tags("team/app"));
        assertEquals(List.of("latest"), own.tags("busybox"));
        assertEquals(List.of("latest"), own.tags("library/busybox"));
        assertEquals(List.of(), own.tags("localhost"));
        assertEquals(List.of(), own.tags("team"));
        assertEquals(List.of(), own.tags("library/team/app"));
    }

    @Test
    void aManifestIsFoundByTagAndThenByDigestWithoutBeingMadeAgain() {
        StoredManifest manifest = own.manifest("team/app", "v2").orElseThrow();
        assertEquals(Digest.of(manifest.content()), manifest.digest());
        assertArrayEquals(
                manifest.content(),
                own.manifest("team/app", manifest.digest()).orElseThrow().content());
        assertEquals(1, prepared.size());
        assertEquals(Optional.empty(), own.manifest("team/app", "v3"));
        assertEquals(Optional.empty(), own.manifest("none", "v1"));
        assertEquals(Optional.empty(), own.manifest("busybox", manifest.digest()), "it is of another repository");
    }

    @Test
    void aBlobIsSeenThroughItsOwnRepositoryAlone() {
        own.manifest("team/app", "v1").orElseThrow();
        String id = store.find("team/app:v1").orElseThrow().id();
        String layer = Digest.of(("layer of " + id).getBytes(StandardCharsets.UTF_8));
        assertTrue(own.hasBlob("team/app", layer));
        assertFalse(own.hasBlob("busybox", layer));
        assertFalse(own.hasBlob("none", layer));
        assertTrue(store.content().size(layer).isPresent());
    }

    @Test
    void aRemovedImageIsNoLongerServedAndItsBlobsGoWithTheLease() {
        own.manifest("team/app", "v1").orElseThrow();
        String id = store.find("team/app:v1").orElseThrow().id();
        String layer = Digest.of(("layer of " + id).getBytes(StandardCharsets.UTF_8));
        store.remove("team/app:v1", true, java.util.Set.of());
        assertEquals(Optional.empty(), own.manifest("team/app", "v1"));
        assertFalse(own.hasBlob("team/app", layer));
        assertTrue(store.content().size(layer).isPresent(), "whoever is pulling it can go on for a while");
        own.close();
        assertFalse(store.content().size(layer).isPresent());
    }

    @Test
    void whatCannotBePreparedLeavesNoLease() {
        OwnImages failing = new OwnImages(store, (id, lease) -> {
            store.content().put(lease, "stray".getBytes(StandardCharsets.UTF_8));
            throw new IllegalStateException("meant by the test");
        });
        assertThrows(IllegalStateException.class, () -> failing.manifest("busybox", "latest"));
        assertFalse(store.content()
                .size(Digest.of("stray".getBytes(StandardCharsets.UTF_8)))
                .isPresent());
        failing.close();
    }
}

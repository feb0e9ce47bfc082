package kist.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Document;
import kist.image.ImageStore;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.kernel.Linux;
import kist.registry.RepositoryException.Code;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** The hosted registry's state on a real disk. */
final class RepositoriesSystemTest {
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

    private void reopen() {
        close();
        open();
    }

    private static void fails(Code code, Executable work) {
        assertEquals(code, assertThrows(RepositoryException.class, work).code());
    }

    private String blob(String name, String text) throws IOException {
        byte[] bytes = Fixtures.bytes(text);
        UploadSession session = repositories.beginUpload(name);
        session.append(new ByteArrayInputStream(bytes), -1);
        session.finish(Digest.of(bytes));
        return Digest.of(bytes);
    }

    private static Manifest.Single manifest(String text) {
        return Manifest.image(
                MediaTypes.OCI_MANIFEST,
                Descriptor.of(MediaTypes.OCI_CONFIG, Fixtures.bytes("config " + text)),
                List.of(Descriptor.of(MediaTypes.OCI_LAYER, Fixtures.bytes("layer " + text))));
    }

    private Manifest.Single push(String name, String tag, String text) throws IOException {
        blob(name, "config " + text);
        blob(name, "layer " + text);
        Manifest.Single manifest = manifest(text);
        assertEquals(
                manifest.digest(),
                repositories
                        .putManifest(name, tag, MediaTypes.OCI_MANIFEST, manifest.content())
                        .digest());
        return manifest;
    }

    @Test
    void what_was_pushed_is_there_also_after_a_restart() throws Exception {
        Manifest.Single manifest = push("lib/app", "1", "a");
        push("other", "x", "b");
        for (int i = 0; i < 2; i++) {
            assertArrayEquals(
                    manifest.content(),
                    repositories.manifest("lib/app", "1").orElseThrow().content());
            assertEquals(
                    MediaTypes.OCI_MANIFEST,
                    repositories
                            .manifest("lib/app", manifest.digest())
                            .orElseThrow()
                            .mediaType());
            String layer = Digest.of(Fixtures.bytes("layer a"));
            assertEquals(Optional.of(7L), repositories.blobSize("lib/app", layer));
            try (InputStream in = Channels.newInputStream(repositories.openBlob("lib/app", layer))) {
                assertEquals("layer a", new String(in.readAllBytes()));
            }
            assertEquals(List.of("lib/app", "other"), repositories.catalog(-1, ""));
            reopen();
        }
    }

    @Test
    void a_blob_is_seen_only_where_it_was_pushed() throws Exception {
        String digest = blob("a", "text");
        assertEquals(Optional.empty(), repositories.blobSize("b", digest));
        fails(Code.BLOB_UNKNOWN, () -> repositories.openBlob("b", digest));
        assertFalse(repositories.mount("b", digest, "c"));
        assertFalse(repositories.mount("b", digest, "../a"));
        assertTrue(repositories.mount("b", digest, "a"));
        assertEquals(Optional.of(4L), repositories.blobSize("b", digest));
        assertTrue(repositories.deleteBlob("a", digest));
        assertFalse(repositories.deleteBlob("a", digest));
        assertEquals(Optional.of(4L), repositories.blobSize("b", digest));
        assertTrue(repositories.deleteBlob("b", digest));
        assertFalse(repositories.mount("c", digest, "b"));
        assertEquals(List.of(), repositories.catalog(-1, ""));
    }

    @Test
    void a_manifest_takes_over_the_blobs_that_clients_could_read_under_its_name() throws Exception {
        blob("elsewhere", "config a");
        String layer = blob("elsewhere", "layer a");
        byte[] bytes = manifest("a").content();
        fails(
                Code.MANIFEST_BLOB_UNKNOWN,
                () -> repositories.putManifest("own", "1", MediaTypes.OCI_MANIFEST, bytes, layer::equals));
        repositories.putManifest("own", "1", MediaTypes.OCI_MANIFEST, bytes, digest -> true);
        assertTrue(repositories.deleteBlob("elsewhere", layer));
        assertEquals(Optional.of(7L), repositories.blobSize("own", layer));
    }

    @Test
    void content_that_nobody_has_any_more_leaves_the_disk() throws Exception {
        String digest = blob("a", "text");
        repositories.deleteBlob("a", digest);
        reopen();
        assertEquals(Optional.empty(), store.content().size(digest));
    }

    @Test
    void an_upload_goes_on_where_it_was_also_after_a_restart() throws Exception {
        UploadSession session = repositories.beginUpload("a");
        assertEquals(0, session.size());
        assertEquals(3, session.append(new ByteArrayInputStream(Fixtures.bytes("abc")), 0));
        fails(Code.RANGE_INVALID, () -> session.append(new ByteArrayInputStream(new byte[1]), 2));
        fails(Code.RANGE_INVALID, () -> session.append(new ByteArrayInputStream(new byte[1]), 4));
        assertThrows(
                IOException.class,
                () -> session.append(
                        new InputStream() {
                            private int n;

                            @Override
                            public int read() throws IOException {
                                if (n++ == 0) {
                                    return 'd';
                                }
                                throw new IOException("gone");
                            }

                            @Override
                            public int read(byte[] b, int off, int len) throws IOException {
                                b[off] = (byte) read();
                                return 1;
                            }
                        },
                        -1));
        reopen();
        fails(Code.BLOB_UPLOAD_UNKNOWN, () -> repositories.upload("b", session.id()));
        fails(Code.BLOB_UPLOAD_UNKNOWN, () -> repositories.upload("a", "../x"));
        fails(Code.BLOB_UPLOAD_UNKNOWN, () -> repositories.upload("a", "0".repeat(24)));
        UploadSession again = repositories.upload("a", session.id());
        assertEquals(4, again.size());
        again.append(new ByteArrayInputStream(Fixtures.bytes("e")), 4);
        String digest = Digest.of(Fixtures.bytes("abcde"));
        again.finish(digest);
        assertEquals(Optional.of(5L), repositories.blobSize("a", digest));
        fails(Code.BLOB_UPLOAD_UNKNOWN, () -> repositories.upload("a", session.id()));
    }

    @Test
    void a_wrong_digest_ends_an_upload() throws Exception {
        UploadSession session = repositories.beginUpload("a");
        session.append(new ByteArrayInputStream(Fixtures.bytes("abc")), 0);
        fails(Code.DIGEST_INVALID, () -> session.finish("sha256:xyz"));
        fails(Code.DIGEST_INVALID, () -> session.finish(Digest.of(new byte[1])));
        fails(Code.BLOB_UPLOAD_UNKNOWN, () -> repositories.upload("a", session.id()));
        UploadSession cancelled = repositories.beginUpload("a");
        cancelled.cancel();
        fails(Code.BLOB_UPLOAD_UNKNOWN, () -> repositories.upload("a", cancelled.id()));
    }

    @Test
    void manifests_are_checked() throws Exception {
        Manifest.Single manifest = manifest("a");
        byte[] bytes = manifest.content();
        String type = MediaTypes.OCI_MANIFEST;
        fails(Code.MANIFEST_BLOB_UNKNOWN, () -> repositories.putManifest("a", "1", type, bytes));
        push("a", "1", "a");
        fails(Code.DIGEST_INVALID, () -> repositories.putManifest("a", Digest.of(new byte[1]), type, bytes));
        fails(Code.MANIFEST_INVALID, () -> repositories.putManifest("a", "1", MediaTypes.OCI_INDEX, bytes));
        fails(Code.MANIFEST_INVALID, () -> repositories.putManifest("a", "1", type, Fixtures.bytes("{}")));
        fails(Code.SIZE_INVALID, () -> repositories.putManifest("a", "1", type, new byte[(4 << 20) + 1]));
        fails(Code.TAG_INVALID, () -> repositories.putManifest("a", "-x", type, bytes));
        assertEquals(
                manifest.digest(),
                repositories.putManifest("a", manifest.digest(), "", bytes).digest());
        byte[] index = Document.write(Map.of(
                "schemaVersion",
                2,
                "mediaType",
                MediaTypes.OCI_INDEX,
                "manifests",
                List.of(manifest.descriptor().toJson())));
        fails(Code.MANIFEST_BLOB_UNKNOWN, () -> repositories.putManifest("b", "1", MediaTypes.OCI_INDEX, index));
        repositories.putManifest("a", "all", MediaTypes.OCI_INDEX, index);
        assertEquals(
                MediaTypes.OCI_INDEX,
                repositories.manifest("a", "all").orElseThrow().mediaType());
    }

    @Test
    void names_break_no_path() {
        for (String name : List.of(
                "",
                "/",
                "a/",
                "/a",
                "a//b",
                "../a",
                "a/../b",
                "A",
                "a___b",
                "a..b",
                "-a",
                "a\0",
                "a\n",
                "é",
                "a".repeat(256))) {
            fails(Code.NAME_INVALID, () -> repositories.beginUpload(name));
            fails(Code.NAME_INVALID, () -> repositories.tags(name, -1, ""));
        }
        repositories.beginUpload("a".repeat(255)).cancel();
        for (String digest : List.of("sha256:../../x", "sha512:" + "0".repeat(128), "sha256:" + "A".repeat(64))) {
            fails(Code.DIGEST_INVALID, () -> repositories.blobSize("a", digest));
            fails(Code.DIGEST_INVALID, () -> repositories.manifest("a", digest).isPresent());
        }
    }

    @Test
    void tags_and_repositories_come_page_by_page() throws Exception {
        for (String tag : List.of("b", "a", "c", "B")) {
            push("x", tag, "t");
        }
        assertEquals(List.of("B", "a", "b", "c"), repositories.tags("x", -1, ""));
        assertEquals(List.of("B", "a"), repositories.tags("x", 2, ""));
        assertEquals(List.of("b", "c"), repositories.tags("x", 5, "a"));
        assertEquals(List.of(), repositories.tags("x", 0, ""));
        push("y/z", "1", "t");
        assertEquals(List.of("x"), repositories.catalog(1, ""));
        assertEquals(List.of("y/z"), repositories.catalog(1, "x"));
        fails(Code.NAME_UNKNOWN, () -> repositories.tags("nobody", -1, ""));
    }

    @Test
    void tags_and_manifests_are_removed() throws Exception {
        Manifest.Single manifest = push("x", "1", "t");
        push("x", "2", "t");
        assertTrue(repositories.deleteManifest("x", "1"));
        assertFalse(repositories.deleteManifest("x", "1"));
        assertTrue(repositories.manifest("x", manifest.digest()).isPresent());
        assertTrue(repositories.deleteManifest("x", manifest.digest()));
        assertEquals(List.of(), repositories.tags("x", -1, ""));
        reopen();
        assertFalse(repositories.deleteManifest("x", manifest.digest()));
        assertEquals(Optional.empty(), repositories.manifest("x", "2"));
    }

    @Test
    void referrers_are_found_before_and_after_their_subject() throws Exception {
        Manifest.Single subject = manifest("s");
        blob("x", "{}");
        byte[] artifact = Document.write(Map.of(
                "schemaVersion",
                2,
                "mediaType",
                MediaTypes.OCI_MANIFEST,
                "artifactType",
                "a/b",
                "config",
                Descriptor.of("application/vnd.oci.empty.v1+json", Fixtures.bytes("{}"))
                        .toJson(),
                "layers",
                List.of(),
                "subject",
                subject.descriptor().toJson(),
                "annotations",
                Map.of("k", "v")));
        Put put = repositories.putManifest("x", Digest.of(artifact), MediaTypes.OCI_MANIFEST, artifact);
        assertEquals(Optional.of(subject.digest()), put.subject());
        for (int i = 0; i < 2; i++) {
            List<Descriptor> all = repositories.referrers("x", subject.digest(), "");
            assertEquals(1, all.size());
            assertEquals("a/b", all.getFirst().artifactType());
            assertEquals(Map.of("k", "v"), all.getFirst().annotations());
            assertEquals(1, repositories.referrers("x", subject.digest(), "a/b").size());
            assertEquals(0, repositories.referrers("x", subject.digest(), "c/d").size());
            reopen();
        }
        repositories.deleteManifest("x", Digest.of(artifact));
        assertEquals(List.of(), repositories.referrers("x", subject.digest(), ""));
        assertEquals(List.of(), repositories.referrers("nobody", subject.digest(), ""));
    }
}

package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FetchSystemTest {
    private static final byte[] NOISE = new byte[700_000];

    static {
        new Random(3).nextBytes(NOISE);
    }

    private static final byte[] BASE =
            new Tars().directory("etc").file("etc/a", "a").file("noise", NOISE).bytes();
    private static final byte[] SECOND =
            new Tars().hardlink("etc/link", "etc/a").bytes();

    private final Stores stores = new Stores();

    @AfterEach
    void clean() {
        stores.close();
    }

    /** An image as a registry has it. */
    record Remote(Manifest.Single manifest, byte[] config, List<byte[]> blobs, List<String> diffIds) {
        static Remote of(String architecture, byte[]... layers) {
            List<byte[]> blobs = new ArrayList<>();
            List<Descriptor> descriptors = new ArrayList<>();
            List<String> diffIds = new ArrayList<>();
            for (byte[] layer : layers) {
                byte[] blob = gzip(layer);
                blobs.add(blob);
                descriptors.add(Descriptor.of(MediaTypes.OCI_LAYER + "+gzip", blob));
                diffIds.add(Digest.of(layer));
            }
            byte[] config = ("{\"architecture\":\"" + architecture
                            + "\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\"," + "\"diff_ids\":[\""
                            + String.join("\",\"", diffIds) + "\"]}}")
                    .getBytes(StandardCharsets.UTF_8);
            return new Remote(
                    Manifest.image(MediaTypes.OCI_MANIFEST, Descriptor.of(MediaTypes.OCI_CONFIG, config), descriptors),
                    config,
                    blobs,
                    diffIds);
        }

        Descriptor blob(int i) {
            return manifest.layers().get(i);
        }
    }

    static byte[] gzip(byte[] plain) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(out)) {
            gz.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static final Remote REMOTE = Remote.of("amd64", BASE, SECOND);

    private static BlobSource source(byte[] blob) {
        return offset ->
                new BlobSource.Opened(new ByteArrayInputStream(blob, (int) offset, blob.length - (int) offset), offset);
    }

    private static InputStream broken(byte[] blob, int from, int to) {
        return new SequenceInputStream(new ByteArrayInputStream(blob, from, to - from), new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("the connection broke");
            }
        });
    }

    private Lease lease() {
        return stores.store.lease("test", Duration.ofHours(1));
    }

    private void fetch(Lease lease, int i, BlobSource source) throws InterruptedException {
        stores.store.fetchLayer(lease, REMOTE.blob(i), REMOTE.diffIds().get(i), source, TransferListener.NONE);
    }

    private Image add(Lease lease, Remote remote, String name) {
        Reference reference = Reference.parse(name);
        return stores.store.addImage(
                lease,
                remote.manifest(),
                remote.config(),
                Optional.empty(),
                List.of(reference),
                List.of(reference.at(remote.manifest().digest())));
    }

    @Test
    void a_fetched_image_is_there_with_its_archives_and_found_by_its_digests() throws Exception {
        List<TransferEvent.State> states = new ArrayList<>();
        try (Lease lease = lease()) {
            fetch(lease, 1, source(REMOTE.blobs().get(1)));
            stores.store.fetchLayer(
                    lease,
                    REMOTE.blob(0),
                    REMOTE.diffIds().get(0),
                    source(REMOTE.blobs().get(0)),
                    e -> {
                        if (states.isEmpty() || states.getLast() != e.state()) {
                            states.add(e.state());
                        }
                    });
            assertFalse(stores.store.hasLayer(REMOTE.diffIds().get(0), List.of()));
            add(lease, REMOTE, "app");
        }
        assertEquals(
                List.of(
                        TransferEvent.State.DOWNLOADING,
                        TransferEvent.State.VERIFYING,
                        TransferEvent.State.DOWNLOADED,
                        TransferEvent.State.EXTRACTING,
                        TransferEvent.State.COMPLETE),
                states);
        for (int i = 0; i < 2; i++) {
            Image image = stores.store.find("app").orElseThrow();
            assertEquals("a", stores.content(image, "etc/link"));
            String digest = REMOTE.manifest().digest();
            assertEquals(List.of("app@" + digest), image.digests());
            for (String name : List.of("app@" + digest, "app:other@" + digest, digest)) {
                assertEquals(Optional.of(image), stores.store.find(name), name);
            }
            assertEquals(Optional.empty(), stores.store.find("other@" + digest));
            assertTrue(stores.store.hasLayer(REMOTE.diffIds().get(0), List.of()));
            assertTrue(stores.store.hasLayer(
                    REMOTE.diffIds().get(1), List.of(REMOTE.diffIds().get(0))));
            assertFalse(stores.store.hasLayer(REMOTE.diffIds().get(1), List.of()));
            assertEquals(4, stores.names("blobs").size());
            stores.reopen();
        }
        stores.store.remove("app", false, List.of());
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.names("blobs"));
        assertEquals(List.of(), stores.names("layers"));
    }

    @Test
    void a_broken_download_goes_on_where_it_broke() throws Exception {
        byte[] blob = REMOTE.blobs().get(0);
        List<Long> asked = new ArrayList<>();
        try (Lease lease = lease()) {
            fetch(lease, 0, offset -> {
                asked.add(offset);
                return switch (asked.size()) {
                    case 1 -> new BlobSource.Opened(broken(blob, 0, 300_000), 0);
                    // a server that knows no ranges
                    case 2 -> new BlobSource.Opened(broken(blob, 0, 400_000), 0);
                    case 3 -> throw new IOException("not now");
                    // ends early
                    case 4 -> new BlobSource.Opened(new ByteArrayInputStream(blob, 400_000, 10), 400_000);
                    default -> source(blob).open(offset);
                };
            });
            fetch(lease, 1, source(REMOTE.blobs().get(1)));
            assertEquals(List.of(0L, 300_000L, 400_000L, 400_000L, 400_010L), asked);
            assertEquals("a", stores.content(add(lease, REMOTE, "app"), "etc/a"));
        }
    }

    @Test
    void a_download_goes_on_after_a_restart_and_even_if_its_beginning_was_damaged() throws Exception {
        byte[] blob = REMOTE.blobs().get(0);
        for (boolean damaged : List.of(false, true)) {
            CountDownLatch arrived = new CountDownLatch(1);
            Thread thread = Thread.ofPlatform().start(() -> {
                try (Lease lease = lease()) {
                    fetch(
                            lease,
                            0,
                            offset -> new BlobSource.Opened(
                                    new SequenceInputStream(
                                            new ByteArrayInputStream(blob, 0, 500_000), new InputStream() {
                                                @Override
                                                public int read() throws IOException {
                                                    arrived.countDown();
                                                    try {
                                                        Thread.sleep(100_000);
                                                    } catch (InterruptedException e) {
                                                        Thread.currentThread().interrupt();
                                                        throw new java.io.InterruptedIOException();
                                                    }
                                                    return -1;
                                                }
                                            }),
                                    offset));
                } catch (InterruptedException expected) {
                    // the engine was killed
                }
            });
            arrived.await();
            thread.interrupt();
            thread.join();
            assertEquals(1, stores.names("ingest").size());
            stores.reopen();
            if (damaged) {
                Files.write(
                        stores.directory.resolve(
                                "ingest/" + stores.names("ingest").getFirst()),
                        new byte[1000]);
            }
            List<Long> asked = new ArrayList<>();
            try (Lease lease = lease()) {
                fetch(lease, 0, offset -> {
                    asked.add(offset);
                    return source(blob).open(offset);
                });
                assertEquals(damaged ? List.of(1000L, 0L) : List.of(500_000L), asked);
                fetch(lease, 1, source(REMOTE.blobs().get(1)));
                assertEquals("a", stores.content(add(lease, REMOTE, "app"), "etc/a"));
            }
            stores.store.remove("app", false, List.of());
        }
    }

    @Test
    void a_registry_that_lies_leaves_nothing_and_says_so() throws Exception {
        byte[] blob = REMOTE.blobs().get(0);
        byte[] other = blob.clone();
        other[500_000] ^= 1;
        byte[] longer = Arrays.copyOf(blob, blob.length + 1);
        byte[] html = "<html>404</html>"
                .repeat(1 + blob.length / 16)
                .substring(0, blob.length)
                .getBytes();
        try (Lease lease = lease()) {
            for (byte[] lie : List.of(other, longer, html)) {
                ImageException e = assertThrows(
                        ImageException.class,
                        () -> fetch(lease, 0, offset -> new BlobSource.Opened(new ByteArrayInputStream(lie), 0)));
                assertEquals(ImageException.Kind.INVALID, e.kind());
                assertTrue(e.getMessage().contains(REMOTE.blob(0).digest()), e.getMessage());
            }
            ImageException late = assertThrows(
                    ImageException.class,
                    () -> fetch(lease, 0, offset -> new BlobSource.Opened(source(blob).open(0).stream(), offset + 1)));
            assertTrue(late.getMessage().contains("from byte 1"), late.getMessage());
            AtomicInteger asked = new AtomicInteger();
            UncheckedIOException gone = assertThrows(
                    UncheckedIOException.class,
                    () -> fetch(lease, 1, offset -> {
                        asked.incrementAndGet();
                        throw new IOException("unreachable");
                    }));
            assertEquals(6, asked.get());
            assertTrue(gone.getMessage().contains("unreachable"), gone.getMessage());
            String wrong = Digest.of(new byte[1]);
            ImageException diff = assertThrows(
                    ImageException.class,
                    () -> stores.store.fetchLayer(lease, REMOTE.blob(0), wrong, source(blob), TransferListener.NONE));
            assertTrue(diff.getMessage().contains(wrong), diff.getMessage());
            assertEquals(
                    ImageException.Kind.NOT_FOUND,
                    assertThrows(ImageException.class, () -> add(lease, REMOTE, "app"))
                            .kind());
        }
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.store.list());
        assertEquals(List.of(), stores.names("blobs"));
        assertEquals(List.of(), stores.names("tmp"));
    }

    @Test
    void a_finished_layer_of_a_failed_pull_is_not_downloaded_again() throws Exception {
        try (Lease lease = lease()) {
            fetch(lease, 0, source(REMOTE.blobs().get(0)));
        }
        stores.reopen();
        List<TransferEvent.State> states = new ArrayList<>();
        try (Lease lease = lease()) {
            stores.store.fetchLayer(
                    lease,
                    REMOTE.blob(0),
                    REMOTE.diffIds().get(0),
                    offset -> {
                        throw new IllegalStateException("asked again");
                    },
                    e -> states.add(e.state()));
            fetch(lease, 1, source(REMOTE.blobs().get(1)));
            assertEquals("a", stores.content(add(lease, REMOTE, "app"), "etc/a"));
        }
        assertEquals(
                List.of(TransferEvent.State.EXISTS, TransferEvent.State.EXTRACTING, TransferEvent.State.COMPLETE),
                states);
    }

    @Test
    void an_archive_that_is_here_is_not_taken_for_another_layer_that_is_here() throws Exception {
        Remote other = Remote.of("amd64", new Tars().file("b", "b").bytes());
        try (Lease lease = lease()) {
            fetch(lease, 0, source(REMOTE.blobs().get(0)));
            fetch(lease, 1, source(REMOTE.blobs().get(1)));
            add(lease, REMOTE, "app");
            stores.store.fetchLayer(
                    lease,
                    other.blob(0),
                    other.diffIds().get(0),
                    source(other.blobs().get(0)),
                    TransferListener.NONE);
            add(lease, other, "other");
        }
        String layer = REMOTE.diffIds().get(0);
        Descriptor archive = other.blob(0);
        try (Lease lease = lease()) {
            assertTrue(stores.store.keepLayer(lease, REMOTE.blob(0).digest(), layer, List.of()));
            assertFalse(stores.store.keepLayer(lease, archive.digest(), layer, List.of()));
            ImageException e = assertThrows(
                    ImageException.class,
                    () -> stores.store.fetchLayer(
                            lease, archive, layer, source(other.blobs().get(0)), TransferListener.NONE));
            assertEquals(ImageException.Kind.INVALID, e.kind());
        }
    }

    @Test
    void what_one_registry_does_wrong_is_not_the_fault_of_another() throws Exception {
        byte[] blob = REMOTE.blobs().get(0);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch following = new CountDownLatch(1);
        try (var threads = Executors.newFixedThreadPool(2);
                Lease lease = lease();
                Lease second = lease()) {
            var liar = threads.submit(() -> {
                stores.store.fetchLayer(
                        lease,
                        REMOTE.blob(0),
                        Digest.of(new byte[1]),
                        offset -> {
                            begun.countDown();
                            following.await();
                            return source(blob).open(offset);
                        },
                        TransferListener.NONE);
                return true;
            });
            begun.await();
            var honest = threads.submit(() -> {
                fetch(second, 0, source(blob));
                return true;
            });
            while (!second.holds(REMOTE.blob(0).digest())) {
                Thread.sleep(1);
            }
            following.countDown();
            assertThrows(java.util.concurrent.ExecutionException.class, liar::get);
            assertTrue(honest.get());
        }
    }

    @Test
    void many_pulls_of_one_image_download_each_layer_once() throws Exception {
        AtomicInteger opened = new AtomicInteger();
        try (var threads = Executors.newFixedThreadPool(8)) {
            List<Callable<Image>> work = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                String name = "n" + i;
                work.add(() -> {
                    try (Lease lease = lease()) {
                        for (int layer = 0; layer < 2; layer++) {
                            byte[] blob = REMOTE.blobs().get(layer);
                            fetch(lease, layer, offset -> {
                                opened.incrementAndGet();
                                Thread.sleep(50);
                                return source(blob).open(offset);
                            });
                        }
                        return add(lease, REMOTE, name);
                    }
                });
            }
            for (var done : threads.invokeAll(work)) {
                done.get();
            }
        }
        assertEquals(2, opened.get());
        assertEquals(1, stores.store.list().size());
        assertEquals(8, stores.store.list().getFirst().references().size());
        stores.store.awaitSync();
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.names("tmp"));
    }

    @Test
    void a_name_may_stand_for_images_of_several_platforms() throws Exception {
        Remote arm = Remote.of("arm64", SECOND_ALONE);
        Manifest.Index index = (Manifest.Index) Manifest.parse(
                Document.write(java.util.Map.of(
                        "schemaVersion",
                        2,
                        "manifests",
                        List.of(
                                listed(REMOTE.manifest(), "amd64").toJson(),
                                listed(arm.manifest(), "arm64").toJson()))),
                MediaTypes.OCI_INDEX,
                "index");
        Reference name = Reference.parse("multi");
        for (Remote remote : List.of(REMOTE, arm)) {
            try (Lease lease = lease()) {
                for (int i = 0; i < remote.blobs().size(); i++) {
                    stores.store.fetchLayer(
                            lease,
                            remote.blob(i),
                            remote.diffIds().get(i),
                            source(remote.blobs().get(i)),
                            TransferListener.NONE);
                }
                stores.store.addImage(
                        lease,
                        remote.manifest(),
                        remote.config(),
                        Optional.of(index),
                        List.of(name),
                        List.of(name.at(index.digest())));
            }
        }
        stores.reopen();
        assertEquals("arm64", stores.store.find("multi").orElseThrow().architecture());
        assertEquals(
                "amd64",
                stores.store
                        .find("multi", Platform.parse("linux/amd64"))
                        .orElseThrow()
                        .architecture());
        assertEquals(
                ImageException.Kind.NOT_FOUND,
                assertThrows(ImageException.class, () -> stores.store.find("multi", Platform.parse("s390x")))
                        .kind());
        assertEquals(index.digest(), stores.store.index(name).orElseThrow().digest());
        Removed removed = stores.store.remove("multi", false, List.of());
        assertEquals(List.of("multi:latest", "multi@" + index.digest()), removed.untagged());
        assertEquals(List.of(), stores.store.list());
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.names("blobs"));
    }

    private static final byte[] SECOND_ALONE = new Tars().file("x", "y").bytes();

    private static Descriptor listed(Manifest.Single manifest, String architecture) {
        return new Descriptor(
                manifest.mediaType(),
                manifest.digest(),
                manifest.content().length,
                Optional.of(new Platform("linux", architecture, "", "")),
                java.util.Map.of(),
                "");
    }
}

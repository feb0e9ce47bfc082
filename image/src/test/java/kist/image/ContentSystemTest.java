package kist.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ContentSystemTest {
    private static final byte[] BYTES = "some bytes".getBytes(StandardCharsets.UTF_8);
    private static final String DIGEST = Digest.of(BYTES);

    private final Stores stores = new Stores();

    @AfterEach
    void clean() {
        stores.close();
    }

    private static ImageException.Kind kind(org.junit.jupiter.api.function.Executable work) {
        return assertThrows(ImageException.class, work).kind();
    }

    private Lease lease() {
        return stores.store.lease("test", Duration.ofHours(1));
    }

    @Test
    void a_blob_lives_as_long_as_its_lease_and_after_a_restart_too() throws Exception {
        Lease lease = lease();
        stores.store.content().put(lease, BYTES);
        stores.reopen();
        assertEquals(Optional.of(10L), stores.store.content().size(DIGEST));
        assertArrayEquals(BYTES, stores.store.content().read(DIGEST, 10));
        assertEquals(
                ImageException.Kind.INVALID, kind(() -> stores.store.content().read(DIGEST, 9)));
        Lease second = lease();
        assertTrue(stores.store.content().keep(second, DIGEST));
        second.close();
        second.close();
        assertTrue(stores.store.content().size(DIGEST).isPresent(), "the first lease, on disk, holds it still");
        assertEquals(
                ImageException.Kind.NOT_FOUND, kind(() -> stores.store.content().put(second, BYTES)));
    }

    @Test
    void a_damaged_lease_loses_nothing_even_when_it_is_asked_for_again() throws Exception {
        stores.store.content().put(stores.store.permanentLease("r"), BYTES);
        String name = stores.names("leases").getFirst();
        var file = stores.directory.resolve("leases/" + name);
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, "+x 1x\n".getBytes(StandardCharsets.UTF_8), StandardOpenOption.APPEND);
        for (int i = 0; i < 2; i++) {
            stores.reopen();
            stores.store.content().put(stores.store.permanentLease("r"), new byte[i]);
            assertEquals(Optional.of(10L), stores.store.content().size(DIGEST), "nothing is removed");
        }
        assertEquals(2, stores.names("leases").size());
        String aside = stores.names("leases").stream()
                .filter(n -> n.length() > name.length())
                .findFirst()
                .orElseThrow();
        Files.write(stores.directory.resolve("leases/" + aside), whole);
        stores.reopen();
        assertEquals(List.of(name), stores.names("leases"));
        for (byte[] bytes : List.of(BYTES, new byte[0], new byte[1])) {
            assertTrue(stores.store.permanentLease("r").holds(Digest.of(bytes)));
        }
        stores.store.permanentLease("r").retain(java.util.Set.of(DIGEST));
        stores.reopen();
        assertEquals(Optional.of(10L), stores.store.content().size(DIGEST));
        assertEquals(Optional.empty(), stores.store.content().size(Digest.of(new byte[1])));
    }

    @Test
    void the_file_of_a_lease_stays_short_however_much_comes_and_goes() throws Exception {
        Lease lease = lease();
        for (int i = 0; i < 1500; i++) {
            String digest = Digest.of(new byte[] {(byte) i, (byte) (i >> 8)});
            stores.store.content().hold(lease, digest);
            lease.drop(digest);
        }
        stores.store.content().put(lease, BYTES);
        long size = Files.size(
                stores.directory.resolve("leases/" + stores.names("leases").getFirst()));
        assertTrue(size < 70_000, size + " bytes");
        stores.reopen();
        assertEquals(Optional.of(10L), stores.store.content().size(DIGEST));
    }

    @Test
    void what_no_lease_holds_is_removed_at_once() throws Exception {
        Lease lease = lease();
        stores.store.content().put(lease, BYTES);
        try (var open = stores.store.content().open(DIGEST)) {
            lease.close();
            assertEquals(Optional.empty(), stores.store.content().size(DIGEST));
            assertFalse(stores.store.content().keep(lease(), DIGEST));
            ByteBuffer read = ByteBuffer.allocate(20);
            assertEquals(10, open.read(read), "who has it open reads on");
        }
        stores.store.awaitDeletions();
        assertEquals(List.of(), stores.names("blobs"));
        assertEquals(
                ImageException.Kind.NOT_FOUND, kind(() -> stores.store.content().open(DIGEST)));
        assertEquals(
                ImageException.Kind.INVALID, kind(() -> stores.store.content().open("sha256:../x")));
    }

    @Test
    void a_lease_expires_even_if_nobody_ends_it() throws Exception {
        Lease lease = stores.store.lease("short", Duration.ZERO);
        stores.store.content().put(lease, BYTES);
        Thread.sleep(2100);
        stores.reopen();
        assertEquals(Optional.empty(), stores.store.content().size(DIGEST));
        assertEquals(List.of(), stores.names("leases"));
    }

    @Test
    void a_permanent_lease_ends_only_by_removal_and_forgets_what_was_dropped() throws Exception {
        Lease lease = stores.store.permanentLease("registry/library/x");
        stores.store.content().put(lease, BYTES);
        stores.store.content().put(lease, new byte[] {1});
        lease.close();
        lease.drop(Digest.of(new byte[] {1}));
        stores.reopen();
        Lease again = stores.store.permanentLease("registry/library/x");
        assertTrue(again.holds(DIGEST));
        assertFalse(again.holds(Digest.of(new byte[] {1})));
        assertEquals(Optional.empty(), stores.store.content().size(Digest.of(new byte[] {1})));
        again.remove();
        assertEquals(Optional.empty(), stores.store.content().size(DIGEST));
        stores.reopen();
        assertEquals(List.of(), stores.names("leases"));
    }

    @Test
    void a_line_cut_short_by_a_crash_does_not_count_and_a_damaged_lease_stops_removals() throws Exception {
        Lease lease = stores.store.permanentLease("r");
        stores.store.content().put(lease, BYTES);
        var file = stores.directory.resolve("leases/" + stores.names("leases").getFirst());
        Files.writeString(file, "+sha256:12", StandardOpenOption.APPEND);
        stores.reopen();
        stores.store.content().put(stores.store.permanentLease("r"), new byte[] {1});
        stores.reopen();
        assertTrue(stores.store.permanentLease("r").holds(DIGEST));
        assertTrue(stores.store.permanentLease("r").holds(Digest.of(new byte[] {1})));
        Files.writeString(file, "nonsense\n");
        stores.reopen();
        assertTrue(stores.store.content().size(DIGEST).isPresent(), "nobody knows who wants it");
    }

    @Test
    void an_upload_goes_on_after_a_restart_and_must_have_its_digest() throws Exception {
        Lease lease = stores.store.permanentLease("r");
        Upload upload = stores.store.content().begin(lease);
        assertEquals(4, upload.write(new ByteArrayInputStream(BYTES, 0, 4), 100));
        assertEquals(4, stores.store.content().resume(upload.id()).size());
        stores.reopen();
        Upload again = stores.store.content().resume(upload.id());
        assertEquals(4, again.size());
        assertEquals(10, again.write(new ByteArrayInputStream(BYTES, 4, 6), 6));
        assertEquals(ImageException.Kind.INVALID, kind(() -> again.finish(Digest.of(new byte[] {1}))));
        again.finish(DIGEST);
        assertArrayEquals(BYTES, stores.store.content().read(DIGEST, 100));
        assertTrue(stores.store.permanentLease("r").holds(DIGEST));
        assertEquals(List.of(), stores.names("uploads"));
        assertEquals(ImageException.Kind.NOT_FOUND, kind(() -> again.write(new ByteArrayInputStream(BYTES), 6)));
        assertEquals(
                ImageException.Kind.NOT_FOUND, kind(() -> stores.store.content().resume(upload.id())));
        assertEquals(
                ImageException.Kind.NOT_FOUND, kind(() -> stores.store.content().resume("../../etc")));
    }

    @Test
    void an_upload_takes_no_more_than_is_announced_and_a_broken_stream_leaves_what_came() throws Exception {
        Upload upload = stores.store.content().begin(lease());
        assertEquals(ImageException.Kind.INVALID, kind(() -> upload.write(new ByteArrayInputStream(BYTES), 9)));
        Upload other = stores.store.content().begin(lease());
        var broken = new java.io.SequenceInputStream(new ByteArrayInputStream(BYTES, 0, 7), new java.io.InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("gone");
            }
        });
        assertThrows(IOException.class, () -> other.write(broken, 100));
        assertEquals(7, other.size());
        other.write(new ByteArrayInputStream(BYTES, 7, 3), 3);
        other.finish(DIGEST);
        upload.cancel();
        upload.cancel();
        assertEquals(List.of(), stores.names("uploads"));
    }

    @Test
    void images_hold_their_blobs_without_a_lease() throws Exception {
        Image image = stores.load(
                        Tars.dockerArchive("app", new Tars().file("a", "b").bytes()))
                .getFirst()
                .image();
        assertTrue(stores.store.content().size(image.id()).isPresent());
        stores.reopen();
        assertTrue(stores.store.content().size(image.id()).isPresent());
        stores.store.remove("app", false, List.of());
        assertFalse(stores.store.content().size(image.id()).isPresent());
    }
}

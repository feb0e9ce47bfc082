package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StateTest {
    @TempDir
    Path dir;

    private static StoredContainer container(String id, String name) {
        return new StoredContainer(
                1,
                id,
                name,
                ContainerConfig.of("busybox", "true"),
                "sha256:x",
                42,
                List.of("true"),
                List.of(),
                "/",
                "",
                Map.of("k", "v"),
                "SIGTERM",
                OptionalInt.of(3));
    }

    @Test
    void what_was_written_is_read_again() {
        ContainerStore store = new ContainerStore(dir.resolve("c"));
        store.create(container("abc", "one"), true);
        StoredState running = StoredState.NEW.running(77, 99);
        store.update("abc", running);
        ContainerStore.Found found = new ContainerStore(dir.resolve("c")).load().getFirst();
        assertEquals(container("abc", "one"), found.container());
        assertEquals(running, found.state());
        store.update(container("abc", "two"));
        assertEquals("two", store.load().getFirst().container().name());
    }

    @Test
    void what_a_crash_left_half_made_or_half_removed_is_swept() throws Exception {
        ContainerStore store = new ContainerStore(dir.resolve("c"));
        store.create(container("abc", "one"), false);
        Files.createDirectories(dir.resolve("c/.new-def"));
        Files.writeString(dir.resolve("c/.new-def/container.json"), "{");
        store.create(container("ghi", "gone"), false);
        store.remove("ghi");
        assertEquals(1, store.load().size());
        assertFalse(Files.exists(dir.resolve("c/.new-def")));
        assertFalse(Files.exists(dir.resolve("c/.gone-ghi")));
    }

    @Test
    void a_directory_that_is_used_again_shows_nothing_of_the_container_before() throws Exception {
        ContainerStore store = new ContainerStore(dir.resolve("c"));
        store.create(container("abc", "one"), false);
        store.update("abc", StoredState.NEW.running(77, 99));
        Files.writeString(dir.resolve("c/abc/log"), "secret");
        store.dispose(store.remove("abc"));
        try (var left = Files.walk(dir.resolve("c"))) {
            assertTrue(
                    left.filter(Files::isRegularFile).allMatch(f -> f.toFile().length() == 0));
        }
        store.create(container("def", "two"), false);
        ContainerStore.Found found = new ContainerStore(dir.resolve("c")).load().getFirst();
        assertEquals(container("def", "two"), found.container());
        assertEquals(StoredState.NEW, found.state());
        assertFalse(Files.exists(dir.resolve("c/def/log")));
        assertEquals(1, Files.list(dir.resolve("c")).count());
    }

    @Test
    void a_state_torn_by_a_crash_of_the_host_counts_as_ended() throws Exception {
        ContainerStore store = new ContainerStore(dir.resolve("c"));
        store.create(container("abc", "one"), false);
        Files.writeString(dir.resolve("c/abc/state.json"), "{\"format\":1,\"pha");
        StoredState state = store.load().getFirst().state();
        assertEquals(StoredState.Phase.EXITED, state.phase());
        assertTrue(state.error().contains("damaged"));
    }

    @Test
    void a_state_of_a_newer_version_is_refused_and_left_alone() throws Exception {
        ContainerStore store = new ContainerStore(dir.resolve("c"));
        store.create(container("abc", "one"), false);
        Path file = dir.resolve("c/abc/container.json");
        String newer = Files.readString(file).replace("\"format\":1", "\"format\":9");
        Files.writeString(file, newer);
        EngineException e = assertThrows(EngineException.class, store::load);
        assertTrue(e.getMessage().contains("format 9"), e.getMessage());
        assertEquals(newer, Files.readString(file));
    }

    @Test
    void containers_are_found_by_id_name_and_unique_prefix() {
        Registry r = new Registry();
        Container a = new Container(container("aa11", "one"), StoredState.NEW, l -> {});
        Container b = new Container(container("aa22", "two"), StoredState.NEW, l -> {});
        r.add(a);
        r.add(b);
        assertEquals(a, r.get("aa11"));
        assertEquals(a, r.get("/one"));
        assertEquals(b, r.get("aa2"));
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, kind(() -> r.get("aa")));
        assertEquals(EngineException.Kind.NOT_FOUND, kind(() -> r.get("zz")));
        assertEquals(EngineException.Kind.NOT_FOUND, kind(() -> r.get("")));
        assertEquals(EngineException.Kind.ALREADY_EXISTS, kind(() -> r.reserveName("two", "other")));
        r.remove(b);
        assertEquals("two", r.reserveName("two", "other"));
    }

    private static EngineException.Kind kind(org.junit.jupiter.api.function.Executable e) {
        return assertThrows(EngineException.class, e).kind();
    }

    @Test
    void a_wait_that_was_there_first_sees_the_end_of_the_run_that_follows() throws Exception {
        Run run = new Run(l -> {});
        long next = run.current();
        Thread t = Thread.ofVirtual().start(() -> {
            try {
                run.awaitEnd(next);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        assertFalse(run.awaitEnd(next, 10_000_000));
        run.end(false, 9);
        t.join(java.time.Duration.ofSeconds(5));
        assertEquals(9, run.exitCode());
        assertTrue(run.over(next));
        assertEquals(next + 1, run.current());
    }

    @Test
    void every_request_leaves_an_audit_line_without_its_contents() throws Exception {
        Path file = dir.resolve("audit.log");
        try (Gate gate = new Gate(new AuditLog(file))) {
            gate.admit(
                    new Caller("docker", 1000, 1000, 4242),
                    new Request.CreateContainer("web", ContainerConfig.of("busybox", "echo", "hunter2")));
            gate.admit(new Caller("docker", 0, 0, 1), new Request.InspectContainer("a\nb"));
        }
        List<String> lines = Files.readAllLines(file);
        assertEquals(2, lines.size());
        assertTrue(lines.get(0).contains("\"uid\":1000") && lines.get(0).contains("\"pid\":4242"), lines.get(0));
        assertTrue(lines.get(0).contains("CreateContainer") && lines.get(0).contains("web"), lines.get(0));
        assertFalse(String.join("", lines).contains("hunter2"));
        assertEquals(
                "rw-------",
                java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }
}

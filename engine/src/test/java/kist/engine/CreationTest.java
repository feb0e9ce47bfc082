package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.image.Image;
import kist.image.ImageConfig;
import org.junit.jupiter.api.Test;

final class CreationTest {
    private static Image image(List<String> entrypoint, List<String> command) {
        return new Image(
                "sha256:" + "a".repeat(64),
                List.of("x:latest"),
                Instant.EPOCH,
                "amd64",
                "linux",
                "",
                "",
                1,
                List.of(),
                new ImageConfig(
                        entrypoint,
                        command,
                        List.of("A=1", "B=2"),
                        "/srv",
                        "app",
                        List.of(),
                        List.of(),
                        Map.of("from", "image"),
                        "SIGQUIT"),
                List.of());
    }

    private static ContainerConfig config(Optional<List<String>> entrypoint, String... command) {
        return ContainerConfigBuilder.builder(ContainerConfig.of("x", command))
                .entrypoint(entrypoint)
                .environment(List.of("B=3", "A", "C=4"))
                .build();
    }

    private static List<String> argv(Image image, ContainerConfig config) {
        return Creation.merge("1", "n", config, image, 0).argv();
    }

    @Test
    void command_and_entrypoint_merge_as_docker_merges_them() {
        Image both = image(List.of("/entry"), List.of("arg"));
        assertEquals(List.of("/entry", "arg"), argv(both, config(Optional.empty())));
        assertEquals(List.of("/entry", "mine"), argv(both, config(Optional.empty(), "mine")));
        assertEquals(List.of("/own"), argv(both, config(Optional.of(List.of("/own")))), "the image's arguments go");
        assertEquals(List.of("/own", "mine"), argv(both, config(Optional.of(List.of("/own")), "mine")));
        assertEquals(List.of("mine"), argv(both, config(Optional.of(List.of("")), "mine")));
        assertThrows(EngineException.class, () -> argv(image(List.of(), List.of()), config(Optional.empty())));
    }

    @Test
    void what_is_not_said_comes_from_the_image() {
        StoredContainer c = Creation.merge("1", "n", config(Optional.empty()), image(List.of("/e"), List.of()), 0);
        assertEquals("/srv", c.workingDir());
        assertEquals("app", c.user());
        assertEquals("SIGQUIT", c.stopSignal());
        assertEquals(Map.of("from", "image"), c.labels());
        assertTrue(
                c.environment().containsAll(List.of("B=3", "C=4")),
                c.environment().toString());
        assertTrue(c.environment().stream().noneMatch(e -> e.startsWith("A=")), "a name alone takes it out");
        assertTrue(c.environment().stream().noneMatch(e -> e.startsWith("PATH=")), "a start adds it");
    }

    @Test
    void a_container_without_networking_does_not_share_the_hosts() {
        ContainerConfig config = ContainerConfigBuilder.builder(ContainerConfig.of("x", "a"))
                .networkDisabled(true)
                .host(HostConfigBuilder.builder().network("host").build())
                .build();
        StoredContainer c = Creation.merge("1", "n", config, image(List.of(), List.of()), 0);
        assertEquals("none", c.config().host().network());
    }

    @Test
    void bad_requests_are_refused_with_the_value_at_fault() {
        record Case(HostConfig host, String says) {}
        HostConfig d = HostConfig.DEFAULT;
        List<Case> cases = List.of(
                new Case(with(1000, 0, 0, List.of(), List.of()), "Minimum memory limit"),
                new Case(with(64 << 20, 1 << 20, 0, List.of(), List.of()), "memoryswap"),
                new Case(with(0, 0, 1_000_000_000_000L, List.of(), List.of()), "CPUs"),
                new Case(with(0, 0, 0, List.of("seccomp=/x.json"), List.of()), "seccomp=/x.json"),
                new Case(with(0, 0, 0, List.of(), List.of(mount("bind", "rel", "/x"))), "rel"),
                new Case(with(0, 0, 0, List.of(), List.of(mount("tmpfs", "", "/"))), "can't be '/'"));
        for (Case c : cases) {
            EngineException e = assertThrows(
                    EngineException.class,
                    () -> Creation.merge(
                            "1", "n", ContainerConfig.of("x", "a").withHost(c.host()), image(List.of(), List.of()), 0),
                    c.says());
            assertTrue(e.getMessage().contains(c.says()), e.getMessage());
        }
        assertEquals("", d.network());
    }

    private static HostConfig with(
            long memory, long swap, long nanoCpus, List<String> security, List<HostConfig.MountSpec> mounts) {
        return HostConfigBuilder.builder()
                .memory(memory)
                .memorySwap(swap)
                .nanoCpus(nanoCpus)
                .securityOpt(security)
                .mounts(mounts)
                .build();
    }

    private static HostConfig.MountSpec mount(String type, String source, String target) {
        return HostConfigMountSpecBuilder.builder()
                .type(type)
                .source(source)
                .target(target)
                .build();
    }

    @Test
    void names_are_checked_and_made_up_ones_pass_the_check() {
        for (String bad : List.of("", "a", "-ab", "a b", "a/b", "a\nb", "ä1", "../x")) {
            assertThrows(EngineException.class, () -> Names.check(bad), bad);
        }
        for (int i = 0; i < 100; i++) {
            Names.check(Names.propose(i % 8));
        }
    }

    @Test
    void signals_have_names_and_numbers() {
        assertEquals(15, Signals.number("SIGTERM"));
        assertEquals(9, Signals.number("kill"));
        assertEquals(9, Signals.number("9"));
        assertEquals(35, Signals.number("RTMIN+1"));
        for (String bad : List.of("", "0", "65", "SIGNOPE", "-1", "RTMIN+99")) {
            assertThrows(EngineException.class, () -> Signals.number(bad), bad);
        }
    }

    @Test
    void an_extra_host_cannot_smuggle_a_line_into_the_hosts_file() {
        for (String bad : List.of("x", ":1.2.3.4", "x:", "x:1\n2.2.2.2 y", "a b:1.1.1.1")) {
            assertThrows(EngineException.class, () -> HostFiles.checkExtraHost(bad), bad);
        }
        HostFiles.checkExtraHost("db:10.0.0.1");
        HostFiles.checkExtraHost("v6:::1");
    }
}

package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChangesTest {
    @Test
    void commands_come_in_exec_and_in_shell_form() {
        assertEquals(
                List.of("/bin/echo", "a b"),
                Changes.parse(List.of("CMD [\"/bin/echo\", \"a b\"]")).command());
        assertEquals(
                List.of("/bin/sh", "-c", "echo $HOME"),
                Changes.parse(List.of("cmd echo $HOME")).command());
        assertEquals(
                List.of("/init"),
                Changes.parse(List.of("ENTRYPOINT [\"/init\"]")).entrypoint());
        assertEquals(
                List.of(),
                Changes.parse(List.of("ENTRYPOINT [\"/init\"]", "ENTRYPOINT []"))
                        .entrypoint());
    }

    @Test
    void variables_and_labels_come_in_both_forms_and_later_ones_win() {
        ImageConfig config = Changes.parse(List.of(
                "ENV A=1 B=\"two words\" C='$x' D=a\\ b",
                "ENV A 3 and more",
                "LABEL x=y \"k\"=\"v=w\"",
                "LABEL old style"));
        assertEquals(List.of("A=3 and more", "B=two words", "C=$x", "D=a b"), config.environment());
        assertEquals(Map.of("x", "y", "k", "v=w", "old", "style"), config.labels());
    }

    @Test
    void the_other_instructions_set_their_fields() {
        ImageConfig config = Changes.parse(List.of(
                "EXPOSE 80 53/udp 8000-8002/TCP",
                "USER app:app",
                "WORKDIR /srv",
                "WORKDIR data/../www",
                "VOLUME /a /b",
                "VOLUME [\"/c d\"]",
                "STOPSIGNAL SIGQUIT"));
        assertEquals(List.of("80/tcp", "53/udp", "8000/tcp", "8001/tcp", "8002/tcp"), config.exposedPorts());
        assertEquals("app:app", config.user());
        assertEquals("/srv/www", config.workingDir());
        assertEquals(List.of("/a", "/b", "/c d"), config.volumes());
        assertEquals("SIGQUIT", config.stopSignal());
    }

    @Test
    void changes_are_laid_over_what_was_there() {
        ImageConfig base = Changes.parse(List.of("ENTRYPOINT [\"/a\"]", "CMD [\"b\"]", "ENV A=1", "WORKDIR /srv"));
        ImageConfig config = Changes.apply(base, List.of("ENV B=2", "WORKDIR data", "ENTRYPOINT [\"/c\"]"));
        assertEquals(List.of("A=1", "B=2"), config.environment());
        assertEquals("/srv/data", config.workingDir());
        assertEquals(List.of("/c"), config.entrypoint());
        assertEquals(List.of(), config.command(), "a new entry point does away with the old arguments");
        assertEquals(base, Changes.apply(base, List.of()));
    }

    @Test
    void health_checks_and_triggers_are_kept() {
        ImageConfig config = Changes.parse(List.of(
                "HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f localhost",
                "ONBUILD RUN make",
                "onbuild COPY . /"));
        ImageConfig.Healthcheck check = config.healthcheck().orElseThrow();
        assertEquals(List.of("CMD-SHELL", "curl -f localhost"), check.test());
        assertEquals(90, check.interval().toSeconds());
        assertEquals(3, check.retries());
        assertEquals(List.of("RUN make", "COPY . /"), config.onBuild());
        assertEquals(
                List.of("NONE"),
                Changes.parse(List.of("HEALTHCHECK NONE"))
                        .healthcheck()
                        .orElseThrow()
                        .test());
    }

    @Test
    void cve_2022_23648_a_volume_does_not_lead_above_the_root() {
        assertEquals(
                List.of("/etc"), Changes.parse(List.of("VOLUME /../../etc")).volumes());
        assertEquals("/etc", ImageDocument.insideRoot("/a/../../../etc/."));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "RUN ls",
                "FROM x",
                "ENV",
                "ENV A",
                "ENV =x",
                "CMD [\"unclosed\"",
                "CMD [1]",
                "EXPOSE 0",
                "EXPOSE 65536",
                "EXPOSE 80/xyz",
                "EXPOSE 9-8",
                "EXPOSE -1",
                "USER a b",
                "LABEL \"x=y",
                "HEALTHCHECK CMD",
                "ONBUILD ONBUILD RUN ls",
                "ENV A=1\nRUN x",
                "ENV A=\0"
            })
    void what_is_not_understood_is_refused(String change) {
        assertThrows(ImageException.class, () -> Changes.parse(List.of(change)));
    }
}

package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DocumentTest {
    private static final String D = "sha256:" + "0".repeat(64);

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static ImageDocument image(String text) {
        return ImageDocument.parse(bytes(text), "config");
    }

    @Test
    void cve_2017_14992_a_document_of_100_MB_is_refused() {
        assertThrows(ImageException.class, () -> Document.parse(new byte[100 << 20], "config"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{\"a\":"})
    void deep_nesting_is_refused_before_it_is_parsed(String level) {
        ImageException e = assertThrows(
                ImageException.class, () -> Document.parse(bytes("{\"x\":" + level.repeat(500_000)), "config"));
        assertTrue(e.getMessage().contains("nested"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "null", "[]", "1", "\"x\"", "{", "{\"a\":}", "{}x", "\u0000"})
    void what_is_not_an_object_is_refused(String text) {
        assertThrows(ImageException.class, () -> Document.parse(bytes(text), "config"));
    }

    @Test
    void a_document_that_is_not_utf8_is_refused() {
        assertThrows(ImageException.class, () -> Document.parse(new byte[] {'{', (byte) 0xff, '}'}, "config"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"rootfs\":{\"type\":\"other\",\"diff_ids\":[]}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":\"x\"}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[1]}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:../../x\"]}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"os\":\"windows\"}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"created\":\"yesterday\"}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{\"Cmd\":\"sh\"}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{\"Env\":[\"A\"]}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{\"Env\":[\"A=\\u0000\"]}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{\"Labels\":{\"a\":1}}}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"history\":[1]}",
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"manifests\":[]}"
            })
    void a_configuration_of_the_wrong_shape_is_refused(String text) {
        assertThrows(ImageException.class, () -> image(text));
    }

    @Test
    void a_configuration_survives_being_written_and_read() {
        ImageDocument made = new ImageDocument(
                Instant.parse("2026-01-02T03:04:05.000000006Z"),
                "amd64",
                "",
                "linux",
                "me",
                "a \"comment\"",
                List.of(D),
                new ImageConfig(
                        List.of("/init"),
                        List.of("a", "b"),
                        List.of("A=1"),
                        "/srv",
                        "1:2",
                        List.of("80/tcp"),
                        List.of("/v"),
                        Map.of("k", "v"),
                        "SIGQUIT"),
                List.of(new Image.History(Instant.EPOCH, "x", "", "y", true)));
        assertEquals(made, ImageDocument.parse(made.toJson(), "config"));
    }

    @Test
    void cve_2022_23648_volumes_of_an_image_stay_inside_the_root() {
        assertEquals(
                List.of("/etc"),
                image("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{\"Volumes\":{\"/../../etc\":{}}}}")
                        .config()
                        .volumes());
    }

    @Test
    void fields_of_null_are_fields_not_said() {
        ImageDocument d = image("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null},\"config\":{\"Cmd\":null,"
                + "\"Labels\":null,\"Volumes\":null},\"history\":null,\"author\":null}");
        assertEquals(ImageConfig.EMPTY, d.config());
    }

    @Test
    void cve_2023_25153_a_document_of_very_many_values_is_refused_before_they_are_made() {
        String many = "{\"manifests\":[" + "{},".repeat(1_200_000) + "{}]}";
        ImageException e = assertThrows(
                ImageException.class, () -> Document.parse(many.getBytes(StandardCharsets.UTF_8), "the manifest"));
        assertTrue(e.getMessage().contains("200000 values"), e.getMessage());
        String texts = ("\"" + ",{[".repeat(1000) + "\",").repeat(100);
        assertEquals(
                101,
                Document.parse(("{\"a\":[" + texts + "\"\"]}").getBytes(StandardCharsets.UTF_8), "text")
                        .texts("a")
                        .size());
    }
}

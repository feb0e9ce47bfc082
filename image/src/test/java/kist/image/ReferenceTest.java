package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceTest {
    @ParameterizedTest
    @CsvSource({
        "busybox, docker.io/library/busybox:latest, busybox:latest",
        "busybox:1.36, docker.io/library/busybox:1.36, busybox:1.36",
        "library/busybox, docker.io/library/busybox:latest, busybox:latest",
        "docker.io/busybox, docker.io/library/busybox:latest, busybox:latest",
        "docker.io/library/busybox:latest, docker.io/library/busybox:latest, busybox:latest",
        "index.docker.io/busybox, docker.io/library/busybox:latest, busybox:latest",
        "me/app, docker.io/me/app:latest, me/app:latest",
        "localhost/app, localhost/app:latest, localhost/app:latest",
        "localhost:5000/app:v1, localhost:5000/app:v1, localhost:5000/app:v1",
        "registry.example/a/b/c, registry.example/a/b/c:latest, registry.example/a/b/c:latest",
        "a-b__c/x---y.z:T_1.-, docker.io/a-b__c/x---y.z:T_1.-, a-b__c/x---y.z:T_1.-",
    })
    void a_name_has_one_full_and_one_familiar_form(String said, String full, String familiar) {
        Reference reference = Reference.parse(said);
        assertEquals(full, reference.toString());
        assertEquals(familiar, reference.familiar());
        assertEquals(reference, Reference.parse(familiar));
        assertEquals(reference, Reference.parse(full));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                "a:",
                ":tag",
                "Busybox",
                "a/B",
                "a//b",
                "/a",
                "a/",
                "-a",
                "a-",
                "a..b",
                "a___b",
                "a.-b",
                "a b",
                "a:b c",
                "a:.x",
                "a:-x",
                "../a",
                "a/../b",
                "a/..",
                "host:port/a",
                "https://host/a",
                "ho st.x/a",
                "-h.x/a",
                "h..x/a",
                "a@sha256:0000000000000000000000000000000000000000000000000000000000000000",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "a\0b",
                "a\nb",
                "h.x:123456/a"
            })
    void what_breaks_the_grammar_is_refused(String said) {
        ImageException e = assertThrows(ImageException.class, () -> Reference.parse(said));
        assertEquals(ImageException.Kind.INVALID, e.kind());
        assertTrue(e.getMessage().startsWith("invalid reference format: "), e.getMessage());
    }

    @Test
    void names_and_tags_have_a_greatest_length() {
        assertThrows(ImageException.class, () -> Reference.parse("a".repeat(250)));
        assertThrows(ImageException.class, () -> Reference.parse("a:" + "t".repeat(129)));
        Reference.parse("a:" + "t".repeat(128));
    }
}

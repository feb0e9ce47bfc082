package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NamesTest {
    @ParameterizedTest
    @CsvSource({
        "busybox, busybox",
        "docker.io/library/busybox:1, busybox:1",
        "index.docker.io/me/app, me/app",
        "quay.lan/me/app, quay.lan/me/app",
        "localhost:5000/app, localhost:5000/app",
    })
    void names_are_shortened_as_people_write_them(String name, String familiar) {
        assertEquals(familiar, Names.familiar(name));
    }

    @ParameterizedTest
    @CsvSource({
        "docker.io/evil.lan/app",
        "docker.io/localhost/app",
        "docker.io/library/evil.lan/app",
        "index.docker.io/evil.lan:443/app",
    })
    void no_short_name_means_another_registry(String name) {
        assertEquals(name, Names.familiar(name));
    }
}

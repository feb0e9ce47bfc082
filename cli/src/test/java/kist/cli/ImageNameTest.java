package kist.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ImageNameTest {
    @Test
    void a_name_is_shortened_only_where_it_means_the_same() {
        assertEquals("busybox", ImageName.parse("docker.io/library/busybox").familiar());
        assertEquals("me/app", ImageName.parse("docker.io/me/app:1").familiar());
        assertEquals("quay.lan/me/app", ImageName.parse("quay.lan/me/app").familiar());
        var other = ImageName.parse("docker.io/evil.lan/app");
        assertEquals("docker.io", other.domain());
        assertEquals("docker.io/evil.lan/app", other.familiar());
    }
}

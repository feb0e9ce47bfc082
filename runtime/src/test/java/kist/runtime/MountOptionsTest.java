package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import kist.kernel.Flags;
import org.junit.jupiter.api.Test;

/** Options and destinations of mounts. */
final class MountOptionsTest {
    private static MountOptions of(String type, String... options) {
        return MountOptions.of(new Mount("/m", type, "s", List.of(options)));
    }

    @Test
    void flags_go_to_the_mount_and_the_rest_to_the_file_system() {
        MountOptions o = of("tmpfs", "nosuid", "strictatime", "mode=755", "ro", "size=64m", "noswap");
        assertEquals(Flags.MOUNT_ATTR_NOSUID | Flags.MOUNT_ATTR_STRICTATIME | Flags.MOUNT_ATTR_RDONLY, o.set);
        assertEquals(Flags.MOUNT_ATTR_ATIME, o.clear);
        assertEquals(List.of("mode=755", "size=64m", "noswap"), o.data);
        assertTrue(o.readOnly());
    }

    @Test
    void the_last_of_two_that_contradict_counts() {
        assertEquals(0, of("tmpfs", "ro", "rw").set);
        assertEquals(Flags.MOUNT_ATTR_RDONLY, of("tmpfs", "rw", "ro").set);
    }

    @Test
    void propagation_and_recursion_are_told_apart() {
        MountOptions o = of("bind", "rbind", "rslave", "rro");
        assertTrue(o.recursiveBind);
        assertTrue(o.recursivePropagation);
        assertEquals(Flags.MS_SLAVE, o.propagation);
        assertEquals(Flags.MOUNT_ATTR_RDONLY, o.recursiveSet);
    }

    @Test
    void a_bind_mount_takes_no_options_that_nobody_knows() {
        assertEquals(
                "mounts: the bind mount /m has the unknown option \"size=1\"",
                assertThrows(SpecException.class, () -> of("bind", "size=1")).getMessage());
        assertThrows(SpecException.class, () -> of("tmpfs", "tmpcopyup"));
    }

    @Test
    void destinations_are_cleaned_by_their_text() {
        assertEquals(List.of("a", "c"), MountPath.of("//a/./b/../c/"));
        assertEquals("/proc", MountPath.clean("/x/../proc/"));
        assertEquals(List.of(), MountPath.of("/../.."));
        assertThrows(SpecException.class, () -> MountPath.of("a"));
    }
}

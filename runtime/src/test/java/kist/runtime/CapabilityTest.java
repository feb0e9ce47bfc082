package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Names of capabilities and what users make of the default ones. */
final class CapabilityTest {
    @Test
    void the_fourteen_default_ones_have_the_mask_that_other_engines_give() {
        assertEquals(0xa80425fbL, Capability.mask(DefaultSpec.CAPABILITIES, "x"));
    }

    @Test
    void names_come_with_and_without_prefix_and_in_any_case() {
        List<String> caps = Capability.adjust(DefaultSpec.CAPABILITIES, List.of("net_admin"), List.of("CAP_CHOWN"));
        assertTrue(caps.contains("CAP_NET_ADMIN"));
        assertFalse(caps.contains("CAP_CHOWN"));
        assertEquals(14, caps.size());
    }

    @Test
    void all_is_added_or_dropped_with_exceptions() {
        assertEquals(List.of("CAP_KILL"), Capability.adjust(DefaultSpec.CAPABILITIES, List.of("KILL"), List.of("ALL")));
        List<String> most = Capability.adjust(DefaultSpec.CAPABILITIES, List.of("ALL"), List.of("SYS_ADMIN"));
        assertFalse(most.contains("CAP_SYS_ADMIN"));
        assertEquals(Capability.all().size() - (Capability.all().contains("CAP_SYS_ADMIN") ? 1 : 0), most.size());
    }

    @Test
    void unknown_names_are_refused() {
        assertEquals(
                "capabilities to add: \"NET_ADMINS\" is no capability of Linux",
                assertThrows(SpecException.class, () -> Capability.adjust(List.of(), List.of("NET_ADMINS"), List.of()))
                        .getMessage());
    }
}

package kist.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SubnetTest {
    private static final Subnet FIRST = Subnet.parse("172.29.0.0/16");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "172.29.0.0", "172.29.0.0/", "172.29.0.1/16", "172.29.0.0/33", "172.29.0.0/30", "0.0.0.0/0",
                "fd00::/64", "172.29/16", "172.29.0.0/+16", "host/16", "172.29.0.0/16/2", "/16", "999.1.1.0/24"
            })
    void what_is_not_a_subnet_with_room_is_refused_by_name(String text) {
        NetworkException e = assertThrows(NetworkException.class, () -> Subnet.parse(text));
        assertTrue(e.toString().contains("Subnet \"" + text + "\" must be"), e.toString());
    }

    @Test
    void the_hardware_address_follows_from_the_address() {
        assertEquals("02:42:ac:1d:00:02", Subnet.mac(Subnet.number("172.29.0.2")));
    }

    @Test
    void subnets_overlap_where_one_holds_the_other() {
        assertTrue(FIRST.overlaps(Subnet.parse("172.16.0.0/12")));
        assertTrue(Subnet.parse("172.16.0.0/12").overlaps(FIRST));
        assertTrue(FIRST.overlaps(Subnet.parse("172.29.7.0/24")));
        assertFalse(FIRST.overlaps(Subnet.parse("172.28.0.0/16")));
        assertTrue(FIRST.covers(Subnet.parse("172.29.7.0/24")));
        assertFalse(FIRST.covers(Subnet.parse("172.16.0.0/12")));
    }

    @Test
    void the_usual_subnet_is_chosen_where_it_is_free() {
        assertEquals(FIRST, Bridge.chooseSubnet("", Optional.empty(), List.of(Subnet.parse("192.168.0.0/16"))));
    }

    @Test
    void another_is_chosen_where_the_host_routes_the_usual_one() {
        assertEquals(
                "172.28.0.0/16",
                Bridge.chooseSubnet("", Optional.empty(), List.of(FIRST)).toString());
        assertEquals(
                "10.229.0.0/16",
                Bridge.chooseSubnet("", Optional.empty(), List.of(Subnet.parse("172.16.0.0/12")))
                        .toString());
    }

    @Test
    void the_subnet_of_the_last_time_is_chosen_again_while_it_is_free() {
        Subnet before = Subnet.parse("10.7.0.0/16");
        assertEquals(before, Bridge.chooseSubnet("", Optional.of(before), List.of()));
        assertEquals(FIRST, Bridge.chooseSubnet("", Optional.of(before), List.of(before)));
    }

    @Test
    void a_subnet_that_was_asked_for_is_never_replaced_by_another() {
        assertEquals(
                FIRST, Bridge.chooseSubnet("172.29.0.0/16", Optional.empty(), List.of(Subnet.parse("172.16.0.0/12"))));
        NetworkException e = assertThrows(
                NetworkException.class,
                () -> Bridge.chooseSubnet("172.29.0.0/16", Optional.empty(), List.of(Subnet.parse("172.29.9.0/24"))));
        assertTrue(e.toString().contains("172.29.9.0/24"), e.toString());
    }

    @Test
    void when_nothing_is_free_the_message_says_what_to_do() {
        NetworkException e = assertThrows(
                NetworkException.class,
                () -> Bridge.chooseSubnet("", Optional.empty(), List.of(new Subnet(0, 1), new Subnet(1 << 31, 1))));
        assertTrue(e.toString().contains("name a free one"), e.toString());
    }

    @Test
    void identifiers_and_subnet_are_read_as_they_were_written(@TempDir Path directory) {
        NetworkState state = NetworkState.fresh().withSubnet(FIRST);
        state.write(directory);
        assertEquals(Optional.of(state), NetworkState.read(directory));
    }

    @Test
    void what_a_crash_left_of_the_state_counts_as_none(@TempDir Path directory) throws Exception {
        assertEquals(Optional.empty(), NetworkState.read(directory));
        NetworkState.fresh().write(directory);
        Path file = directory.resolve("networks");
        String whole = Files.readString(file);
        Files.writeString(file, whole.substring(0, whole.length() / 2));
        assertEquals(Optional.empty(), NetworkState.read(directory));
        Files.writeString(file, "");
        assertEquals(Optional.empty(), NetworkState.read(directory));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "sixteen-letters0", "../x", "-x", "ü"})
    void a_bridge_name_that_no_link_can_have_is_refused(String name) {
        assertThrows(NetworkException.class, () -> new Options(name, "", 3, "kist"));
    }

    @Test
    void engines_with_other_bridges_have_other_tables() {
        assertEquals("kist", Options.forBridge("kist0").table());
        assertEquals("kist_my_br1", Options.forBridge("my-br1").table());
    }
}

package kist.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AddressesTest {
    private static String text(int address) {
        return Subnet.address(address).getHostAddress();
    }

    @Test
    void the_first_address_of_a_container_comes_after_the_bridge() {
        assertEquals("172.29.0.2", text(new Addresses(Subnet.parse("172.29.0.0/16")).take()));
    }

    @Test
    void a_small_subnet_gives_each_address_once_and_then_says_so() {
        Addresses addresses = new Addresses(Subnet.parse("10.9.8.0/29"));
        List<String> taken = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            taken.add(text(addresses.take()));
        }
        assertEquals(List.of("10.9.8.2", "10.9.8.3", "10.9.8.4", "10.9.8.5", "10.9.8.6"), taken);
        NetworkException e = assertThrows(NetworkException.class, addresses::take);
        assertTrue(e.toString().contains("All 5 addresses of 10.9.8.0/29 are in use"), e.toString());
        addresses.free(Subnet.number("10.9.8.4"));
        assertEquals("10.9.8.4", text(addresses.take()));
    }

    @Test
    void an_address_that_was_freed_comes_up_again_late() {
        Addresses addresses = new Addresses(Subnet.parse("10.9.8.0/24"));
        int first = addresses.take();
        addresses.free(first);
        for (int i = 0; i < 252; i++) {
            assertFalse(addresses.take() == first);
        }
        assertEquals(first, addresses.take());
    }

    @Test
    void what_is_not_a_containers_cannot_be_reserved() {
        Addresses addresses = new Addresses(Subnet.parse("10.9.8.0/24"));
        for (String address : List.of("10.9.8.0", "10.9.8.1", "10.9.8.255", "10.9.9.2", "10.9.7.255", "0.0.0.0")) {
            assertFalse(addresses.reserve(Subnet.number(address)), address);
            addresses.free(Subnet.number(address));
        }
        assertTrue(addresses.reserve(Subnet.number("10.9.8.2")));
        assertFalse(addresses.reserve(Subnet.number("10.9.8.2")));
        assertEquals("10.9.8.3", text(addresses.take()));
    }

    @Test
    void whatever_is_taken_and_freed_no_address_has_two_owners() {
        for (int seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            Subnet subnet = Subnet.parse("10.9.8.0/" + (24 + random.nextInt(6)));
            Addresses addresses = new Addresses(subnet);
            Set<Integer> owned = new HashSet<>();
            for (int step = 0; step < 2000; step++) {
                if (random.nextBoolean() && owned.size() < subnet.capacity()) {
                    int address = addresses.take();
                    assertTrue(owned.add(address), "seed " + seed);
                    assertTrue(
                            subnet.contains(address)
                                    && address != subnet.gateway()
                                    && address != subnet.network()
                                    && address != subnet.broadcast(),
                            "seed " + seed);
                } else if (!owned.isEmpty()) {
                    int address = owned.stream()
                            .skip(random.nextInt(owned.size()))
                            .findFirst()
                            .orElseThrow();
                    owned.remove(address);
                    addresses.free(address);
                }
                assertEquals(owned.size(), addresses.inUse(), "seed " + seed);
            }
        }
    }
}

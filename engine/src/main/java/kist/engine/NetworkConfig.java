package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Map;

/**
 * What a network shall be, as its user asked for it. Empty strings, empty lists and zero mean "not said".
 *
 * @param driver empty for {@code bridge}, which is the only one that networks can be made with
 * @param internal without a way out of this host
 * @param attachable said by users of Docker's clusters; every network here is
 * @param enableIpv4 false is refused: a network without IPv4
 * @param enableIpv6 true is refused: there is IPv4 only
 * @param ipamDriver empty or {@code default}
 * @param ipamOptions options of that driver, which knows none
 * @param pools at most one
 * @param options of the driver, such as {@code com.docker.network.driver.mtu}
 */
@Json
public record NetworkConfig(
        String name,
        String driver,
        boolean internal,
        boolean attachable,
        boolean enableIpv4,
        boolean enableIpv6,
        String ipamDriver,
        Map<String, String> ipamOptions,
        List<Pool> pools,
        Map<String, String> options,
        Map<String, String> labels) {
    /**
     * Addresses of a network.
     *
     * @param subnet in CIDR notation
     * @param range part of it that addresses are chosen from
     * @param gateway address of the host in it
     * @param auxiliary addresses that no container gets, by a name for them
     */
    @Json
    public record Pool(String subnet, String range, String gateway, Map<String, String> auxiliary) {}

    /** A bridge network with everything chosen by the engine. */
    public static NetworkConfig of(String name) {
        return new NetworkConfig(name, "", false, false, true, false, "", Map.of(), List.of(), Map.of(), Map.of());
    }
}

package kist.network;

import java.util.List;

/**
 * A network as it is shown.
 *
 * @param name {@code bridge}, {@code host} or {@code none}
 * @param id 64 hexadecimal digits, the same after a restart of the engine
 * @param driver {@code bridge}, {@code host} or {@code null}, as Docker names them
 * @param subnet such as {@code 172.29.0.0/16}; empty where the network has none
 * @param gateway such as {@code 172.29.0.1}; empty where the network has none
 * @param bridge name of the link on the host; empty where the network has none
 * @param containers identifiers of the containers that are in it, sorted; of {@code host} always empty, since a
 *     container there claims nothing
 */
public record NetworkInfo(
        String name, String id, String driver, String subnet, String gateway, String bridge, List<String> containers) {}

package kist.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Networks of {@code kist run} and {@code create}, and the container's addresses and names in them. */
final class EndpointFlags {
    private EndpointFlags() {}

    /** Puts NetworkMode into the host's configuration, links and endpoints where they belong. */
    static void put(Flags.Parsed flags, Map<String, Object> body, Map<String, Object> host) {
        var endpoints = new LinkedHashMap<String, Map<String, Object>>();
        for (var value : flags.all("network")) {
            add(flags, endpoints, value);
        }
        var first =
                endpoints.isEmpty() ? "default" : endpoints.keySet().iterator().next();
        boolean own = isOwn(first);
        host.put("NetworkMode", first);
        var endpoint = endpoints.computeIfAbsent(first, name -> new LinkedHashMap<>());
        for (var entry : ofFlags(flags, own).entrySet()) {
            if (endpoint.putIfAbsent(entry.getKey(), entry.getValue()) != null) {
                throw flags.wrong("conflicting options: " + entry.getKey()
                        + " is given both in --network and by a flag of its own");
            }
        }
        CreateFlags.putList(host, "Links", flags.all("link"));
        boolean said = endpoints.size() > 1;
        for (var one : endpoints.values()) {
            said |= !one.isEmpty();
        }
        if (said) {
            body.put("NetworkingConfig", Map.of("EndpointsConfig", endpoints));
        }
    }

    /** Whether a network is one that somebody made, where containers have names and addresses of their choice. */
    private static boolean isOwn(String network) {
        return !List.of("default", "bridge", "host", "none").contains(network) && !network.startsWith("container:");
    }

    private static Map<String, Object> ofFlags(Flags.Parsed flags, boolean own) {
        var endpoint = new LinkedHashMap<String, Object>();
        var addresses = new LinkedHashMap<String, Object>();
        CreateFlags.putText(addresses, "IPv4Address", flags, "ip");
        CreateFlags.putText(addresses, "IPv6Address", flags, "ip6");
        CreateFlags.putList(addresses, "LinkLocalIPs", flags.all("link-local-ip"));
        if (!addresses.isEmpty()) {
            endpoint.put("IPAMConfig", addresses);
        }
        CreateFlags.putList(endpoint, "Aliases", flags.all("network-alias"));
        CreateFlags.putText(endpoint, "MacAddress", flags, "mac-address");
        if (own) {
            CreateFlags.putList(endpoint, "Links", flags.all("link"));
        }
        return endpoint;
    }

    /** {@code NETWORK} or {@code name=NETWORK,alias=a,ip=10.0.0.2,driver-opt=k=v,...}. */
    private static void add(Flags.Parsed flags, Map<String, Map<String, Object>> endpoints, String value) {
        var name = value;
        var endpoint = new LinkedHashMap<String, Object>();
        int equals = value.indexOf('=');
        int comma = value.indexOf(',');
        if (equals > 0 || comma > 0) {
            name = "";
            var addresses = new LinkedHashMap<String, Object>();
            var aliases = new ArrayList<String>();
            var local = new ArrayList<String>();
            var options = new LinkedHashMap<String, Object>();
            for (var field : Csv.fields(value)) {
                int split = field.indexOf('=');
                if (split <= 0) {
                    throw flags.invalid("network", value, "invalid field " + field + "; name=value would be right");
                }
                var text = field.substring(split + 1);
                switch (field.substring(0, split)) {
                    case "name" -> name = text;
                    case "alias" -> aliases.add(text);
                    case "ip" -> addresses.put("IPv4Address", text);
                    case "ip6" -> addresses.put("IPv6Address", text);
                    case "link-local-ip" -> local.add(text);
                    case "mac-address" -> endpoint.put("MacAddress", text);
                    case "gw-priority" -> {
                        try {
                            endpoint.put("GwPriority", Long.parseLong(text));
                        } catch (NumberFormatException e) {
                            throw flags.invalid("network", value, "gw-priority is a whole number");
                        }
                    }
                    case "driver-opt" -> {
                        int option = text.indexOf('=');
                        if (option <= 0) {
                            throw flags.invalid("network", value, "driver-opt=NAME=VALUE would be right");
                        }
                        options.put(text.substring(0, option), text.substring(option + 1));
                    }
                    default -> throw flags.invalid("network", value, "invalid field " + field);
                }
            }
            if (name.isEmpty()) {
                throw flags.invalid("network", value, "network name/id is not specified");
            }
            CreateFlags.putList(addresses, "LinkLocalIPs", local);
            CreateFlags.putList(endpoint, "Aliases", aliases);
            if (!addresses.isEmpty()) {
                endpoint.put("IPAMConfig", addresses);
            }
            if (!options.isEmpty()) {
                endpoint.put("DriverOpts", options);
            }
        }
        if (endpoints.put(name, endpoint) != null) {
            throw flags.wrong("network \"" + name + "\" is specified multiple times");
        }
    }
}

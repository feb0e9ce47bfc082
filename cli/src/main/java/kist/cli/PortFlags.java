package kist.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Ports of {@code --publish} and {@code --expose}, in the API's form. */
final class PortFlags {
    private final Flags.Parsed flags;
    private final Map<String, Object> exposed = new TreeMap<>();
    private final Map<String, Object> bindings = new TreeMap<>();

    PortFlags(Flags.Parsed flags) {
        this.flags = flags;
        for (var value : flags.all("publish")) {
            if (value.indexOf('=') > 0) {
                longForm(value);
            } else {
                shortForm(value);
            }
        }
        for (var value : flags.all("expose")) {
            if (value.indexOf(':') >= 0) {
                throw flags.invalid("expose", value, "a port, a range and a protocol are known: 80, 80-90/udp");
            }
            var range = range("expose", value, withoutProtocol(value));
            for (int port = range.first(); port <= range.last(); port++) {
                exposed.put(port + "/" + protocol("expose", value), Map.of());
            }
        }
    }

    /** The container's ports, as keys. */
    Map<String, Object> exposed() {
        return exposed;
    }

    /** By the container's ports, lists of the host's addresses and ports. */
    Map<String, Object> bindings() {
        return bindings;
    }

    private record Range(int first, int last) {
        int size() {
            return last - first + 1;
        }
    }

    /** {@code [[address:][port or range]:]port or range[/protocol]}; an IPv6 address stands in brackets. */
    private void shortForm(String value) {
        var rest = withoutProtocol(value);
        int colon = rest.lastIndexOf(':');
        var inside = rest.substring(colon + 1);
        var address = "";
        var outside = "";
        if (colon >= 0) {
            rest = rest.substring(0, colon);
            int second = rest.lastIndexOf(':');
            if (second >= 0 && !rest.endsWith("]")) {
                address = rest.substring(0, second);
                outside = rest.substring(second + 1);
            } else {
                outside = rest;
            }
            if (address.startsWith("[") && address.endsWith("]")) {
                address = address.substring(1, address.length() - 1);
            } else if (address.indexOf(':') >= 0) {
                throw wrong(value, "an IPv6 address stands in brackets");
            }
        }
        if (inside.isEmpty()) {
            throw wrong(value, "no port specified: " + value);
        }
        add(value, address, outside, inside, protocol("publish", value));
    }

    private void add(String value, String address, String outside, String inside, String protocol) {
        var ports = range("publish", value, inside);
        var hosts = outside.isEmpty() ? new Range(0, -1) : range("publish", value, outside);
        // a range of the host for one port of the container: the engine takes one that is free
        boolean choice = ports.size() == 1 && hosts.size() > 1;
        if (!outside.isEmpty() && !choice && hosts.size() != ports.size()) {
            throw wrong(value, "the ranges of the host and of the container must be of the same length");
        }
        for (int i = 0; i < ports.size(); i++) {
            var key = (ports.first() + i) + "/" + protocol;
            var host = outside.isEmpty() ? "" : choice ? outside : Integer.toString(hosts.first() + i);
            exposed.put(key, Map.of());
            var all = new ArrayList<Object>();
            if (bindings.get(key) instanceof List<?> earlier) {
                all.addAll(earlier);
            }
            all.add(Map.of("HostIp", address, "HostPort", host));
            bindings.put(key, all);
        }
    }

    /** {@code target=80,published=8080,protocol=udp,mode=host}. */
    private void longForm(String value) {
        var target = "";
        var published = "";
        var protocol = "tcp";
        for (var field : Csv.fields(value)) {
            int equals = field.indexOf('=');
            var text = field.substring(equals + 1);
            switch (equals < 0 ? field : field.substring(0, equals)) {
                case "target" -> target = text;
                case "published" -> published = text;
                case "protocol" -> protocol = known("publish", value, text);
                case "mode" -> {
                    if (!text.equals("host") && !text.equals("ingress")) {
                        throw wrong(value, "mode is host or ingress");
                    }
                }
                default -> throw wrong(value, "unexpected field '" + field + "'");
            }
        }
        if (target.isEmpty()) {
            throw wrong(value, "the field target is required");
        }
        add(value, "", published, target, protocol);
    }

    private static String withoutProtocol(String value) {
        int slash = value.indexOf('/');
        return slash < 0 ? value : value.substring(0, slash);
    }

    private String protocol(String flag, String value) {
        int slash = value.indexOf('/');
        return slash < 0 ? "tcp" : known(flag, value, value.substring(slash + 1));
    }

    private String known(String flag, String value, String protocol) {
        var lower = protocol.toLowerCase(java.util.Locale.ROOT);
        if (!lower.equals("tcp") && !lower.equals("udp") && !lower.equals("sctp")) {
            throw flags.invalid(flag, value, "the protocol is tcp, udp or sctp");
        }
        return lower;
    }

    private Range range(String flag, String value, String text) {
        int dash = text.indexOf('-');
        try {
            int first = Integer.parseInt(dash < 0 ? text : text.substring(0, dash));
            int last = dash < 0 ? first : Integer.parseInt(text.substring(dash + 1));
            if (first < 0 || last > 65535 || first > last) {
                throw flags.invalid(flag, value, "invalid port range: " + text);
            }
            return new Range(first, last);
        } catch (NumberFormatException e) {
            throw flags.invalid(flag, value, "invalid port: " + text);
        }
    }

    private Failure wrong(String value, String why) {
        return flags.invalid("publish", value, why);
    }
}

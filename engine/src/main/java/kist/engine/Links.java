package kist.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import kist.network.Endpoint;

/** Links of old: what a container calls another, in its hosts file and its environment. */
final class Links {
    private Links() {}

    /** What {@code REF[:ALIAS]} says; inspect's form {@code /REF:/NAME/ALIAS} too. */
    record Link(String ref, String alias) {}

    static Link parse(String link) {
        int colon = link.indexOf(':');
        String ref = colon < 0 ? link : link.substring(0, colon);
        String alias = colon < 0 ? link : link.substring(colon + 1);
        ref = ref.startsWith("/") ? ref.substring(1) : ref;
        alias = alias.substring(alias.lastIndexOf('/') + 1);
        if (ref.isEmpty() || alias.isEmpty() || !alias.chars().allMatch(c -> c > ' ' && c < 127 && c != ':')) {
            throw Creation.invalid("bad format for links: " + Names.printable(link));
        }
        return new Link(ref, alias);
    }

    /** The other end of a link on the default bridge. */
    record Target(String alias, Container container, Endpoint endpoint) {}

    /** Whom the container is linked to; each must run. */
    static List<Target> targets(Container c, Registry registry, String bridgeId) {
        List<Target> targets = new ArrayList<>();
        for (String text : c.host().links()) {
            Link link = parse(text);
            Container other = registry.get(link.ref());
            Endpoint endpoint = other.places
                    .in(bridgeId)
                    .filter(e -> other.state.alive())
                    .orElseThrow(() -> Lifecycle.conflict("Cannot link to a non running container: /" + other.name()
                            + " AS /" + c.name() + "/" + link.alias()));
            targets.add(new Target(link.alias(), other, endpoint));
        }
        return targets;
    }

    /** Variables that name the other's ports and environment. */
    static List<String> environment(Container c, List<Target> targets) {
        List<String> all = new ArrayList<>();
        for (Target t : targets) {
            String prefix = t.alias().replace('-', '_').toUpperCase(Locale.ROOT);
            List<String> ports = new ArrayList<>(t.container().config().exposedPorts());
            ports.sort((a, b) -> Integer.compare(number(a), number(b)));
            for (int i = 0; i < ports.size(); i++) {
                String protocol = PortWishes.protocol(ports.get(i));
                int port = number(ports.get(i));
                String address = t.endpoint().address();
                String url = protocol + "://" + address + ":" + port;
                if (i == 0) {
                    all.add(prefix + "_PORT=" + url);
                }
                String name = prefix + "_PORT_" + port + "_" + protocol.toUpperCase(Locale.ROOT);
                all.add(name + "=" + url);
                all.add(name + "_ADDR=" + address);
                all.add(name + "_PORT=" + port);
                all.add(name + "_PROTO=" + protocol);
            }
            all.add(prefix + "_NAME=/" + c.name() + "/" + t.alias());
            for (String variable : t.container().config().environment()) {
                if (variable.indexOf('=') > 0 && !variable.startsWith("HOME=") && !variable.startsWith("PATH=")) {
                    all.add(prefix + "_ENV_" + variable);
                }
            }
        }
        return all;
    }

    private static int number(String port) {
        return PortWishes.parse(port).getFirst();
    }
}

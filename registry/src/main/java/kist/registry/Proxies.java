package kist.registry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The proxies that the environment names, as curl and Docker read it: HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
final class Proxies extends ProxySelector {
    private final Map<String, Proxy> proxies;
    private final List<String> direct;

    private Proxies(Map<String, Proxy> proxies, List<String> direct) {
        this.proxies = proxies;
        this.direct = direct;
    }

    static Proxies fromEnvironment(Map<String, String> environment) {
        Map<String, Proxy> proxies = new HashMap<>();
        for (String scheme : List.of("http", "https")) {
            proxy(either(environment, scheme + "_proxy")).ifPresent(p -> proxies.put(scheme, p));
        }
        return new Proxies(
                Map.copyOf(proxies),
                List.of(either(environment, "no_proxy").toLowerCase(Locale.ROOT).split("[, ]+")));
    }

    private static String either(Map<String, String> environment, String name) {
        return environment.getOrDefault(name.toUpperCase(Locale.ROOT), environment.getOrDefault(name, ""));
    }

    private static Optional<Proxy> proxy(String text) {
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            URI uri = URI.create(text.contains("://") ? text : "http://" + text);
            if (uri.getHost() == null) {
                throw new IllegalArgumentException("it names no host");
            }
            int port = uri.getPort() < 0 ? 80 : uri.getPort();
            return Optional.of(new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(uri.getHost(), port)));
        } catch (IllegalArgumentException e) {
            throw new RegistryException(
                    RegistryException.Kind.INVALID,
                    "the environment's proxy cannot be read: " + e.getMessage() + "; say http://HOST:PORT",
                    e);
        }
    }

    @Override
    public List<Proxy> select(URI uri) {
        String host = String.valueOf(uri.getHost()).toLowerCase(Locale.ROOT);
        Proxy proxy = proxies.get(uri.getScheme());
        return List.of(proxy == null || Hosts.isLoopback(host) || isDirect(host) ? Proxy.NO_PROXY : proxy);
    }

    private boolean isDirect(String host) {
        for (String entry : direct) {
            String name = entry.startsWith("*.") ? entry.substring(1) : entry;
            boolean below = name.startsWith(".") ? host.endsWith(name) : host.endsWith("." + name);
            if (entry.equals("*") || !name.isEmpty() && (host.equals(name) || below)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException failure) {
        // the request fails with it
    }
}

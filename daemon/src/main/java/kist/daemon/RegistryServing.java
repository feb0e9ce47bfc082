package kist.daemon;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import kist.distribution.Anonymous;
import kist.distribution.DistributionDoor;
import kist.distribution.DistributionOptions;
import kist.engine.Engine;
import kist.engine.ImageRequest;
import kist.engine.RegistryDoor;
import kist.http.Tls;

/** Opens the registry's door when the engine is asked to serve one. */
final class RegistryServing implements RegistryDoor {
    private static final System.Logger LOG = System.getLogger("kist.daemon");

    @Override
    public ImageRequest.Served open(ImageRequest.RegistryService service, Engine engine) throws IOException {
        DistributionDoor door = DistributionDoor.open(
                new DistributionOptions(
                        listen(service.listen()),
                        service.certificates().flatMap(c -> service.key().map(k -> new Tls(c, k))),
                        service.htpasswd(),
                        anonymous(service.anonymous()),
                        service.images()),
                engine);
        String scheme = service.certificates().isPresent() ? "https://" : "http://";
        return new ImageRequest.Served() {
            @Override
            public String address() {
                InetSocketAddress at = door.address();
                String host = at.getAddress().getHostAddress();
                return scheme + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + at.getPort();
            }

            @Override
            public void close() {
                try {
                    door.close();
                } catch (IOException e) {
                    LOG.log(System.Logger.Level.WARNING, "cannot close the registry's door", e);
                }
            }
        };
    }

    /** {@code HOST:PORT}, {@code [IPV6]:PORT}, or {@code :PORT} for every address. */
    static InetSocketAddress listen(String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? "" : text.substring(0, colon);
        int port;
        try {
            port = colon < 0 ? -1 : Integer.parseInt(text.substring(colon + 1));
        } catch (NumberFormatException e) {
            port = -1;
        }
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException(
                    "the address \"" + text + "\" is not of the form HOST:PORT, such as 127.0.0.1:5000");
        }
        if (host.isEmpty()) {
            return new InetSocketAddress(port);
        }
        try {
            return new InetSocketAddress(InetAddress.getByName(host), port);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("the host of the address \"" + text + "\" is not known", e);
        }
    }

    private static Anonymous anonymous(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "" -> Anonymous.DEFAULT;
            case "none" -> Anonymous.NONE;
            case "read" -> Anonymous.READ;
            case "write" -> Anonymous.WRITE;
            default ->
                throw new IllegalArgumentException(
                        "what those without a password may do is none, read or write, not \"" + text + "\"");
        };
    }
}

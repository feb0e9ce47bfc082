package kist.distribution;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import kist.engine.Caller;
import kist.engine.Engine;
import kist.engine.EngineException;
import kist.http.Exchange;
import kist.http.Handler;
import kist.http.HttpException;
import kist.http.HttpServer;
import kist.http.Limits;
import kist.http.Peer;
import kist.registry.RepositoryException;

/**
 * The OCI distribution door (specification 1.1): translates what registry clients say to typed requests of the engine and back,
 * streams blobs between socket and store, and holds no state. Thread-safe.
 */
public final class DistributionDoor implements AutoCloseable {
    private static final Map<String, String> HEADERS =
            Map.of("Docker-Distribution-Api-Version", "registry/2.0", "X-Content-Type-Options", "nosniff");

    private final Engine engine;
    private final Access access;
    private final Load load = new Load();
    private final boolean images;
    private final HttpServer server;

    private DistributionDoor(DistributionOptions options, Engine engine) throws IOException {
        this.engine = engine;
        this.access = new Access(options);
        this.images = options.images();
        Handler handler = new Handler() {
            @Override
            public void handle(Exchange exchange) throws IOException, InterruptedException {
                answer(exchange);
            }
        };
        this.server = HttpServer.listen(options.listen(), options.tls(), HEADERS, Limits.NETWORK, handler);
        if (options.htpasswd().isPresent()
                && options.tls().isEmpty()
                && !server.address().getAddress().isLoopbackAddress()) {
            System.getLogger("kist.distribution")
                    .log(
                            System.Logger.Level.WARNING,
                            "passwords for the registry at {0} cross the network in the clear, as it has no TLS",
                            server.address());
        }
    }

    /**
     * Opens the door; it answers when this returns.
     *
     * @throws IOException if the address cannot be listened on, or a certificate, key or password file cannot be used
     * @throws IllegalArgumentException if the options would open the registry to everybody without saying so, or to nobody
     */
    public static DistributionDoor open(DistributionOptions options, Engine engine) throws IOException {
        return new DistributionDoor(options, engine);
    }

    /** Where it listens, with the port that was taken. */
    public InetSocketAddress address() {
        return server.address();
    }

    /** Closes the door: at once for idle clients, after a second for those that are being served. */
    @Override
    public void close() throws IOException {
        server.close();
    }

    private void answer(Exchange exchange) throws IOException, InterruptedException {
        try {
            route(exchange);
        } catch (RepositoryException e) {
            fail(exchange, e.code().status(), e.code().name(), String.valueOf(e.getMessage()));
        } catch (Refused e) {
            if (e.status() == 401) {
                exchange.header("WWW-Authenticate", "Basic realm=\"Kist registry\", charset=\"UTF-8\"");
            }
            fail(exchange, e.status(), e.code(), String.valueOf(e.getMessage()));
        } catch (EngineException e) {
            fail(exchange, e);
        } catch (HttpException e) {
            fail(exchange, e.status(), "UNSUPPORTED", String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            System.getLogger("kist.distribution")
                    .log(
                            System.Logger.Level.ERROR,
                            "no answer to " + exchange.request().target(),
                            e);
            fail(exchange, 500, "UNKNOWN", "internal error");
        }
    }

    private static void fail(Exchange exchange, EngineException e) throws IOException {
        switch (e.kind()) {
            case PERMISSION_DENIED -> fail(exchange, 403, "DENIED", String.valueOf(e.getMessage()));
            case UNAUTHENTICATED -> fail(exchange, 401, "UNAUTHORIZED", String.valueOf(e.getMessage()));
            case UNAVAILABLE -> fail(exchange, 503, "UNAVAILABLE", String.valueOf(e.getMessage()));
            case EXHAUSTED -> fail(exchange, 507, "NO_SPACE", String.valueOf(e.getMessage()));
            default -> {
                System.getLogger("kist.distribution")
                        .log(System.Logger.Level.ERROR, exchange.request().target(), e);
                fail(exchange, 500, "UNKNOWN", String.valueOf(e.getMessage()));
            }
        }
    }

    private static void fail(Exchange exchange, int status, String code, String message) throws IOException {
        if (exchange.responded()) {
            throw new IOException("failed in the middle of an answer: " + message);
        }
        byte[] json = Call.bytes(Map.of("errors", List.of(Map.of("code", code, "message", message))));
        exchange.send(status, "application/json; charset=utf-8", json);
    }

    private void route(Exchange exchange) throws IOException, InterruptedException {
        if (!exchange.request().header("origin").isEmpty()) {
            // no client of a registry sends it; a web page that speaks to a port of its reader's machine does
            throw new Refused(403, "DENIED", "requests of web pages are not answered");
        }
        String user = access.admit(exchange.request());
        Peer peer = exchange.peer();
        Caller caller = new Caller("registry", peer.uid(), peer.gid(), peer.pid(), user + "@" + peer.address());
        Call call = new Call(
                engine, load, exchange, caller, Target.of(exchange.request().segments()), images);
        switch (call.target().kind()) {
            case BASE -> base(call);
            case CATALOG -> Lists.catalog(call);
            case TAGS -> Lists.tags(call);
            case REFERRERS -> Lists.referrers(call);
            case MANIFEST -> Manifests.route(call);
            case BLOB -> Blobs.route(call);
            case UPLOADS -> Uploads.collection(call);
            case UPLOAD -> Uploads.route(call);
            case NONE -> throw new Refused(404, "NOT_FOUND", "this registry has no such path");
        }
    }

    private static void base(Call call) throws IOException {
        if (!call.method().equals("GET") && !call.method().equals("HEAD")) {
            throw call.notAllowed("GET, HEAD");
        }
        call.answer(200, Map.of());
    }
}

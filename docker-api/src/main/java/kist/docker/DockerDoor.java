package kist.docker;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import kist.engine.Engine;
import kist.engine.EngineException;
import kist.http.Exchange;
import kist.http.Handler;
import kist.http.HttpException;
import kist.http.HttpServer;
import kist.http.Peer;

/**
 * The Docker Engine API, translated to {@link Engine#call} and back. Holds no state. Thread-safe.
 *
 * <p>Every version from 1.24 on is spoken to; the version in the path only chooses between forms of an answer.
 */
public final class DockerDoor implements Handler {
    /** The version of Docker that came with {@link #API_VERSION}: clients ask for it before they trust an engine. */
    private static final String DOCKER_VERSION = "28.3.0";

    /** The newest API version whose forms are known. */
    public static final String API_VERSION = "1.51";

    /** The oldest API version that clients are told of. */
    public static final String MIN_API_VERSION = "1.24";

    private static final byte[] OK = "OK".getBytes(StandardCharsets.US_ASCII);
    private static final int NEWEST_MINOR = 51;
    /** First parts of paths that are Docker's and not yet this door's. */
    private static final Set<String> LATER =
            Set.of("build", "configs", "grpc", "nodes", "plugins", "secrets", "services", "session", "swarm", "tasks");

    private final Engine engine;

    /** Makes a door to this engine. */
    public DockerDoor(Engine engine) {
        this.engine = engine;
    }

    /**
     * Opens the door on a Unix socket.
     *
     * @param socket where no file is yet, in a directory of mode 0700 or 0711
     * @param version of Kist, for the Server field of answers
     * @param peers finds out who is at the other end of a connection
     * @return the server; closing it closes the door and removes the file
     * @throws IOException if the socket cannot be made
     */
    public static HttpServer open(Path socket, Engine engine, String version, Function<SocketChannel, Peer> peers)
            throws IOException {
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("Api-Version", API_VERSION);
        headers.put("Docker-Experimental", "false");
        headers.put("Ostype", "linux");
        headers.put("Server", "Kist/" + version + " (linux)");
        return HttpServer.listen(socket, headers, peers, new DockerDoor(engine));
    }

    @Override
    public void handle(Exchange exchange) throws IOException, InterruptedException {
        try {
            if (!route(exchange)) {
                fail(exchange, 404, "page not found");
            }
        } catch (EngineException e) {
            if (e.kind() == EngineException.Kind.INTERNAL) {
                System.getLogger("kist.docker")
                        .log(System.Logger.Level.ERROR, exchange.request().target(), e);
            }
            fail(exchange, Errors.status(e.kind()), Errors.message(e));
        } catch (HttpException e) {
            fail(exchange, e.status(), String.valueOf(e.getMessage()));
        }
    }

    private static void fail(Exchange exchange, int status, String message) throws IOException {
        if (exchange.responded()) {
            throw new IOException("failed in the middle of an answer: " + message);
        }
        exchange.send(status, "application/json", Json.bytes(Json.object("message", message)));
    }

    private boolean route(Exchange exchange) throws IOException, InterruptedException {
        List<String> path = exchange.request().segments();
        int minor = minor(path.getFirst());
        if (minor >= 0) {
            path = path.subList(1, path.size());
        }
        if (path.isEmpty()) {
            return false;
        }
        if (exchange.request().method().equals("OPTIONS")) {
            // as dockerd does for every path; nothing in it allows a web page of another origin anything
            exchange.send(200);
            return true;
        }
        String first = path.getFirst();
        if (first.equals("_ping") && path.size() == 1) {
            return ping(exchange);
        }
        Call call = new Call(engine, exchange, path, minor < 0 ? NEWEST_MINOR : minor);
        switch (first) {
            case "containers":
                return ContainerRoutes.route(call);
            case "exec":
                return ExecRoutes.route(call);
            case "images":
                return ImageRoutes.route(call);
            case "networks":
                return NetworkRoutes.route(call);
            case "volumes":
                return VolumeRoutes.route(call);
            case "kist":
                return KistRoutes.route(call);
            case "auth":
            case "commit":
                return path.size() == 1 && call.is("POST") && registryOrCommit(call, first);
            case "distribution":
                if (path.size() < 3 || !call.is("GET") || !path.getLast().equals("json")) {
                    return false;
                }
                TransferRoutes.distribution(call, Names.familiar(call.parts(1, path.size() - 1)));
                return true;
            case "system":
                if (path.size() != 2 || !call.is("GET") || !path.get(1).equals("df")) {
                    return false;
                }
                DiskRoutes.df(call);
                return true;
            case "version":
            case "info":
            case "events":
                return path.size() == 1 && call.is("GET") && system(call, first);
            default:
                if (LATER.contains(first)) {
                    throw Errors.unsupported(exchange.request().method() + " /" + String.join("/", path));
                }
                return false;
        }
    }

    private static boolean system(Call call, String what) throws IOException, InterruptedException {
        switch (what) {
            case "version" -> SystemRoutes.version(call);
            case "info" -> InfoRoutes.info(call);
            default -> SystemRoutes.events(call);
        }
        return true;
    }

    private static boolean registryOrCommit(Call call, String what) throws IOException, InterruptedException {
        if (what.equals("auth")) {
            TransferRoutes.auth(call);
        } else {
            ArchiveRoutes.commit(call);
        }
        return true;
    }

    private static boolean ping(Exchange exchange) throws IOException {
        String method = exchange.request().method();
        if (!method.equals("GET") && !method.equals("HEAD")) {
            return false;
        }
        exchange.header("Builder-Version", "1");
        exchange.header("Swarm", "inactive");
        exchange.header("Cache-Control", "no-cache, no-store, must-revalidate");
        exchange.header("Pragma", "no-cache");
        exchange.send(200, "text/plain; charset=utf-8", OK);
        return true;
    }

    /** The minor number of a part such as {@code v1.41}, or -1 where it is no version. */
    private static int minor(String part) {
        int dot = part.indexOf('.');
        if (part.length() > 10 || dot < 2 || part.charAt(0) != 'v' || dot == part.length() - 1) {
            return -1;
        }
        int minor = 0;
        for (int i = 1; i < part.length(); i++) {
            char c = part.charAt(i);
            if (i != dot && (c < '0' || c > '9')) {
                return -1;
            }
            minor = i <= dot ? 0 : minor * 10 + (c - '0');
        }
        // from version 2 on, if it ever comes, everything is newer
        return part.startsWith("v1.") ? minor : NEWEST_MINOR;
    }

    /** What {@code version} and {@code info} call the engine: Docker's version with Kist's behind it. */
    static String serverVersion(String kist) {
        return DOCKER_VERSION + "+kist." + kist;
    }
}

package kist.distribution;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import kist.engine.Caller;
import kist.engine.Engine;
import kist.engine.HostedRequest;
import kist.engine.Hosting;
import kist.engine.Request;
import kist.http.Tls;
import kist.image.ImageStore;
import kist.kernel.Linux;

/** The door over the hosting part of an engine and a store in a temporary directory. */
final class Served implements AutoCloseable {
    final Path directory;
    final ImageStore store;
    final DistributionDoor door;
    final List<String> asked = new CopyOnWriteArrayList<>();
    private final Hosting hosting;
    private final boolean temporary;

    private final class HostingEngine implements Engine {
        @Override
        public <R> R call(Caller caller, Request<R> request) {
            asked.add(caller.door() + " " + caller.remote().replaceAll(":\\d+$", "") + " "
                    + request.getClass().getSimpleName() + " " + request.object());
            return hosting.call((HostedRequest<R>) request);
        }

        @Override
        public String storageDriver() {
            return "overlay";
        }

        @Override
        public void close() {}
    }

    Served() throws IOException {
        this(Files.createTempDirectory("kist-registry"), true, DistributionOptions.LOCAL);
    }

    Served(Path directory, boolean temporary, DistributionOptions options) throws IOException {
        this.directory = directory;
        this.temporary = temporary;
        this.store = ImageStore.open(directory.resolve("images"), Linux.system());
        this.hosting = new Hosting(store, directory.resolve("registry"));
        this.door = DistributionDoor.open(options, new HostingEngine());
    }

    static DistributionOptions options(Optional<Tls> tls, Optional<Path> htpasswd, Anonymous anonymous) {
        return new DistributionOptions(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), tls, htpasswd, anonymous, false);
    }

    String address() {
        return "127.0.0.1:" + door.address().getPort();
    }

    @Override
    public void close() throws IOException {
        door.close();
        hosting.close();
        store.close();
        if (temporary) {
            delete(directory);
        }
    }

    static void delete(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Serves a directory on an address until the input ends: {@code DIRECTORY PORT [CERTIFICATE KEY [HTPASSWD]]}. */
    public static void main(String[] arguments) throws IOException {
        Optional<Tls> tls = arguments.length > 3
                ? Optional.of(new Tls(Path.of(arguments[2]), Path.of(arguments[3])))
                : Optional.empty();
        Optional<Path> htpasswd = arguments.length > 4 ? Optional.of(Path.of(arguments[4])) : Optional.empty();
        DistributionOptions options = new DistributionOptions(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[1])),
                tls,
                htpasswd,
                Anonymous.DEFAULT,
                false);
        try (Served served = new Served(Path.of(arguments[0]), false, options)) {
            System.out.println(served.address());
            while (System.in.read() >= 0) {
                // until whoever started it goes
            }
        }
    }
}

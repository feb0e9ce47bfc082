package kist.docker;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import kist.engine.ImageRequest;
import kist.http.ResponseStream;

/** {@code /kist/...}: what Docker's API has no word for. */
final class KistRoutes {
    private KistRoutes() {}

    static boolean route(Call call) throws IOException, InterruptedException {
        if (call.parts() != 3) {
            return false;
        }
        switch (call.request().method() + " " + call.part(1) + "/" + call.part(2)) {
            case "GET images/diff" -> ArchiveRoutes.diff(call);
            case "GET images/manifest" -> TransferRoutes.manifest(call);
            case "POST registry/serve" -> serve(call);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Serves a registry for as long as the client stays. */
    private static void serve(Call call) throws IOException, InterruptedException {
        Fields body = call.body("");
        ImageRequest.RegistryService service = new ImageRequest.RegistryService(
                body.string("Listen"),
                path(body, "TLSCertificate"),
                path(body, "TLSKey"),
                path(body, "Htpasswd"),
                body.string("Anonymous"),
                body.bool("Images"));
        body.end();
        CountDownLatch gone = new CountDownLatch(1);
        try (ImageRequest.Served served = call.ask(new ImageRequest.ServeRegistry(service))) {
            call.exchange().onClientGone(gone::countDown);
            ResponseStream out = call.exchange().stream(200, "application/json");
            out.write(Json.bytes(Json.object("Address", served.address())));
            out.write('\n');
            out.flush();
            gone.await();
        }
    }

    private static Optional<Path> path(Fields body, String field) {
        String text = body.string(field);
        if (text.isEmpty()) {
            return Optional.empty();
        }
        if (!text.startsWith("/") || text.indexOf('\0') >= 0) {
            throw Errors.invalid(field + " is not an absolute path: " + text.replace('\0', '?'));
        }
        return Optional.of(Path.of(text));
    }
}

package kist.distribution;

import java.io.IOException;
import java.util.Optional;
import kist.engine.HostedRequest;
import kist.http.HttpException;
import kist.image.Manifest;
import kist.registry.Put;
import kist.registry.StoredManifest;

/** Manifests: end-3, end-7 and end-9 of the OCI distribution spec. */
final class Manifests {
    private Manifests() {}

    static void route(Call call) throws IOException, InterruptedException {
        switch (call.method()) {
            case "GET", "HEAD" -> get(call);
            case "PUT" -> put(call);
            case "DELETE" -> delete(call);
            default -> throw call.notAllowed("GET, HEAD, PUT, DELETE");
        }
    }

    private static void get(Call call) throws IOException, InterruptedException {
        Optional<StoredManifest> found =
                call.ask(new HostedRequest.ReadManifest(call.name(), call.reference(), call.images()));
        StoredManifest manifest = found.orElseThrow(() -> unknown(call));
        call.header("Docker-Content-Digest", manifest.digest());
        call.header("ETag", "\"" + manifest.digest() + "\"");
        if (Blobs.hasAlready(call, manifest.digest())) {
            call.answer(304);
            return;
        }
        call.exchange().send(200, manifest.mediaType(), manifest.content());
    }

    private static void put(Call call) throws IOException, InterruptedException {
        try (Load.Permit permit = call.load().manifest(call.request().header("content-length"))) {
            store(call);
        }
    }

    private static void store(Call call) throws IOException, InterruptedException {
        byte[] content;
        try {
            content = call.exchange().readBody(Manifest.MAXIMUM_SIZE);
        } catch (HttpException e) {
            if (e.status() == 413) {
                throw new Refused(
                        413, "MANIFEST_INVALID", "the manifest has more than " + Manifest.MAXIMUM_SIZE + " bytes");
            }
            throw e;
        }
        String type = call.request().header("content-type");
        int semicolon = type.indexOf(';');
        Put put = call.ask(new HostedRequest.PutManifest(
                call.name(),
                call.reference(),
                (semicolon < 0 ? type : type.substring(0, semicolon)).strip(),
                content,
                call.images()));
        call.header("Location", call.location("manifests", put.digest()));
        call.header("Docker-Content-Digest", put.digest());
        put.subject().ifPresent(subject -> call.header("OCI-Subject", subject));
        call.answer(201);
    }

    private static void delete(Call call) throws IOException, InterruptedException {
        if (!call.ask(new HostedRequest.DeleteManifest(call.name(), call.reference()))) {
            throw unknown(call);
        }
        call.answer(202);
    }

    private static Refused unknown(Call call) {
        return new Refused(
                404, "MANIFEST_UNKNOWN", "the repository " + call.name() + " has no manifest " + call.reference());
    }
}

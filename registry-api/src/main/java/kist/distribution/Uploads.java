package kist.distribution;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kist.engine.HostedRequest;
import kist.registry.RepositoryException;

/** Blobs on their way in: end-4, end-5, end-6, end-11 and end-13 of the OCI distribution spec. */
final class Uploads {
    /** Unlike in HTTP there is no unit and no total length. */
    private static final Pattern CHUNK = Pattern.compile("(?:bytes[ =])?(\\d{1,18})-(\\d{1,18})");

    private static final long ANYWHERE = -1;

    private Uploads() {}

    /** The uploads of a repository: begins one, or does without. */
    static void collection(Call call) throws IOException, InterruptedException {
        if (!call.method().equals("POST")) {
            throw call.notAllowed("POST");
        }
        String mount = call.request().parameter("mount");
        if (!mount.isEmpty()
                && call.ask(new HostedRequest.MountBlob(
                        call.name(), mount, call.request().parameter("from")))) {
            created(call, mount);
            return;
        }
        String upload = call.ask(new HostedRequest.BeginUpload(call.name()));
        if (call.request().hasParameter("digest")) {
            boolean done = false;
            try {
                append(call, upload, ANYWHERE);
                finish(call, upload);
                done = true;
            } finally {
                if (!done) {
                    cancel(call, upload);
                }
            }
            return;
        }
        progress(call, upload, 0, 202);
    }

    /** What was begun for this request alone is not left behind; the failure that led here is what the client learns. */
    private static void cancel(Call call, String upload) throws InterruptedException {
        try {
            call.ask(new HostedRequest.CancelUpload(call.name(), upload));
        } catch (RepositoryException e) {
            // ended with the failure already
        }
    }

    /** One upload. */
    static void route(Call call) throws IOException, InterruptedException {
        String upload = call.reference();
        switch (call.method()) {
            case "GET", "HEAD" ->
                progress(call, upload, call.ask(new HostedRequest.InspectUpload(call.name(), upload)), 204);
            case "PATCH" -> progress(call, upload, append(call, upload, start(call, upload)), 202);
            case "PUT" -> {
                if (!call.request().hasParameter("digest")) {
                    throw new Refused(400, "DIGEST_INVALID", "the parameter digest is missing");
                }
                long from = start(call, upload);
                if (hasBody(call)) {
                    append(call, upload, from);
                }
                finish(call, upload);
            }
            case "DELETE" -> {
                call.ask(new HostedRequest.CancelUpload(call.name(), upload));
                call.answer(204);
            }
            default -> throw call.notAllowed("GET, PATCH, PUT, DELETE");
        }
    }

    /** Where a chunk says that it begins; -1 where it does not say. */
    private static long start(Call call, String upload) throws InterruptedException {
        String field = call.request().header("content-range");
        if (field.isEmpty()) {
            return ANYWHERE;
        }
        Matcher chunk = CHUNK.matcher(field);
        long start = chunk.matches() ? Long.parseLong(chunk.group(1)) : 0;
        long length = chunk.matches() ? Long.parseLong(chunk.group(2)) - start + 1 : 0;
        String said = call.request().header("content-length");
        if (length < 1 || !said.isEmpty() && !said.equals(Long.toString(length))) {
            throw new Refused(
                    400,
                    chunk.matches() ? "SIZE_INVALID" : "RANGE_INVALID",
                    "Content-Range must be START-END, and Content-Length the bytes that this makes");
        }
        long arrived = call.ask(new HostedRequest.InspectUpload(call.name(), upload));
        if (arrived != start) {
            // what the client needs to know to go on
            place(call, upload, arrived);
            throw new Refused(
                    416, "RANGE_INVALID", "the chunk begins at " + start + ", but " + arrived + " bytes have arrived");
        }
        return start;
    }

    private static boolean hasBody(Call call) {
        String length = call.request().header("content-length");
        return !length.isEmpty() && !length.equals("0")
                || !call.request().header("transfer-encoding").isEmpty();
    }

    private static long append(Call call, String upload, long from) throws IOException, InterruptedException {
        try (Load.Permit permit = call.load().upload()) {
            return call.ask(new HostedRequest.AppendUpload(
                    call.name(), upload, from, call.exchange().body()));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static void finish(Call call, String upload) throws IOException, InterruptedException {
        String digest = call.request().parameter("digest");
        call.ask(new HostedRequest.FinishUpload(call.name(), upload, digest));
        created(call, digest);
    }

    private static void created(Call call, String digest) throws IOException {
        call.header("Location", call.location("blobs", digest));
        call.header("Docker-Content-Digest", digest);
        call.answer(201);
    }

    private static void progress(Call call, String upload, long arrived, int status) throws IOException {
        place(call, upload, arrived);
        call.answer(status);
    }

    private static void place(Call call, String upload, long arrived) {
        call.header("Location", call.location("blobs/uploads", upload));
        // the last byte's offset; nothing at all is written 0-0 too
        call.header("Range", "0-" + Math.max(0, arrived - 1));
        call.header("Docker-Upload-UUID", upload);
    }
}

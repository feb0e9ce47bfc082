package kist.distribution;

import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.util.Optional;
import kist.engine.HostedRequest;
import kist.http.ByteRange;
import kist.http.HttpException;

/** Blobs: end-2 and end-10 of the OCI distribution spec. */
final class Blobs {
    private static final String TYPE = "application/octet-stream";

    private Blobs() {}

    static void route(Call call) throws IOException, InterruptedException {
        switch (call.method()) {
            case "GET", "HEAD" -> get(call);
            case "DELETE" -> delete(call);
            default -> throw call.notAllowed("GET, HEAD, DELETE");
        }
    }

    private static void get(Call call) throws IOException, InterruptedException {
        String digest = call.reference();
        Optional<HostedRequest.OpenedBlob> found =
                call.ask(new HostedRequest.OpenBlob(call.name(), digest, call.images()));
        HostedRequest.OpenedBlob blob = found.orElseThrow(() -> unknown(call));
        try (SeekableByteChannel channel = blob.channel()) {
            call.header("Docker-Content-Digest", digest);
            call.header("ETag", "\"" + digest + "\"");
            call.header("Accept-Ranges", "bytes");
            call.header("Cache-Control", "max-age=31536000");
            if (hasAlready(call, digest)) {
                call.answer(304);
                return;
            }
            Optional<ByteRange> range = range(call, digest, blob.size());
            if (range.isPresent()) {
                ByteRange part = range.get();
                call.header("Content-Range", part.contentRange(blob.size()));
                call.exchange().send(206, TYPE, channel, part.offset(), part.length());
            } else {
                call.exchange().send(200, TYPE, channel, 0, blob.size());
            }
        }
    }

    private static Optional<ByteRange> range(Call call, String digest, long size) {
        String condition = call.request().header("if-range");
        if (!condition.isEmpty() && !condition.equals("\"" + digest + "\"")) {
            return Optional.empty();
        }
        try {
            return ByteRange.of(call.request().header("range"), size);
        } catch (HttpException e) {
            call.header("Content-Range", "bytes */" + size);
            throw new Refused(416, "RANGE_INVALID", String.valueOf(e.getMessage()));
        }
    }

    /** Whether the client says that it has this content (RFC 9110 section 13.1.2). */
    static boolean hasAlready(Call call, String digest) {
        String field = call.request().header("if-none-match");
        return field.equals("*") || field.contains("\"" + digest + "\"");
    }

    private static void delete(Call call) throws IOException, InterruptedException {
        if (!call.ask(new HostedRequest.DeleteBlob(call.name(), call.reference()))) {
            throw unknown(call);
        }
        call.answer(202);
    }

    private static Refused unknown(Call call) {
        return new Refused(
                404, "BLOB_UNKNOWN", "the repository " + call.name() + " does not have the blob " + call.reference());
    }
}

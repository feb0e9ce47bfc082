package kist.registry;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import kist.image.Content;
import kist.image.Descriptor;
import kist.image.Text;

/**
 * Brings one blob to a repository (OCI distribution spec, pushing blobs): asks whether it is there, mounts it from a repository
 * that has it, or uploads it, in one piece where the registry takes that; after a fault it goes on where the registry is.
 */
final class BlobUpload {
    private static final int CHUNK = 16 << 20;
    private static final int TOO_LARGE = 413;

    private final RemoteRepository repository;
    private final Content content;
    private final Descriptor blob;
    private final LongConsumer progress;

    /** How the blob came to be there. */
    enum Outcome {
        EXISTED,
        MOUNTED,
        UPLOADED
    }

    /** @param progress bytes that the registry was sent */
    BlobUpload(RemoteRepository repository, Content content, Descriptor blob, LongConsumer progress) {
        this.repository = repository;
        this.content = content;
        this.blob = blob;
        this.progress = progress;
    }

    private Client client() {
        return repository.client();
    }

    /** Whether the repository has the blob. */
    boolean exists() throws InterruptedException {
        Ask ask = Ask.of("HEAD", client().uri(repository.path() + "/blobs/" + blob.digest()));
        try (Answer answer = client().send(ask, repository.scopes())) {
            return answer.ok();
        }
    }

    /**
     * Uploads or mounts.
     *
     * @param from repository that may have it; empty for none
     */
    Outcome run(Optional<String> from) throws InterruptedException {
        Optional<URI> session = begin(from);
        if (session.isEmpty()) {
            return Outcome.MOUNTED;
        }
        int failures = 0;
        boolean chunked = false;
        URI location = session.get();
        long offset = 0;
        while (true) {
            try {
                int status = chunked ? chunks(location, offset) : whole(location, offset);
                if (status != TOO_LARGE || chunked) {
                    return Outcome.UPLOADED;
                }
                chunked = true;
            } catch (RegistryException e) {
                boolean passing = e.kind() == RegistryException.Kind.UNAVAILABLE;
                if (!passing || ++failures >= client().pace().attempts()) {
                    throw e;
                }
                client().pace().pause(failures);
            }
            Optional<State> state = state(location);
            if (state.isPresent()) {
                location = state.get().location;
                offset = state.get().offset;
            } else {
                location = begin(Optional.empty()).orElseThrow();
                offset = 0;
            }
            // a session that has begun takes chunks only
            chunked |= offset > 0;
        }
    }

    /** Begins a session; empty if the blob could be mounted. */
    private Optional<URI> begin(Optional<String> from) throws InterruptedException {
        String query = from.map(f -> "?mount=" + blob.digest() + "&from=" + f).orElse("");
        Ask ask = Ask.of("POST", client().uri(repository.path() + "/blobs/uploads/" + query))
                .sending(Body.EMPTY, true);
        List<String> scopes = new ArrayList<>(repository.scopes());
        from.ifPresent(f -> scopes.add("repository:" + f + ":pull"));
        try (Answer answer = client().send(ask, scopes)) {
            if (answer.status() == 201 && from.isPresent()) {
                return Optional.empty();
            }
            repository.check(answer, "upload of " + blob.digest());
            return Optional.of(location(answer));
        }
    }

    private static URI location(Answer answer) {
        return Courier.resolve(answer.uri(), answer.header("Location"));
    }

    private record State(URI location, long offset) {}

    /** How far a session is; empty if the registry does not know it any more. */
    private Optional<State> state(URI session) throws InterruptedException {
        try (Answer answer = client().send(Ask.get(session), repository.scopes())) {
            if (!answer.ok()) {
                return Optional.empty();
            }
            URI next = answer.header("Location").isEmpty() ? session : location(answer);
            return Optional.of(new State(next, received(answer)));
        }
    }

    /** {@code Range: 0-LAST}; nothing, or "0-0" of old registries for nothing, is 0 bytes or as good as. */
    private long received(Answer answer) {
        String range = answer.header("Range").strip();
        if (!range.matches("(bytes=)?0-[0-9]{1,18}")) {
            return 0;
        }
        long last = Long.parseLong(range.substring(range.indexOf('-') + 1));
        if (last >= blob.size()) {
            throw RegistryException.invalid(answer.uri().getAuthority() + " says it has got " + Text.quote(range)
                    + " of a blob of " + blob.size() + " bytes");
        }
        return last == 0 ? 0 : last + 1;
    }

    private static URI withDigest(URI session, String digest) {
        String separator = session.getRawQuery() == null ? "?" : "&";
        return URI.create(session + separator + "digest=" + digest);
    }

    /** One PUT with all bytes. */
    private int whole(URI session, long offset) throws InterruptedException {
        Ask ask = Ask.of("PUT", withDigest(session, blob.digest())).sending(body(offset, blob.size() - offset), false);
        try (Answer answer = client().send(ask, repository.scopes(), 1)) {
            if (answer.status() == TOO_LARGE) {
                return TOO_LARGE;
            }
            return stored(answer);
        }
    }

    /** Only one that says so has it. */
    private int stored(Answer answer) {
        repository.check(answer, "upload of " + blob.digest());
        if (answer.status() == 202) {
            throw RegistryException.invalid(
                    answer.uri().getAuthority() + " does not say that it has stored " + blob.digest());
        }
        return answer.status();
    }

    /** PATCH for each chunk and PUT at the end. */
    private int chunks(URI session, long from) throws InterruptedException {
        URI location = session;
        long offset = from;
        while (offset < blob.size()) {
            long length = Math.min(CHUNK, blob.size() - offset);
            Ask ask = Ask.of("PATCH", location)
                    .sending(body(offset, length), false)
                    .with("Content-Range", offset + "-" + (offset + length - 1));
            try (Answer answer = client().send(ask, repository.scopes(), 1)) {
                repository.check(answer, "upload of " + blob.digest());
                location = location(answer);
            }
            offset += length;
        }
        Ask end = Ask.of("PUT", withDigest(location, blob.digest())).sending(Body.EMPTY, false);
        try (Answer answer = client().send(end, repository.scopes(), 1)) {
            return stored(answer);
        }
    }

    private Body body(long offset, long length) {
        return new Body(() -> open(offset, length), length, "application/octet-stream");
    }

    private InputStream open(long offset, long length) {
        try {
            SeekableByteChannel channel = content.open(blob.digest());
            channel.position(offset);
            return new Sent(Channels.newInputStream(channel), offset, length);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read blob " + blob.digest(), e);
        }
    }

    /** A part of the blob; says how far it is. */
    private final class Sent extends FilterInputStream {
        private long at;
        private final long end;

        Sent(InputStream in, long offset, long length) {
            super(in);
            this.at = offset;
            this.end = offset + length;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (at >= end) {
                return -1;
            }
            int n = super.read(buffer, offset, (int) Math.min(length, end - at));
            if (n > 0) {
                at += n;
                progress.accept(at);
            }
            return n;
        }
    }
}

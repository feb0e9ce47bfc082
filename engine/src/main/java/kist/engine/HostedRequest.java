package kist.engine;

import java.io.InputStream;
import java.nio.channels.SeekableByteChannel;
import java.util.List;
import java.util.Optional;
import kist.image.Descriptor;
import kist.registry.Put;
import kist.registry.RepositoryException;
import kist.registry.StoredManifest;

/**
 * What is asked of the repositories that this engine serves to others (OCI distribution spec), one record a request. Each
 * names the repository as its object; {@code images} says whether the engine's own images may answer too, read-only and
 * by their familiar name, where no repository has what is asked for. A request that fails throws {@link RepositoryException},
 * which carries the code that a registry's client knows.
 *
 * @param <R> the answer
 */
public sealed interface HostedRequest<R> extends Request.Hosted<R> {
    /** Name of the repository; empty where the request is about all. */
    String repository();

    @Override
    default String object() {
        return repository();
    }

    /** Requests that change nothing. */
    sealed interface Reading<R> extends HostedRequest<R> {
        @Override
        default boolean readOnly() {
            return true;
        }
    }

    /**
     * Names of repositories in their order.
     *
     * @param limit at most so many
     * @param last names up to and including this one are left out; empty for none
     */
    record ListRepositories(int limit, String last, boolean images) implements Reading<List<String>> {
        @Override
        public String repository() {
            return "";
        }
    }

    /** Tags of a repository in their order; {@code limit} and {@code last} as in {@link ListRepositories}. */
    record ListTags(String repository, int limit, String last, boolean images) implements Reading<List<String>> {}

    /** A manifest by tag or digest, if it is there. */
    record ReadManifest(String repository, String reference, boolean images)
            implements Reading<Optional<StoredManifest>> {
        @Override
        public String object() {
            return repository + (reference.indexOf(':') < 0 ? ":" : "@") + reference;
        }
    }

    /** Opens a blob, if it is there; the caller closes it. */
    record OpenBlob(String repository, String digest, boolean images) implements Reading<Optional<OpenedBlob>> {
        @Override
        public String object() {
            return repository + "@" + digest;
        }
    }

    /**
     * Answer of {@link OpenBlob}.
     *
     * @param size bytes
     */
    record OpenedBlob(SeekableByteChannel channel, long size) {}

    /**
     * What is about a manifest, which itself need not be there.
     *
     * @param artifactType only these; empty for all
     */
    record ListReferrers(String repository, String digest, String artifactType) implements Reading<List<Descriptor>> {
        @Override
        public String object() {
            return repository + "@" + digest;
        }
    }

    /** Bytes of an upload that have arrived. */
    record InspectUpload(String repository, String upload) implements Reading<Long> {}

    /**
     * Stores a manifest, whose parts must be there.
     *
     * @param reference the tag that points to it afterwards, or its digest
     * @param mediaType without parameters; empty where it is not said
     * @param images whether what the engine's own images of that name have is there too
     */
    record PutManifest(String repository, String reference, String mediaType, byte[] content, boolean images)
            implements HostedRequest<Put> {
        @Override
        public String object() {
            return repository + (reference.indexOf(':') < 0 ? ":" : "@") + reference;
        }
    }

    /** Removes a manifest with the tags that point to it, or a tag alone; {@code false} if there was none. */
    record DeleteManifest(String repository, String reference) implements HostedRequest<Boolean> {
        @Override
        public String object() {
            return repository + (reference.indexOf(':') < 0 ? ":" : "@") + reference;
        }
    }

    /** Takes a blob out of a repository; {@code false} if it did not have it. */
    record DeleteBlob(String repository, String digest) implements HostedRequest<Boolean> {
        @Override
        public String object() {
            return repository + "@" + digest;
        }
    }

    /** Makes a blob of one repository one of another too; {@code false} if it must be uploaded. */
    record MountBlob(String repository, String digest, String from) implements HostedRequest<Boolean> {
        @Override
        public String object() {
            return repository + "@" + digest;
        }
    }

    /** Begins a blob; answers what the upload is known by. */
    record BeginUpload(String repository) implements HostedRequest<String> {}

    /**
     * Appends a stream to an upload until it ends; answers how many bytes have arrived. Where the stream breaks, what has come of
     * it stays.
     *
     * @param from offset that the first byte must have; -1 for wherever the last request ended
     * @param content read to its end, not closed; where it throws, a {@link java.io.UncheckedIOException} says so
     */
    record AppendUpload(String repository, String upload, long from, InputStream content)
            implements HostedRequest<Long> {}

    /** Makes what has arrived a blob of the repository. */
    record FinishUpload(String repository, String upload, String digest) implements HostedRequest<Request.Done> {
        @Override
        public String object() {
            return repository + "@" + digest;
        }
    }

    /** Gives an upload up. */
    record CancelUpload(String repository, String upload) implements HostedRequest<Request.Done> {}
}

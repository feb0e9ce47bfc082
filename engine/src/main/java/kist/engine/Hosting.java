package kist.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import kist.image.ImageStore;
import kist.image.TransferListener;
import kist.registry.Repositories;
import kist.registry.RepositoryException;
import kist.registry.UploadSession;
import org.jspecify.annotations.Nullable;

/**
 * The part of an engine that answers {@link HostedRequest}s, after the gate has let them pass. The repositories' state is
 * opened with the first of them: an engine that serves none pays nothing. Thread-safe.
 */
public final class Hosting implements AutoCloseable {
    private static final Duration COLLECT_EVERY = Duration.ofHours(1);
    private static final Duration CLOSING = Duration.ofSeconds(5);

    private final ImageStore images;
    private final Path directory;
    private final OwnImages own;
    private @Nullable Repositories opened;
    private @Nullable Thread collector;

    /**
     * Makes the part.
     *
     * @param directory of the repositories' state; their content is in the image store
     */
    public Hosting(ImageStore images, Path directory) {
        this.images = images;
        this.directory = directory;
        this.own = new OwnImages(images, (id, lease) -> images.pushable(id, lease, TransferListener.NONE));
    }

    private synchronized Repositories repositories() {
        Repositories known = opened;
        if (known == null) {
            known = new Repositories(images, directory);
            opened = known;
            Repositories collected = known;
            collector = Thread.ofVirtual().name("registry-collect").start(() -> collect(collected, own));
        }
        return known;
    }

    private static void collect(Repositories repositories, OwnImages own) {
        try {
            while (true) {
                try {
                    repositories.collect();
                    own.expire();
                } catch (RuntimeException e) {
                    System.getLogger("kist")
                            .log(System.Logger.Level.WARNING, "cannot collect what no manifest names", e);
                }
                Thread.sleep(COLLECT_EVERY);
            }
        } catch (InterruptedException closing) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Performs a request.
     *
     * @throws kist.registry.RepositoryException with the code for the client
     */
    public <R> R call(HostedRequest<R> request) {
        @SuppressWarnings("unchecked")
        R answer = (R) perform(repositories(), request);
        return answer;
    }

    private Object perform(Repositories all, HostedRequest<?> request) {
        return switch (request) {
            case HostedRequest.ListRepositories r -> catalog(all, r);
            case HostedRequest.ListTags r -> tags(all, r);
            case HostedRequest.ReadManifest r ->
                all.manifest(r.repository(), r.reference())
                        .or(() -> r.images() ? own.manifest(r.repository(), r.reference()) : Optional.empty());
            case HostedRequest.OpenBlob r -> blob(all, r);
            case HostedRequest.ListReferrers r -> all.referrers(r.repository(), r.digest(), r.artifactType());
            case HostedRequest.InspectUpload r ->
                all.upload(r.repository(), r.upload()).size();
            case HostedRequest.PutManifest r ->
                all.putManifest(
                        r.repository(),
                        r.reference(),
                        r.mediaType(),
                        r.content(),
                        digest -> r.images() && own.hasBlob(r.repository(), digest));
            case HostedRequest.DeleteManifest r -> all.deleteManifest(r.repository(), r.reference());
            case HostedRequest.DeleteBlob r -> all.deleteBlob(r.repository(), r.digest());
            case HostedRequest.MountBlob r -> all.mount(r.repository(), r.digest(), r.from());
            case HostedRequest.BeginUpload r -> all.beginUpload(r.repository()).id();
            case HostedRequest.AppendUpload r -> append(all.upload(r.repository(), r.upload()), r);
            case HostedRequest.FinishUpload r -> {
                all.upload(r.repository(), r.upload()).finish(r.digest());
                yield Request.Done.DONE;
            }
            case HostedRequest.CancelUpload r -> {
                all.upload(r.repository(), r.upload()).cancel();
                yield Request.Done.DONE;
            }
        };
    }

    private static long append(UploadSession session, HostedRequest.AppendUpload request) {
        try {
            return session.append(request.content(), request.from());
        } catch (IOException e) {
            throw new UncheckedIOException("the upload " + request.upload() + " broke off", e);
        }
    }

    private List<String> catalog(Repositories all, HostedRequest.ListRepositories request) {
        List<String> hosted = all.catalog(request.limit(), request.last());
        return request.images() ? merged(hosted, own.names(request.last()), request.limit()) : hosted;
    }

    private List<String> tags(Repositories all, HostedRequest.ListTags request) {
        List<String> tags = request.images() ? own.tags(request.repository()) : List.of();
        List<String> hosted;
        try {
            hosted = all.tags(request.repository(), request.limit(), request.last());
        } catch (RepositoryException e) {
            if (e.code() != RepositoryException.Code.NAME_UNKNOWN || tags.isEmpty()) {
                throw e;
            }
            hosted = List.of();
        }
        List<String> after =
                tags.stream().filter(tag -> tag.compareTo(request.last()) > 0).toList();
        return merged(hosted, after, request.limit());
    }

    private static List<String> merged(List<String> one, List<String> two, int limit) {
        return Stream.concat(one.stream(), two.stream())
                .distinct()
                .sorted()
                .limit(limit)
                .toList();
    }

    private Optional<HostedRequest.OpenedBlob> blob(Repositories all, HostedRequest.OpenBlob request) {
        String digest = request.digest();
        SeekableByteChannel channel;
        if (all.blobSize(request.repository(), digest).isPresent()) {
            channel = all.openBlob(request.repository(), digest);
        } else if (request.images() && own.hasBlob(request.repository(), digest)) {
            channel = images.content().open(digest);
        } else {
            return Optional.empty();
        }
        boolean handed = false;
        try {
            HostedRequest.OpenedBlob blob = new HostedRequest.OpenedBlob(channel, channel.size());
            handed = true;
            return Optional.of(blob);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the blob " + digest, e);
        } finally {
            if (!handed) {
                close(channel);
            }
        }
    }

    private static void close(SeekableByteChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // it was only read
        }
    }

    /** Lets go of the state; uploads can be resumed later. */
    @Override
    public synchronized void close() {
        Thread running = collector;
        if (running != null) {
            running.interrupt();
            try {
                // it must not go on in a store that is closed
                running.join(CLOSING);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        own.close();
        Repositories known = opened;
        if (known != null) {
            known.close();
        }
    }
}

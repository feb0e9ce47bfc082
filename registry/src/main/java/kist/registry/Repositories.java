package kist.registry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import kist.image.Content;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.Lease;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Text;
import kist.registry.RepositoryException.Code;

/**
 * What the hosted registry holds: repositories with their blobs, manifests, tags and uploads (OCI distribution spec). The
 * content is in the image store, kept there by one permanent lease for each repository; a blob is seen only through a
 * repository that it was pushed to or mounted in. Each change is on disk before the method returns, and is whole after a crash or
 * not there at all. Thread-safe.
 *
 * <p>Every method that takes a name throws {@link RepositoryException} NAME_INVALID where it breaks the grammar.
 */
public final class Repositories implements AutoCloseable {
    private static final Pattern NAME =
            Pattern.compile("[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*");
    private static final Pattern TAG = Pattern.compile("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}");
    private static final int LONGEST_NAME = 255;
    private static final int MOST_UPLOADS = 1000;
    private static final Duration UPLOAD_LIFE = Duration.ofDays(1);

    private final ImageStore store;
    private final Content content;
    private final Path directory;
    private final Path uploadsDirectory;
    private final ConcurrentSkipListMap<String, Repository> repositories = new ConcurrentSkipListMap<>();
    private final Map<String, Lease> leases = new ConcurrentHashMap<>();
    private final Map<String, UploadSession> uploads = new ConcurrentHashMap<>();

    /**
     * Opens the state in a directory, which is made if it is not there.
     *
     * @throws UncheckedIOException if it cannot be read
     */
    public Repositories(ImageStore store, Path directory) {
        this.store = store;
        this.content = store.content();
        this.directory = directory;
        this.uploadsDirectory = directory.resolve("uploads");
        try {
            Files.createDirectories(uploadsDirectory);
            try (var files = Files.list(directory)) {
                for (Path file : files.toList()) {
                    if (file.toString().endsWith(".json")) {
                        Repository repository =
                                Repository.read(Document.parseTrusted(Files.readAllBytes(file), file.toString()));
                        repositories.put(checkName(repository.name), repository);
                        settle(repository);
                    } else if (file.toString().endsWith(".new")) {
                        Files.delete(file);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the registry's state in " + directory, e);
        }
    }

    /** Lets go of what the lease was given just before an engine was killed, and the file was not. */
    private void settle(Repository repository) {
        Set<String> held = new HashSet<>(repository.blobs);
        held.addAll(repository.manifests.keySet());
        lease(repository.name).retain(held);
    }

    /**
     * Names of repositories in their order.
     *
     * @param n at most so many; negative for all
     * @param last names up to and including this one are left out; empty for none
     */
    public List<String> catalog(int n, String last) {
        List<String> names = new ArrayList<>();
        for (Repository repository : repositories.tailMap(last, false).values()) {
            if (n >= 0 && names.size() >= n) {
                break;
            }
            synchronized (repository) {
                if (!repository.isEmpty()) {
                    names.add(repository.name);
                }
            }
        }
        return names;
    }

    /**
     * Tags of a repository in their order; {@code n} and {@code last} as in {@link #catalog}.
     *
     * @throws RepositoryException NAME_UNKNOWN
     */
    public List<String> tags(String name, int n, String last) {
        Repository repository = known(name);
        synchronized (repository) {
            return repository.tags.tailMap(last, false).keySet().stream()
                    .limit(n < 0 ? Long.MAX_VALUE : n)
                    .toList();
        }
    }

    /** A manifest by tag or digest; empty where the repository has none such, or is not there. */
    public Optional<StoredManifest> manifest(String name, String tagOrDigest) {
        Optional<Repository> repository = find(name);
        if (!isDigest(tagOrDigest)) {
            checkTag(tagOrDigest);
        }
        if (repository.isEmpty()) {
            return Optional.empty();
        }
        String digest;
        Repository.Entry entry;
        synchronized (repository.get()) {
            digest = resolve(repository.get(), tagOrDigest).orElse("");
            entry = repository.get().manifests.get(digest);
        }
        return entry == null
                ? Optional.empty()
                : Optional.of(
                        new StoredManifest(digest, entry.mediaType(), content.read(digest, Manifest.MAXIMUM_SIZE)));
    }

    private static Optional<String> resolve(Repository repository, String tagOrDigest) {
        return isDigest(tagOrDigest) ? Optional.of(tagOrDigest) : Optional.ofNullable(repository.tags.get(tagOrDigest));
    }

    /**
     * Stores a manifest, whose parts must be in the repository.
     *
     * @param tagOrDigest the tag that points to it afterwards, or its digest
     * @param mediaType header Content-Type without parameters; empty where none was sent
     */
    public Put putManifest(String name, String tagOrDigest, String mediaType, byte[] bytes) {
        return putManifest(name, tagOrDigest, mediaType, bytes, digest -> false);
    }

    /**
     * The same where clients can read more blobs under this name than the repository has, and so did not send them: those
     * that the manifest needs become its own.
     *
     * @param readable whether clients can read the blob under this name
     */
    public Put putManifest(
            String name, String tagOrDigest, String mediaType, byte[] bytes, Predicate<String> readable) {
        checkName(name);
        boolean byDigest = isDigest(tagOrDigest);
        if (!byDigest) {
            checkTag(tagOrDigest);
        }
        if (bytes.length > Manifest.MAXIMUM_SIZE) {
            throw new RepositoryException(
                    Code.SIZE_INVALID, "the manifest has more than " + Manifest.MAXIMUM_SIZE + " bytes");
        }
        String digest = Digest.of(bytes);
        if (byDigest && !digest.equals(tagOrDigest)) {
            throw new RepositoryException(Code.DIGEST_INVALID, "the manifest's digest is " + digest);
        }
        Manifest manifest = parse(mediaType, bytes);
        if (!repositories.containsKey(name)) {
            // what is refused leaves no repository behind
            Repository imagined = new Repository(name);
            Repository.Entry.of(manifest).parts().stream().filter(readable).forEach(imagined.blobs::add);
            checkParts(imagined, manifest);
        }
        Repository repository = repositories.computeIfAbsent(name, Repository::new);
        synchronized (repository) {
            Repository.Entry.of(manifest).parts().stream()
                    .filter(part -> !repository.blobs.contains(part) && readable.test(part))
                    .forEach(part -> link(name, part));
            checkParts(repository, manifest);
            content.put(lease(name), bytes);
            Repository.Entry before = repository.manifests.put(digest, Repository.Entry.of(manifest));
            String tagged = byDigest ? digest : repository.tags.put(tagOrDigest, digest);
            if (before == null || !digest.equals(tagged) || repository.unsaved) {
                save(repository);
            }
        }
        return new Put(digest, manifest.subject().map(Descriptor::digest));
    }

    private static Manifest parse(String mediaType, byte[] bytes) {
        try {
            String type =
                    mediaType.isEmpty() ? Document.parse(bytes, "the manifest").text("mediaType") : mediaType;
            return Manifest.parse(bytes, type, "the manifest");
        } catch (ImageException e) {
            throw translate(e, Code.MANIFEST_INVALID);
        }
    }

    private static void checkParts(Repository repository, Manifest manifest) {
        List<String> missing = new ArrayList<>();
        switch (manifest) {
            case Manifest.Single single -> {
                if (!repository.blobs.contains(single.config().digest())) {
                    missing.add(single.config().digest());
                }
                for (Descriptor layer : single.layers()) {
                    // a layer that must not be distributed is by its nature not here
                    if (!repository.blobs.contains(layer.digest()) && !MediaTypes.isForeign(layer.mediaType())) {
                        missing.add(layer.digest());
                    }
                }
            }
            case Manifest.Index index ->
                index.manifests().stream()
                        .map(Descriptor::digest)
                        .filter(d -> !repository.manifests.containsKey(d) && !repository.blobs.contains(d))
                        .forEach(missing::add);
        }
        if (!missing.isEmpty()) {
            throw new RepositoryException(
                    Code.MANIFEST_BLOB_UNKNOWN,
                    "the repository " + repository.name + " does not have " + String.join(", ", missing));
        }
    }

    /**
     * Removes a manifest with the tags that point to it, or a tag alone.
     *
     * @return false if there was none
     */
    public boolean deleteManifest(String name, String tagOrDigest) {
        Repository repository = known(name);
        synchronized (repository) {
            if (!isDigest(tagOrDigest)) {
                checkTag(tagOrDigest);
                if (repository.tags.remove(tagOrDigest) == null) {
                    return false;
                }
                save(repository);
                return true;
            }
            if (repository.manifests.remove(tagOrDigest) == null) {
                return false;
            }
            repository.tags.values().removeIf(tagOrDigest::equals);
            save(repository);
            drop(repository, tagOrDigest);
            return true;
        }
    }

    /** Bytes of a blob; empty where the repository does not have it. */
    public Optional<Long> blobSize(String name, String digest) {
        return hasBlob(name, digest) ? content.size(digest) : Optional.empty();
    }

    /**
     * Opens a blob for reading; the caller closes it.
     *
     * @throws RepositoryException BLOB_UNKNOWN where the repository does not have it
     */
    public SeekableByteChannel openBlob(String name, String digest) {
        if (!hasBlob(name, digest)) {
            throw new RepositoryException(
                    Code.BLOB_UNKNOWN, "the repository " + name + " does not have the blob " + digest);
        }
        return content.open(digest);
    }

    /** Whether the repository had the blob, which it does not have afterwards. */
    public boolean deleteBlob(String name, String digest) {
        checkDigest(digest);
        Optional<Repository> repository = find(name);
        if (repository.isEmpty()) {
            return false;
        }
        synchronized (repository.get()) {
            if (!repository.get().blobs.remove(digest)) {
                return false;
            }
            repository.get().used.remove(digest);
            save(repository.get());
            drop(repository.get(), digest);
            return true;
        }
    }

    /**
     * Makes a blob of one repository one of another too.
     *
     * @return false if {@code from} does not have it, so that it must be uploaded
     */
    public boolean mount(String name, String digest, String from) {
        checkName(name);
        checkDigest(digest);
        if (!NAME.matcher(from).matches() || !hasBlob(from, digest)) {
            return false;
        }
        try {
            link(name, digest);
            return true;
        } catch (RepositoryException e) {
            // removed from the other one meanwhile
            return false;
        }
    }

    /** Begins a blob. */
    public UploadSession beginUpload(String name) {
        checkName(name);
        if (uploads.size() >= MOST_UPLOADS) {
            throw new RepositoryException(
                    Code.TOOMANYREQUESTS, "there are " + MOST_UPLOADS + " uploads already; end some of them");
        }
        try {
            UploadSession session = new UploadSession(this, name, content.begin(lease(name)));
            write(uploadsDirectory, session.id(), name.getBytes(StandardCharsets.UTF_8));
            uploads.put(session.id(), session);
            return session;
        } catch (ImageException e) {
            throw translate(e, Code.BLOB_UPLOAD_INVALID);
        }
    }

    /**
     * An upload that was begun, also by an engine that has ended since.
     *
     * @throws RepositoryException BLOB_UPLOAD_UNKNOWN
     */
    public UploadSession upload(String name, String id) {
        checkName(name);
        if (!id.matches("[A-Za-z0-9_-]{1,128}")) {
            throw unknownUpload(id);
        }
        UploadSession session = uploads.computeIfAbsent(id, i -> resume(name, i));
        if (!session.repository().equals(name)) {
            throw unknownUpload(id);
        }
        return session;
    }

    private UploadSession resume(String name, String id) {
        try {
            if (!Files.readString(uploadsDirectory.resolve(id)).equals(name)) {
                throw unknownUpload(id);
            }
            return new UploadSession(this, name, content.resume(id));
        } catch (IOException | ImageException e) {
            throw unknownUpload(id);
        }
    }

    private static RepositoryException unknownUpload(String id) {
        return new RepositoryException(Code.BLOB_UPLOAD_UNKNOWN, "there is no upload " + Text.quote(id));
    }

    /** Ends the uploads that nobody has written to for a day, those of earlier engines too. */
    private void sweep() {
        Instant before = Instant.now().minus(UPLOAD_LIFE);
        for (UploadSession session : uploads.values()) {
            if (session.used().isBefore(before) && !session.isBusy()) {
                session.cancel();
            }
        }
        try (var files = Files.list(uploadsDirectory)) {
            for (Path file : files.toList()) {
                String id = file.getFileName().toString();
                if (!uploads.containsKey(id) && modified(file).isBefore(before)) {
                    abandon(id);
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + uploadsDirectory, e);
        }
    }

    /** When a file was written; now, where an upload has just ended. */
    private static Instant modified(Path file) throws IOException {
        try {
            return Files.getLastModifiedTime(file).toInstant();
        } catch (NoSuchFileException e) {
            return Instant.now();
        }
    }

    /**
     * Ends uploads that nobody has written to for a day, and takes blobs out of their repositories that no manifest names and that
     * nobody has pushed, mounted or asked for within a day. What no other repository or image holds leaves the store.
     */
    public void collect() {
        sweep();
        collect(Instant.now().minus(UPLOAD_LIFE));
    }

    /** The same for blobs, with the time before which they must have been used last. */
    void collect(Instant before) {
        for (Repository repository : repositories.values()) {
            synchronized (repository) {
                List<String> unused = repository.unused(before.getEpochSecond());
                if (unused.isEmpty()) {
                    continue;
                }
                unused.forEach(repository.blobs::remove);
                unused.forEach(repository.used::remove);
                save(repository);
                unused.forEach(digest -> drop(repository, digest));
            }
        }
    }

    private void abandon(String id) {
        try {
            content.resume(id).cancel();
        } catch (ImageException e) {
            // it is gone already
        }
    }

    /** After the end of an upload. */
    void forget(UploadSession session) {
        uploads.remove(session.id());
        try {
            Files.deleteIfExists(uploadsDirectory.resolve(session.id()));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot remove the upload " + session.id(), e);
        }
    }

    /**
     * What is about a manifest, which itself need not be there.
     *
     * @param artifactType only these; empty for all
     */
    public List<Descriptor> referrers(String name, String digest, String artifactType) {
        checkDigest(digest);
        Optional<Repository> repository = find(name);
        if (repository.isEmpty()) {
            return List.of();
        }
        synchronized (repository.get()) {
            return repository.get().manifests.entrySet().stream()
                    .filter(e -> e.getValue().subject().equals(digest))
                    .map(e -> e.getValue().descriptor(e.getKey()))
                    .filter(d -> artifactType.isEmpty() || d.artifactType().equals(artifactType))
                    .sorted(Comparator.comparing(Descriptor::digest))
                    .toList();
        }
    }

    /** Nothing is left undone on disk; uploads can be resumed later. */
    @Override
    public void close() {
        uploads.clear();
    }

    /** Makes a blob of the content store one of a repository. */
    void link(String name, String digest) {
        Repository repository = repositories.computeIfAbsent(name, Repository::new);
        synchronized (repository) {
            if (!content.keep(lease(name), digest)) {
                throw new RepositoryException(Code.BLOB_UNKNOWN, "the blob " + digest + " is not there");
            }
            repository.touch(digest);
            if (repository.blobs.add(digest) || repository.unsaved) {
                save(repository);
            }
        }
    }

    /** First out of the repository's file, then out of the lease: a crash between leaves a blob too many, never one too few. */
    private void drop(Repository repository, String digest) {
        if (!repository.blobs.contains(digest) && !repository.manifests.containsKey(digest)) {
            lease(repository.name).drop(digest);
        }
    }

    private Lease lease(String name) {
        return leases.computeIfAbsent(name, n -> store.permanentLease("repository-" + key(n)));
    }

    private static String key(String name) {
        return Digest.hex(Digest.of(name.getBytes(StandardCharsets.UTF_8)), name);
    }

    private void save(Repository repository) {
        repository.unsaved = true;
        write(directory, key(repository.name) + ".json", repository.toJson());
        repository.unsaved = false;
    }

    private static void write(Path directory, String name, byte[] bytes) {
        Path aside = directory.resolve(name + ".new");
        try {
            try (FileChannel file = FileChannel.open(
                    aside, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                ByteBuffer buffer = ByteBuffer.wrap(bytes);
                while (buffer.hasRemaining()) {
                    file.write(buffer);
                }
                file.force(true);
            }
            Files.move(aside, directory.resolve(name), StandardCopyOption.ATOMIC_MOVE);
            try (FileChannel d = FileChannel.open(directory, StandardOpenOption.READ)) {
                d.force(true);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + directory.resolve(name), e);
        }
    }

    private boolean hasBlob(String name, String digest) {
        checkDigest(digest);
        Optional<Repository> repository = find(name);
        if (repository.isEmpty()) {
            return false;
        }
        synchronized (repository.get()) {
            boolean there = repository.get().blobs.contains(digest);
            if (there) {
                // who asks for it may be about to name it in a manifest
                repository.get().touch(digest);
            }
            return there;
        }
    }

    private Optional<Repository> find(String name) {
        return Optional.ofNullable(repositories.get(checkName(name)));
    }

    private Repository known(String name) {
        return find(name)
                .orElseThrow(
                        () -> new RepositoryException(Code.NAME_UNKNOWN, "there is no repository " + Text.quote(name)));
    }

    private static String checkName(String name) {
        if (name.length() > LONGEST_NAME || !NAME.matcher(name).matches()) {
            throw new RepositoryException(
                    Code.NAME_INVALID,
                    "invalid repository name " + Text.quote(name) + ": up to " + LONGEST_NAME
                            + " characters, lower-case letters and digits, separated by '/', one '.', one or two '_', or '-'");
        }
        return name;
    }

    private static void checkTag(String tag) {
        if (!TAG.matcher(tag).matches()) {
            throw new RepositoryException(
                    Code.TAG_INVALID,
                    "invalid tag " + Text.quote(tag)
                            + ": up to 128 letters, digits, '_', '.' and '-', and begin with none of the last two");
        }
    }

    /** Whether it is one; what looks like a digest but is none is refused. */
    private static boolean isDigest(String tagOrDigest) {
        if (tagOrDigest.indexOf(':') < 0) {
            return false;
        }
        checkDigest(tagOrDigest);
        return true;
    }

    private static void checkDigest(String digest) {
        if (!Digest.isDigest(digest)) {
            throw invalidDigest(digest);
        }
    }

    static RepositoryException invalidDigest(String digest) {
        return new RepositoryException(
                Code.DIGEST_INVALID,
                Text.quote(digest) + " is not a digest of the form sha256:<64 lower-case hexadecimal digits>");
    }

    static RepositoryException translate(ImageException e, Code otherwise) {
        Code code = e.kind() == ImageException.Kind.NO_SPACE ? Code.NO_SPACE : otherwise;
        return new RepositoryException(code, String.valueOf(e.getMessage()), e);
    }
}

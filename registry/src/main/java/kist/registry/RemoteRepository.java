package kist.registry;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import kist.image.BlobSource;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Text;

/** A repository at a registry, for reading (OCI distribution spec). Thread-safe. */
final class RemoteRepository {
    private static final String ACCEPT = String.join(
            ", ",
            MediaTypes.OCI_INDEX,
            MediaTypes.OCI_MANIFEST,
            MediaTypes.DOCKER_INDEX,
            MediaTypes.DOCKER_MANIFEST,
            "application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1",
            "*/*;q=0.1");
    private static final int MOST_PAGES = 1000;

    private final Client client;
    private final String name;
    private final List<String> scopes;

    /** @param path of the repository as a reference names it */
    RemoteRepository(Client client, String path, String... actions) {
        this.client = client;
        this.name = client.endpoint().prefix() + path;
        this.scopes = List.of("repository:" + name + ":" + String.join(",", actions));
    }

    Client client() {
        return client;
    }

    List<String> scopes() {
        return scopes;
    }

    /** The part of an address that all of this repository begin with. */
    String path() {
        return "/v2/" + name;
    }

    private String display() {
        return client.endpoint().authority() + "/" + name;
    }

    /** What a tag or digest points to. */
    record Head(String digest, String mediaType, long size) {}

    /** Asks what a tag or digest points to; empty where the registry does not say all of it. */
    Optional<Head> head(String tagOrDigest) throws InterruptedException {
        Ask ask =
                Ask.of("HEAD", client.uri(path() + "/manifests/" + tagOrDigest)).with("Accept", ACCEPT);
        try (Answer answer = client.send(ask, scopes)) {
            if (!answer.ok()) {
                // an answer to HEAD has no body that says why
                return Optional.empty();
            }
            String digest = answer.header("Docker-Content-Digest");
            String type = answer.type();
            OptionalLong size = answer.length();
            boolean whole = Digest.isDigest(digest)
                    && size.isPresent()
                    && (MediaTypes.isIndex(type) || MediaTypes.isManifest(type));
            if (Digest.isDigest(tagOrDigest) && whole && !digest.equals(tagOrDigest)) {
                throw RegistryException.invalid(display() + " has " + digest + " where " + tagOrDigest + " should be");
            }
            return whole ? Optional.of(new Head(digest, type, size.getAsLong())) : Optional.empty();
        } catch (RegistryException e) {
            if (e.kind() == RegistryException.Kind.RATE_LIMITED || e.kind() == RegistryException.Kind.UNAVAILABLE) {
                // nor has this one; the registry says more to whoever asks for the manifest itself
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Fetches a manifest; its digest is checked against what was asked for and what the registry says. */
    Manifest manifest(String tagOrDigest) throws InterruptedException {
        Ask ask = Ask.get(client.uri(path() + "/manifests/" + tagOrDigest)).with("Accept", ACCEPT);
        String named = display() + (Digest.isDigest(tagOrDigest) ? "@" : ":") + tagOrDigest;
        String what = "the manifest of " + named;
        for (int failures = 0; ; ) {
            try (Answer answer = client.send(ask, scopes)) {
                check(answer, "manifest for " + named);
                byte[] bytes = answer.read(Manifest.MAXIMUM_SIZE, client.pace().answer(), what);
                String digest = Digest.of(bytes);
                String said = answer.header("Docker-Content-Digest");
                if (Digest.isDigest(tagOrDigest) && !digest.equals(tagOrDigest)) {
                    throw RegistryException.invalid(what + " has the digest " + digest + ", so it is another one");
                }
                if (Digest.isDigest(said) && !said.equals(digest)) {
                    throw RegistryException.invalid(
                            what + " has the digest " + digest + ", not " + said + " as the registry says");
                }
                return parse(bytes, type(answer, bytes, what), what);
            } catch (IOException e) {
                if (++failures >= client.pace().attempts()) {
                    throw Courier.unreachable(ask.uri(), e);
                }
                client.pace().pause(failures);
            }
        }
    }

    private static String type(Answer answer, byte[] bytes, String what) {
        String type = answer.type();
        if (type.equals("text/html")) {
            throw RegistryException.invalid(
                    what + " is a page of HTML; is " + answer.uri().getAuthority() + " a registry?");
        }
        boolean vague = type.isEmpty()
                || type.equals("application/json")
                || type.equals("application/octet-stream")
                || type.equals("text/plain");
        if (!vague) {
            return type;
        }
        try {
            return Document.parse(bytes, what).text("mediaType");
        } catch (ImageException e) {
            throw invalid(e);
        }
    }

    static Manifest parse(byte[] bytes, String type, String what) {
        try {
            return Manifest.parse(bytes, type, what);
        } catch (ImageException e) {
            throw invalid(e);
        }
    }

    /** What a registry sent is wrong. */
    static RegistryException invalid(ImageException e) {
        RegistryException.Kind kind = e.kind() == ImageException.Kind.UNSUPPORTED
                ? RegistryException.Kind.UNSUPPORTED
                : RegistryException.Kind.INVALID;
        return new RegistryException(kind, String.valueOf(e.getMessage()), e);
    }

    /** Throws what a status means that is not success. */
    void check(Answer answer, String what) {
        check(client, answer, what);
    }

    private static void check(Client client, Answer answer, String what) {
        int status = answer.status();
        if (answer.ok()) {
            return;
        }
        if (status == 401 || status == 403) {
            throw client.denied(answer, answer.uri().getPath());
        }
        String message = answer.message(client.pace().answer());
        RegistryException.Kind kind = status == 404
                ? RegistryException.Kind.NOT_FOUND
                : status == 405 || status == 415 || status == 501
                        ? RegistryException.Kind.UNSUPPORTED
                        : status >= 500 ? RegistryException.Kind.UNAVAILABLE : RegistryException.Kind.INVALID;
        throw new RegistryException(kind, what + (status == 404 ? " not found: " : " failed: ") + message);
    }

    /**
     * Fetches a small blob whole.
     *
     * @throws RegistryException INVALID if it is not what its digest and size say, or is too large
     */
    byte[] blob(Descriptor blob, int maximum, String what) throws InterruptedException {
        if (blob.size() > maximum) {
            throw RegistryException.invalid(what + " of " + display() + " has more than " + maximum + " bytes");
        }
        URI uri = client.uri(path() + "/blobs/" + blob.digest());
        for (int failures = 0; ; ) {
            try (Answer answer = client.send(Ask.get(uri), scopes)) {
                check(answer, what + " of " + display());
                byte[] bytes = answer.read((int) blob.size(), client.pace().answer(), what + " of " + display());
                if (!Digest.of(bytes).equals(blob.digest()) || bytes.length != blob.size()) {
                    throw RegistryException.invalid(what + " of " + display() + " has the digest " + Digest.of(bytes)
                            + ", not " + blob.digest());
                }
                return bytes;
            } catch (IOException e) {
                if (++failures >= client.pace().attempts()) {
                    throw Courier.unreachable(uri, e);
                }
                client.pace().pause(failures);
            }
        }
    }

    /** Opens a blob from an offset on, or from its beginning if the registry knows no ranges. */
    BlobSource.Opened open(Descriptor blob, long offset) throws IOException, InterruptedException {
        Ask ask = Ask.get(client.uri(path() + "/blobs/" + blob.digest()));
        Answer answer = client.send(offset > 0 ? ask.with("Range", "bytes=" + offset + "-") : ask, scopes);
        boolean done = false;
        try {
            if (answer.status() == 416) {
                throw new IOException(display() + " has no byte " + offset + " of " + blob.digest());
            }
            check(answer, "blob " + blob.digest() + " of " + display());
            if (answer.type().equals("text/html")) {
                throw RegistryException.invalid("blob " + blob.digest() + " of " + display() + " is a page of HTML; is "
                        + answer.uri().getAuthority() + " a registry?");
            }
            long begin = answer.status() == 206 ? begin(answer) : 0;
            if (begin > offset) {
                throw new IOException(display() + " skips bytes of " + blob.digest());
            }
            done = true;
            return new BlobSource.Opened(answer.body(), begin);
        } finally {
            if (!done) {
                answer.close();
            }
        }
    }

    /** {@code Content-Range: bytes BEGIN-END/SIZE}. */
    private static long begin(Answer answer) {
        String range = answer.header("Content-Range").strip();
        if (!range.matches("bytes [0-9]{1,18}-[0-9]{1,18}/([0-9]{1,18}|\\*)")) {
            throw RegistryException.invalid(
                    answer.uri().getAuthority() + " answers with the range " + Text.quote(range));
        }
        return Long.parseLong(range.substring("bytes ".length(), range.indexOf('-')));
    }

    /** All tags, in the registry's order. */
    List<String> tags() throws InterruptedException {
        List<String> tags = new ArrayList<>();
        pages(client, path() + "/tags/list", scopes, json -> tags.addAll(json.texts("tags")));
        return tags;
    }

    private interface Page {
        void read(Document json);
    }

    private static void pages(Client client, String first, List<String> scopes, Page page) throws InterruptedException {
        URI uri = client.uri(first);
        String what = "the list of " + uri.getAuthority() + uri.getPath();
        for (int i = 0; i < MOST_PAGES; i++) {
            try (Answer answer = client.send(Ask.get(uri), scopes)) {
                check(client, answer, what);
                byte[] bytes = answer.read(Document.MAXIMUM_SIZE, client.pace().answer(), what);
                page.read(Document.parse(bytes, what));
                Optional<URI> next = next(answer);
                if (next.isEmpty() || next.get().equals(uri)) {
                    return;
                }
                uri = next.get();
            } catch (ImageException e) {
                throw invalid(e);
            } catch (IOException e) {
                throw Courier.unreachable(uri, e);
            }
        }
        throw RegistryException.invalid(what + " has no end");
    }

    /** {@code Link: <...>; rel="next"} (RFC 8288), at the same registry. */
    private static Optional<URI> next(Answer answer) {
        for (String link : answer.headers().allValues("Link")) {
            int end = link.indexOf('>');
            if (link.startsWith("<") && end > 0 && link.substring(end).contains("next")) {
                URI next = Courier.resolve(answer.uri(), link.substring(1, end));
                if (Hosts.same(next, answer.uri())) {
                    return Optional.of(next);
                }
            }
        }
        return Optional.empty();
    }

    /**
     * What is about a manifest, by the referrers API or, where there is none, by the tag that stands for it.
     *
     * @param artifactType only these; empty for all
     */
    List<Descriptor> referrers(String digest, String artifactType) throws InterruptedException {
        String query = artifactType.isEmpty()
                ? ""
                : "?artifactType=" + URLEncoder.encode(artifactType, StandardCharsets.UTF_8);
        String what = "the referrers of " + display() + "@" + digest;
        Manifest list;
        URI uri = client.uri(path() + "/referrers/" + digest + query);
        try (Answer answer = client.send(Ask.get(uri).with("Accept", MediaTypes.OCI_INDEX), scopes)) {
            if (answer.ok() && answer.type().equals(MediaTypes.OCI_INDEX)) {
                list = parse(
                        answer.read(Manifest.MAXIMUM_SIZE, client.pace().answer(), what), MediaTypes.OCI_INDEX, what);
            } else {
                list = manifest(digest.replace(':', '-'));
            }
        } catch (IOException e) {
            throw Courier.unreachable(uri, e);
        } catch (RegistryException e) {
            if (e.kind() == RegistryException.Kind.NOT_FOUND) {
                return List.of();
            }
            throw e;
        }
        return list instanceof Manifest.Index index
                ? index.manifests().stream()
                        .filter(d -> artifactType.isEmpty() || d.artifactType().equals(artifactType))
                        .toList()
                : List.of();
    }
}

package kist.registry;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import kist.image.Content;
import kist.image.Descriptor;
import kist.image.Document;
import kist.image.Image;
import kist.image.ImageException;
import kist.image.ImageStore;
import kist.image.Lease;
import kist.image.Manifest;
import kist.image.MediaTypes;
import kist.image.Platform;
import kist.image.Reference;
import kist.image.Text;
import kist.image.TransferListener;

/**
 * Images between the store and registries (OCI distribution spec 1.1, Docker registry v2). The registries' configuration and the
 * trust policy are read anew for each request. Nothing of the HTTP client is loaded until the first request. Thread-safe.
 *
 * <p>All methods throw {@link RegistryException}, and {@link ImageException} where the store is at fault.
 */
public final class Registries implements AutoCloseable {
    private static final Duration PUSH_KEPT = Duration.ofHours(6);
    private static final String HUB = "docker.io";

    private final ImageStore store;
    private final RegistryOptions options;
    private final Pace pace;
    private final Semaphore downloads;
    private final Semaphore uploads;
    private Optional<Client.Shared> shared = Optional.empty();
    private boolean closed;

    /** Opens nothing yet. */
    public Registries(ImageStore store, RegistryOptions options) {
        this(store, options, Pace.DEFAULT);
    }

    Registries(ImageStore store, RegistryOptions options, Pace pace) {
        this.store = store;
        this.options = options;
        this.pace = pace;
        this.downloads = new Semaphore(options.downloads(), true);
        this.uploads = new Semaphore(options.uploads(), true);
    }

    private synchronized Client.Shared shared() {
        if (closed) {
            throw new RegistryException(RegistryException.Kind.UNAVAILABLE, "the engine is stopping");
        }
        if (shared.isEmpty()) {
            shared = Optional.of(new Client.Shared(new Wire(pace, options.userAgent())));
        }
        return shared.get();
    }

    private RegistriesConfig configs() {
        return RegistriesConfig.load(options.registriesDir(), options.certsDir());
    }

    private static RegistryConfig open(RegistriesConfig configs, String registry) {
        RegistryConfig config = configs.of(registry);
        if (config.blocked()) {
            throw new RegistryException(
                    RegistryException.Kind.REFUSED_BY_POLICY,
                    "the registry " + registry + " is blocked by " + config.source());
        }
        return config;
    }

    private Client origin(String registry, Optional<Credentials> credentials) {
        RegistriesConfig configs = configs();
        Endpoint endpoint = Endpoint.origin(open(configs, registry));
        return new Client(shared(), endpoint, configs, credentials.orElse(Credentials.NONE));
    }

    /**
     * Fetches an image; what the store has of it is not fetched again.
     *
     * @param platform this machine's where none is said
     */
    public Image pull(
            Reference reference,
            Optional<Platform> platform,
            Optional<Credentials> credentials,
            TransferListener listener)
            throws InterruptedException {
        TrustPolicy policy = TrustPolicy.load(options.policyFile());
        RegistriesConfig configs = configs();
        RegistryConfig config = open(configs, reference.domain());
        policy.admit(reference);
        if (reference.repository().equals("docker.io/library/scratch")) {
            throw RegistryException.invalid(
                    "'scratch' is a reserved name: it stands for no layers and cannot be pulled");
        }
        Puller puller = new Puller(store, reference, platform, policy, downloads, options.downloads(), listener);
        List<RemoteRepository> sources = new ArrayList<>();
        for (Endpoint endpoint : Endpoint.sources(config, configs)) {
            Client client = new Client(shared(), endpoint, configs, credentials.orElse(Credentials.NONE));
            sources.add(new RemoteRepository(client, reference.path(), "pull"));
        }
        return puller.pull(sources);
    }

    /**
     * What was pushed.
     *
     * @param digest of the manifest or index that the tag points to now
     * @param size of that manifest or index in bytes
     */
    public record Pushed(String tag, String digest, long size) {}

    /**
     * Pushes what a name with a tag points to: all platforms if all of them are here, else the one that is.
     *
     * @param platform only this one
     * @throws ImageException NOT_FOUND
     */
    public List<Pushed> push(
            Reference reference,
            Optional<Platform> platform,
            Optional<Credentials> credentials,
            TransferListener listener)
            throws InterruptedException {
        if (reference.tag().isEmpty() || !reference.digest().isEmpty()) {
            throw RegistryException.invalid("cannot push " + reference.familiar() + ": say NAME:TAG");
        }
        String name = reference.toString();
        Image image = (platform.isPresent() ? store.find(name, platform.get()) : store.find(name))
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.NOT_FOUND,
                        "An image does not exist locally with the tag: " + reference.familiarName()));
        RemoteRepository repository =
                new RemoteRepository(origin(reference.domain(), credentials), reference.path(), "pull", "push");
        try (Lease lease = store.lease("push of " + reference, PUSH_KEPT)) {
            Pusher pusher = new Pusher(store, reference, repository, uploads, listener);
            Optional<Manifest.Index> index = platform.isPresent() ? Optional.empty() : store.index(reference);
            Optional<List<Manifest.Single>> parts = index.flatMap(i -> parts(lease, i));
            Manifest pushed = parts.isPresent()
                    ? pusher.push(index.orElseThrow(), parts.get())
                    : pusher.push(store.pushable(image.id(), lease, listener));
            store.recordDigest(image.id(), reference.at(pushed.digest()));
            return List.of(new Pushed(reference.tag(), pushed.digest(), pushed.content().length));
        }
    }

    /** The manifests of an index, if all of them are here with all their blobs. */
    private Optional<List<Manifest.Single>> parts(Lease lease, Manifest.Index index) {
        Content content = store.content();
        List<Manifest.Single> parts = new ArrayList<>();
        for (Descriptor entry : index.manifests()) {
            if (!MediaTypes.isManifest(entry.mediaType()) || !content.keep(lease, entry.digest())) {
                return Optional.empty();
            }
            Manifest part = Manifest.parse(
                    content.read(entry.digest(), Manifest.MAXIMUM_SIZE), entry.mediaType(), entry.digest());
            if (!(part instanceof Manifest.Single single)
                    || !content.keep(lease, single.config().digest())
                    || !single.layers().stream().allMatch(l -> content.keep(lease, l.digest()))) {
                return Optional.empty();
            }
            parts.add(single);
        }
        return Optional.of(parts);
    }

    /** What a name points to at its registry, whether the image is here or not. */
    public Remote inspect(Reference reference, Optional<Credentials> credentials) throws InterruptedException {
        RemoteRepository repository =
                new RemoteRepository(origin(reference.domain(), credentials), reference.path(), "pull");
        Manifest manifest = repository.manifest(reference.digest().isEmpty() ? reference.tag() : reference.digest());
        List<Platform> platforms = switch (manifest) {
            case Manifest.Index index ->
                index.manifests().stream().flatMap(d -> d.platform().stream()).toList();
            case Manifest.Single single ->
                MediaTypes.isConfig(single.config().mediaType()) ? List.of(platform(repository, single)) : List.of();
        };
        return new Remote(manifest.descriptor(), platforms, manifest.content());
    }

    private static Platform platform(RemoteRepository repository, Manifest.Single manifest)
            throws InterruptedException {
        byte[] config = repository.blob(manifest.config(), Document.MAXIMUM_SIZE, "the configuration");
        try {
            Document json = Document.parse(config, "the configuration");
            return new Platform(
                    json.text("os"), json.text("architecture"), json.text("variant"), json.text("os.version"));
        } catch (ImageException e) {
            throw RemoteRepository.invalid(e);
        }
    }

    /**
     * Searches a registry: the one that the term begins with, such as {@code registry.lan:5000/web}, or Docker's hub.
     *
     * @param limit at most so many results, up to 100; 0 for the usual 25
     * @param filters {@code stars}, {@code is-official}, {@code is-automated}
     * @throws RegistryException UNSUPPORTED where the registry has no search
     */
    public List<Found> search(
            String term, int limit, Map<String, List<String>> filters, Optional<Credentials> credentials)
            throws InterruptedException {
        String registry = Search.registry(term);
        RegistriesConfig configs = configs();
        Endpoint origin = Endpoint.origin(open(configs, registry));
        // the hub searches at another host than it serves from
        Endpoint endpoint = registry.equals(HUB)
                ? new Endpoint(HUB, "index.docker.io", "", origin.insecure(), origin.tls(), false)
                : origin;
        Client client = new Client(shared(), endpoint, configs, credentials.orElse(Credentials.NONE));
        return Search.run(client, term, limit, filters);
    }

    /**
     * Shows credentials to the registry that they name.
     *
     * @return an identity token that stands for the password from now on; empty where the registry gives none
     * @throws RegistryException DENIED if the registry does not take them
     */
    public String login(Credentials credentials) throws InterruptedException {
        return origin(registry(credentials.serverAddress()), Optional.of(credentials))
                .login();
    }

    /** The registry in the form of references that {@code docker login} names by an address. */
    static String registry(String address) {
        String host = address.replaceFirst("^https?://", "").replaceFirst("/.*$", "");
        boolean hub = host.isEmpty()
                || host.equals("index.docker.io")
                || host.equals("registry-1.docker.io")
                || host.equals("registry.hub.docker.com");
        if (!hub && !host.matches("[A-Za-z0-9.-]+(:[0-9]{1,5})?")) {
            throw RegistryException.invalid("the registry " + Text.quote(address) + " is not of the form HOST[:PORT]");
        }
        return hub ? HUB : host;
    }

    /** All tags of a repository at its registry. */
    public List<String> tags(Reference reference, Optional<Credentials> credentials) throws InterruptedException {
        return new RemoteRepository(origin(reference.domain(), credentials), reference.path(), "pull").tags();
    }

    /**
     * Asks the trust policy whether an archive may be loaded.
     *
     * @param transport {@code docker-archive} or {@code oci-archive}
     * @throws RegistryException REFUSED_BY_POLICY
     */
    public void admitArchive(String transport) {
        TrustPolicy.load(options.policyFile()).admitArchive(transport);
    }

    /** Breaks off what is under way. */
    @Override
    public synchronized void close() {
        closed = true;
        shared.ifPresent(Client.Shared::close);
    }
}

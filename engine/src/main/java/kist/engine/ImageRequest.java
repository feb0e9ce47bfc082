package kist.engine;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import kist.image.Change;
import kist.image.Descriptor;
import kist.image.Image;
import kist.image.ImageConfig;
import kist.image.Platform;
import kist.image.TransferListener;
import kist.image.TreeChange;
import kist.registry.Credentials;

/**
 * What can be asked of images, of registries, and of the file systems of containers. {@code name} is an image's name with tag
 * or digest, its id, or a unique beginning of its id; {@code reference} is a name only.
 *
 * @param <R> the answer
 */
public sealed interface ImageRequest<R> extends Request.OfImages<R> {
    /** Requests that change nothing. */
    sealed interface Reading<R> extends ImageRequest<R> {
        @Override
        default boolean readOnly() {
            return true;
        }
    }

    /** All images, newest first. */
    record ListImages() implements Reading<List<Image>> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * One image.
     *
     * @param platform of several platforms under one name this one; empty for the one that fits this machine
     */
    record InspectImage(String name, Optional<Platform> platform) implements Reading<Image> {
        /** The image for this machine's platform. */
        public InspectImage(String name) {
            this(name, Optional.empty());
        }

        @Override
        public String object() {
            return name;
        }
    }

    /** What the name of an image stands for: one manifest, or those of several platforms, and which of them are here. */
    record ListVariants(String name) implements Reading<Variants> {
        @Override
        public String object() {
            return name;
        }
    }

    /**
     * Answer of {@link ListVariants}.
     *
     * @param target the manifest or index; empty where the image never had one, as one that was imported
     * @param variants one for each manifest that is known
     * @param lastTagged when the image last got a name here; empty if never
     */
    record Variants(Optional<Descriptor> target, List<Variant> variants, Optional<Instant> lastTagged) {}

    /**
     * The image of one platform.
     *
     * @param image absent where it is not on this host
     * @param blobBytes of its manifest, configuration and compressed layers that are here
     * @param containers ids of those that were made from it
     */
    record Variant(Descriptor manifest, Optional<Image> image, long blobBytes, List<String> containers) {}

    /**
     * Makes an image of one layer from a tar of a root file system, plain or compressed.
     *
     * @param tar read to its end, not closed
     * @param reference name and tag, or empty
     * @param changes Dockerfile instructions (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR)
     * @param message the history comment
     * @param platform what the image says it is for; empty for this machine's
     */
    record ImportImage(
            InputStream tar, String reference, List<String> changes, String message, Optional<Platform> platform)
            implements ImageRequest<Image> {
        @Override
        public String object() {
            return reference;
        }
    }

    /**
     * Reads images from a docker-archive or an OCI layout in a tar.
     *
     * @param tar read to its end, not closed
     * @param platform only images for this one; empty for those that the archive has
     */
    record LoadImages(InputStream tar, Optional<Platform> platform) implements ImageRequest<List<Loaded>> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * One image that {@link LoadImages} brought in.
     *
     * @param references its names, perhaps none
     */
    record Loaded(Image image, List<String> references) {}

    /**
     * Writes images as an archive that is both a docker-archive and an OCI layout.
     *
     * @param names the whole of a repository where a name has neither tag nor digest
     * @param platform only this one of images of several; empty for all that are here
     * @param out written to, not closed; nothing is written before all names are found
     */
    record SaveImages(List<String> names, Optional<Platform> platform, OutputStream out)
            implements Reading<Request.Done> {
        @Override
        public String object() {
            return String.join(" ", names);
        }
    }

    /** Gives an image a further name. */
    record TagImage(String name, String newReference) implements ImageRequest<Request.Done> {
        @Override
        public String object() {
            return name;
        }
    }

    /**
     * Takes a name from an image, and removes the image with its last name; answers what was untagged and deleted.
     *
     * @param force also where stopped containers use it
     * @param pruneParents whether images without a name go too that this one was made from
     * @param platforms only these of an image of several; empty for all
     */
    record RemoveImage(String name, boolean force, boolean pruneParents, List<Platform> platforms)
            implements ImageRequest<RemovedImage> {
        @Override
        public String object() {
            return name;
        }
    }

    /** Answer of {@link RemoveImage}. */
    record RemovedImage(List<String> untagged, List<String> deleted) {}

    /**
     * Removes images that no container uses.
     *
     * @param dangling only those without a name
     * @param until only those made before this
     * @param labels only those with all of these, {@code name} or {@code name=value}
     * @param notLabels only those with none of these
     */
    record PruneImages(boolean dangling, Optional<Instant> until, List<String> labels, List<String> notLabels)
            implements ImageRequest<Pruned> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * Answer of {@link PruneImages}.
     *
     * @param removed what went, image by image
     * @param reclaimed bytes on disk
     */
    record Pruned(List<RemovedImage> removed, long reclaimed) {}

    /**
     * Brings an image from a registry, or finds that it is here already. An interrupt of the calling thread ends it; what was
     * fetched until then is found by the next one.
     *
     * @param reference with tag or digest
     * @param platform wanted one; empty for this machine's
     */
    record PullImage(String reference, Optional<Platform> platform, Credentials credentials, TransferListener progress)
            implements ImageRequest<Pulled> {
        @Override
        public String object() {
            return reference;
        }
    }

    /**
     * Answer of {@link PullImage}.
     *
     * @param digest what the name stood for at the registry
     * @param newer whether the name stands for another image here than before
     */
    record Pulled(Image image, String digest, boolean newer) {}

    /** The tags of a repository at its registry; {@code reference} has neither tag nor digest. */
    record ListTags(String reference, Credentials credentials) implements Reading<List<String>> {
        @Override
        public String object() {
            return reference;
        }
    }

    /**
     * Sends an image to a registry. An interrupt of the calling thread ends it.
     *
     * @param reference with a tag
     * @param platform only this one of an image of several; empty for all that are here
     */
    record PushImage(String reference, Optional<Platform> platform, Credentials credentials, TransferListener progress)
            implements ImageRequest<List<Pushed>> {
        @Override
        public String object() {
            return reference;
        }
    }

    /**
     * A tag that a registry has now.
     *
     * @param digest of the manifest or index
     * @param size of the same in bytes
     */
    record Pushed(String tag, String digest, long size) {}

    /** Searches a registry: the host is what stands before the term's slash, if anything. */
    record SearchImages(String term, int limit, Map<String, List<String>> filters, Credentials credentials)
            implements Reading<List<Found>> {
        @Override
        public String object() {
            return term;
        }
    }

    /** What {@link SearchImages} found. */
    record Found(String name, String description, long stars, boolean official) {}

    /** What a registry has under a name, without fetching the image. */
    record InspectDistribution(String reference, Credentials credentials) implements Reading<Distribution> {
        @Override
        public String object() {
            return reference;
        }
    }

    /**
     * Answer of {@link InspectDistribution}.
     *
     * @param manifest the bytes that the descriptor describes
     */
    record Distribution(Descriptor descriptor, List<Platform> platforms, byte[] manifest) {}

    /** Asks a registry whether it knows somebody; answers a token to be kept instead of the password, or an empty string. */
    record Login(Credentials credentials) implements ImageRequest<String> {
        @Override
        public String object() {
            // an address may have a password in it
            return credentials.serverAddress().replaceFirst("//[^/@]*@", "//");
        }
    }

    /** In what the files of two images differ, in the order of the paths. */
    record DiffImages(String from, String to, Consumer<TreeChange> found) implements Reading<Request.Done> {
        @Override
        public String object() {
            return from + " " + to;
        }
    }

    /** What a container has changed of its image's files, in the order of the paths. */
    record ContainerChanges(String ref) implements Reading<List<Change>> {
        @Override
        public String object() {
            return ref;
        }
    }

    /**
     * Writes the file system of a container as a tar.
     *
     * @param out written to, not closed; nothing is written before the container is found
     */
    record ExportContainer(String ref, OutputStream out) implements Reading<Request.Done> {
        @Override
        public String object() {
            return ref;
        }
    }

    /**
     * Makes an image of a container's changes above those of its image.
     *
     * @param reference name and tag, or empty
     * @param changes Dockerfile instructions, as for {@link ImportImage}
     * @param config what the image says instead of what the container was made with, where it says something
     * @param pause whether the container stands still meanwhile
     */
    record CommitContainer(
            String ref,
            String reference,
            String author,
            String comment,
            List<String> changes,
            ImageConfig config,
            boolean pause)
            implements ImageRequest<Image> {
        @Override
        public String object() {
            return ref;
        }
    }

    /** How much of the disk images and containers take; what is not asked for is left out. */
    record DiskUsage(boolean images, boolean containers) implements Reading<Usage> {
        @Override
        public String object() {
            return "";
        }
    }

    /**
     * Answer of {@link DiskUsage}; all sizes in bytes.
     *
     * @param layers of all layers, each once
     * @param blobs of the content store: manifests, configurations, compressed layers
     */
    record Usage(long layers, long blobs, List<ImageUsage> images, List<ContainerUsage> containers) {}

    /**
     * An image's share.
     *
     * @param shared of layers that other images have too
     * @param containers how many were made from it
     */
    record ImageUsage(Image image, long shared, int containers) {}

    /**
     * A container's share.
     *
     * @param written of what it has written above its image
     * @param image of its image
     * @param log of its log
     */
    record ContainerUsage(ContainerView container, long written, long image, long log) {}

    /** Opens a registry on the engine's own store; it is open until the answer is closed. */
    record ServeRegistry(RegistryService service) implements ImageRequest<Served> {
        @Override
        public String object() {
            return service.listen();
        }
    }

    /**
     * How a registry is served.
     *
     * @param listen {@code HOST:PORT}; port 0 for any that is free
     * @param certificates for TLS in PEM; empty for none
     * @param key the certificate's private key in PEM; empty for none
     * @param htpasswd users and passwords (htpasswd -B); empty for none
     * @param anonymous what those without a password may do: {@code none}, {@code read} or {@code write}; empty for {@code none}
     *     with htpasswd and, on a loopback address only, {@code write} without
     * @param images whether the engine's own images can be pulled by their names
     */
    record RegistryService(
            String listen,
            Optional<Path> certificates,
            Optional<Path> key,
            Optional<Path> htpasswd,
            String anonymous,
            boolean images) {}

    /** A registry that is open. Thread-safe. */
    interface Served extends AutoCloseable {
        /** Where, as a URL without a path. */
        String address();

        @Override
        void close();
    }
}

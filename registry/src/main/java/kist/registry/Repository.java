package kist.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import kist.image.Descriptor;
import kist.image.Document;
import kist.image.Manifest;

/** One repository as it is on disk. Its own lock guards it; whoever changes it saves it before letting go. */
final class Repository {
    private static final int FORMAT = 1;

    final String name;
    final TreeSet<String> blobs = new TreeSet<>();
    /** When each blob came, or was asked for, in seconds since 1970. */
    final Map<String, Long> used = new HashMap<>();

    /** Whether the file may say something else, as it could not be written. */
    boolean unsaved;

    final TreeMap<String, String> tags = new TreeMap<>();
    final Map<String, Entry> manifests = new HashMap<>();

    /**
     * What lists need to know of a manifest without reading it.
     *
     * @param subject empty where there is none
     * @param parts digests of the blobs and manifests that it consists of
     */
    record Entry(
            String mediaType,
            long size,
            String subject,
            String artifactType,
            Map<String, String> annotations,
            List<String> parts) {
        static Entry of(Manifest manifest) {
            String type = manifest.artifactType();
            if (type.isEmpty() && manifest instanceof Manifest.Single single) {
                type = single.config().mediaType();
            }
            return new Entry(
                    manifest.mediaType(),
                    manifest.content().length,
                    manifest.subject().map(Descriptor::digest).orElse(""),
                    type,
                    manifest.annotations(),
                    parts(manifest));
        }

        private static List<String> parts(Manifest manifest) {
            return switch (manifest) {
                case Manifest.Single single ->
                    Stream.concat(Stream.of(single.config()), single.layers().stream())
                            .map(Descriptor::digest)
                            .distinct()
                            .toList();
                case Manifest.Index index ->
                    index.manifests().stream()
                            .map(Descriptor::digest)
                            .distinct()
                            .toList();
            };
        }

        Descriptor descriptor(String digest) {
            return new Descriptor(mediaType, digest, size, Optional.empty(), annotations, artifactType);
        }
    }

    Repository(String name) {
        this.name = name;
    }

    boolean isEmpty() {
        return blobs.isEmpty() && manifests.isEmpty();
    }

    /** Notes that somebody has to do with a blob. */
    void touch(String digest) {
        used.put(digest, System.currentTimeMillis() / 1000);
    }

    /** Blobs that no manifest names and that nobody has had to do with since. */
    List<String> unused(long before) {
        Set<String> named = new HashSet<>();
        manifests.values().forEach(entry -> named.addAll(entry.parts));
        return blobs.stream()
                .filter(digest -> !named.contains(digest) && used.getOrDefault(digest, 0L) < before)
                .toList();
    }

    byte[] toJson() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("format", FORMAT);
        all.put("name", name);
        all.put("tags", tags);
        List<Object> list = new ArrayList<>();
        manifests.forEach((digest, entry) -> {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("digest", digest);
            json.put("mediaType", entry.mediaType);
            json.put("size", entry.size);
            if (!entry.subject.isEmpty()) {
                json.put("subject", entry.subject);
            }
            if (!entry.artifactType.isEmpty()) {
                json.put("artifactType", entry.artifactType);
            }
            if (!entry.annotations.isEmpty()) {
                json.put("annotations", entry.annotations);
            }
            json.put("parts", entry.parts);
            list.add(json);
        });
        all.put("manifests", list);
        all.put(
                "blobs",
                blobs.stream()
                        .map(digest -> Map.of("digest", digest, "used", used.getOrDefault(digest, 0L)))
                        .toList());
        return Document.write(all);
    }

    static Repository read(Document json) {
        if (json.number("format") > FORMAT) {
            throw new RepositoryException(
                    RepositoryException.Code.NAME_UNKNOWN,
                    json.what() + " was written by a newer version of Kist (format " + json.number("format") + ")");
        }
        Repository repository = new Repository(json.text("name"));
        for (Document b : json.objects("blobs")) {
            repository.blobs.add(b.text("digest"));
            repository.used.put(b.text("digest"), b.number("used"));
        }
        repository.tags.putAll(json.map("tags"));
        for (Document m : json.objects("manifests")) {
            repository.manifests.put(
                    m.text("digest"),
                    new Entry(
                            m.text("mediaType"),
                            m.number("size"),
                            m.text("subject"),
                            m.text("artifactType"),
                            Map.copyOf(m.map("annotations")),
                            List.copyOf(m.texts("parts"))));
        }
        return repository;
    }
}

package kist.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import kist.image.Descriptor;
import kist.image.Document;
import kist.image.Manifest;

/** One repository as it is on disk. Its own lock guards it; whoever changes it saves it before letting go. */
final class Repository {
    private static final int FORMAT = 1;

    final String name;
    final TreeSet<String> blobs = new TreeSet<>();
    final TreeMap<String, String> tags = new TreeMap<>();
    final Map<String, Entry> manifests = new HashMap<>();

    /**
     * What lists need to know of a manifest without reading it.
     *
     * @param subject empty where there is none
     */
    record Entry(String mediaType, long size, String subject, String artifactType, Map<String, String> annotations) {
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
                    manifest.annotations());
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
            list.add(json);
        });
        all.put("manifests", list);
        all.put("blobs", List.copyOf(blobs));
        return Document.write(all);
    }

    static Repository read(Document json) {
        if (json.number("format") > FORMAT) {
            throw new RepositoryException(
                    RepositoryException.Code.NAME_UNKNOWN,
                    json.what() + " was written by a newer version of Kist (format " + json.number("format") + ")");
        }
        Repository repository = new Repository(json.text("name"));
        repository.blobs.addAll(json.texts("blobs"));
        repository.tags.putAll(json.map("tags"));
        for (Document m : json.objects("manifests")) {
            repository.manifests.put(
                    m.text("digest"),
                    new Entry(
                            m.text("mediaType"),
                            m.number("size"),
                            m.text("subject"),
                            m.text("artifactType"),
                            Map.copyOf(m.map("annotations"))));
        }
        return repository;
    }
}

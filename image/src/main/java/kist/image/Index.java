package kist.image;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The file that says which images there are; an image that is not in it does not exist. Written in format 2; format 1, whose
 * images have no layer archives, is read too.
 */
final class Index {
    static final String FILE = "index.json";

    private static final int VERSION = 2;
    /** It is our own file: far more than any store needs, far less than what would not fit into memory. */
    static final int MAXIMUM_SIZE = 256 << 20;

    /** Images by their id. */
    final Map<String, Entry> entries = new LinkedHashMap<>();
    /** Names that point to an index of several platforms, and that index. */
    final Map<String, Stored> lists = new LinkedHashMap<>();
    /** When an image last got a name here, in milliseconds since 1970, by its id. */
    final Map<String, Long> tagged = new LinkedHashMap<>();

    Index() {}

    /** A copy that can be changed. */
    Index copy() {
        Index copy = new Index();
        copy.entries.putAll(entries);
        copy.lists.putAll(lists);
        copy.tagged.putAll(tagged);
        return copy;
    }

    /** Whether another says the same. */
    boolean same(Index other) {
        return entries.equals(other.entries) && lists.equals(other.lists);
    }

    /** A manifest or an index among the blobs. */
    record Stored(String digest, String mediaType) {}

    /**
     * An image.
     *
     * @param references names in full form
     * @param digests names with the digest of a manifest or index, in full form
     * @param layers directories of its layers, lowest first
     * @param blobs the archives of its layers, as many
     * @param manifests what describes it among the blobs, the one to be preferred first
     * @param parent id of the image that it was made from here; empty where there is none
     * @param removed whether it was removed by force and is only kept until no container uses it
     * @param unsynced the boot of the machine in which it was made; empty once it is known to be on disk whole
     */
    record Entry(
            String id,
            List<String> references,
            List<String> digests,
            List<String> layers,
            List<LayerBlob> blobs,
            List<Stored> manifests,
            String parent,
            boolean removed,
            String unsynced) {
        Entry withReferences(List<String> changed) {
            return new Entry(id, List.copyOf(changed), digests, layers, blobs, manifests, parent, removed, unsynced);
        }

        Entry withDigests(List<String> changed) {
            return new Entry(id, references, List.copyOf(changed), layers, blobs, manifests, parent, removed, unsynced);
        }

        Entry withBlobs(List<LayerBlob> changedBlobs, List<Stored> changedManifests) {
            return new Entry(
                    id,
                    references,
                    digests,
                    layers,
                    List.copyOf(changedBlobs),
                    List.copyOf(changedManifests),
                    parent,
                    removed,
                    unsynced);
        }

        Entry withRemoved() {
            return new Entry(id, List.of(), List.of(), layers, blobs, manifests, parent, true, unsynced);
        }

        Entry withSynced() {
            return new Entry(id, references, digests, layers, blobs, manifests, parent, removed, "");
        }

        boolean hasManifest(String digest) {
            return manifests.stream().anyMatch(m -> m.digest().equals(digest));
        }
    }

    /** Gives a name to an image and takes it from whichever had it. */
    void move(String reference, String id) {
        Entry gains = entries.get(id);
        if (gains != null && !gains.references().contains(reference)) {
            tagged.put(id, System.currentTimeMillis());
        }
        entries.replaceAll((k, entry) -> entry.withReferences(moved(entry.references(), reference, k.equals(id))));
    }

    /** Gives a name with a digest to an image and takes it from whichever had it. */
    void moveDigest(String reference, String id) {
        entries.replaceAll((k, entry) -> entry.withDigests(moved(entry.digests(), reference, k.equals(id))));
    }

    private static List<String> moved(List<String> names, String name, boolean here) {
        if (!here && !names.contains(name) || here && names.contains(name)) {
            return names;
        }
        List<String> changed = new ArrayList<>(names);
        if (here) {
            changed.add(name);
        } else {
            changed.remove(name);
        }
        return changed;
    }

    static Index parse(byte[] content, String what) {
        Index index = new Index();
        Document json = Document.parseTrusted(content, what);
        if (json.number("version") != VERSION && json.number("version") != 1) {
            throw ImageException.invalid(what + " has version " + json.number("version")
                    + ", made by another version of Kist; this one reads versions 1 and " + VERSION);
        }
        for (Document image : json.objects("images")) {
            Entry entry = entry(image);
            index.entries.put(entry.id(), entry);
            if (image.has("tagged")) {
                index.tagged.put(entry.id(), image.number("tagged"));
            }
        }
        for (Document list : json.objects("lists")) {
            index.lists.put(list.text("reference"), stored(list));
        }
        return index;
    }

    private static Entry entry(Document image) {
        String id = image.text("id");
        Digest.hex(id, image.what() + ".id");
        for (String layer : image.texts("layers")) {
            if (!Digest.isHex(layer)) {
                throw ImageException.invalid(image.what() + ".layers holds " + Text.quote(layer));
            }
        }
        List<LayerBlob> blobs = new ArrayList<>();
        for (Document blob : image.objects("blobs")) {
            String digest = blob.text("digest");
            if (!digest.isEmpty()) {
                Digest.hex(digest, blob.what() + ".digest");
            }
            blobs.add(new LayerBlob(
                    digest,
                    blob.number("size"),
                    blob.number("plainSize"),
                    LayerBlob.Form.valueOf(blob.text("form").toUpperCase(Locale.ROOT))));
        }
        while (blobs.size() < image.texts("layers").size()) {
            blobs.add(LayerBlob.NONE);
        }
        return new Entry(
                id,
                List.copyOf(image.texts("references")),
                List.copyOf(image.texts("digests")),
                List.copyOf(image.texts("layers")),
                List.copyOf(blobs),
                image.objects("manifests").stream().map(Index::stored).toList(),
                image.text("parent"),
                image.flag("removed"),
                image.text("unsynced"));
    }

    private static Stored stored(Document json) {
        Digest.hex(json.text("digest"), json.what() + ".digest");
        return new Stored(json.text("digest"), json.text("mediaType"));
    }

    byte[] write() {
        List<Object> images = new ArrayList<>();
        for (Entry entry : entries.values()) {
            Map<String, Object> image = new LinkedHashMap<>();
            image.put("id", entry.id());
            image.put("references", entry.references());
            image.put("digests", entry.digests());
            image.put("layers", entry.layers());
            image.put("blobs", entry.blobs().stream().map(Index::toJson).toList());
            image.put("manifests", entry.manifests().stream().map(Index::toJson).toList());
            image.put("parent", entry.parent());
            image.put("removed", entry.removed());
            image.put("unsynced", entry.unsynced());
            Long time = tagged.get(entry.id());
            if (time != null) {
                image.put("tagged", time);
            }
            images.add(image);
        }
        List<Object> named = new ArrayList<>();
        lists.forEach((reference, stored) -> {
            Map<String, Object> list = new LinkedHashMap<>(toJson(stored));
            list.put("reference", reference);
            named.add(list);
        });
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("version", VERSION);
        json.put("images", images);
        json.put("lists", named);
        return Document.write(json);
    }

    private static Map<String, Object> toJson(Stored stored) {
        return Map.of("digest", stored.digest(), "mediaType", stored.mediaType());
    }

    private static Map<String, Object> toJson(LayerBlob blob) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("digest", blob.digest());
        json.put("size", blob.size());
        json.put("plainSize", blob.plainSize());
        json.put("form", blob.form().name().toLowerCase(Locale.ROOT));
        return json;
    }
}

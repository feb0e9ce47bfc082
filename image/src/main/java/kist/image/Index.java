package kist.image;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The file that says which images there are; an image that is not in it does not exist. */
final class Index {
    static final String FILE = "index.json";

    private static final int VERSION = 1;
    /** It is our own file: far more than any store needs, far less than what would not fit into memory. */
    static final int MAXIMUM_SIZE = 256 << 20;

    private Index() {}

    /**
     * An image.
     *
     * @param references names in full form
     * @param layers directories of its layers, lowest first
     * @param removed whether it was removed by force and is only kept until no container uses it
     */
    record Entry(String id, List<String> references, List<String> layers, boolean removed) {
        Entry withReferences(List<String> changed) {
            return new Entry(id, List.copyOf(changed), layers, removed);
        }
    }

    static Map<String, Entry> parse(byte[] content, String what) {
        Map<String, Entry> entries = new LinkedHashMap<>();
        Document json = Document.parseTrusted(content, what);
        if (json.number("version") != VERSION) {
            throw ImageException.invalid(what + " has version " + json.number("version")
                    + ", made by another version of Kist; this one reads version " + VERSION);
        }
        for (Document image : json.objects("images")) {
            String id = image.text("id");
            Digest.hex(id, image.what() + ".id");
            for (String layer : image.texts("layers")) {
                if (!Digest.isHex(layer)) {
                    throw ImageException.invalid(image.what() + ".layers holds " + Text.quote(layer));
                }
            }
            entries.put(
                    id,
                    new Entry(
                            id,
                            List.copyOf(image.texts("references")),
                            List.copyOf(image.texts("layers")),
                            image.flag("removed")));
        }
        return entries;
    }

    static byte[] write(Collection<Entry> entries) {
        List<Object> images = new ArrayList<>();
        for (Entry entry : entries) {
            Map<String, Object> image = new LinkedHashMap<>();
            image.put("id", entry.id());
            image.put("references", entry.references());
            image.put("layers", entry.layers());
            image.put("removed", entry.removed());
            images.add(image);
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("version", VERSION);
        json.put("images", images);
        return Document.write(json);
    }
}

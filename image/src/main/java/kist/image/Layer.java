package kist.image;

import java.util.LinkedHashMap;
import java.util.Map;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Trees;

/**
 * A layer in the store: {@code layers/<directory>/diff} with its description beside it.
 *
 * @param directory the digits of the diff id; of the chain id where the content took something from the layers below
 * @param size bytes of its regular files
 * @param plainSize bytes of its plain tar; 0 where that is not known
 * @param root whether its archive says what owner and mode the root directory has
 * @param opaque whether nothing of the layers below shows
 * @param dependent whether the content took, or above other layers would take, something from the layers below
 */
record Layer(
        String directory, String diffId, long size, long plainSize, boolean root, boolean opaque, boolean dependent) {
    static final String FILE = "layer.json";

    void write(Linux linux, Fd dir) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("version", 1);
        json.put("diffId", diffId);
        json.put("size", size);
        json.put("plainSize", plainSize);
        json.put("root", root);
        json.put("opaque", opaque);
        json.put("dependent", dependent);
        byte[] content = Document.write(json);
        try (Fd file = linux.openat2(dir, FILE, Flags.O_WRONLY | Flags.O_CREAT | Flags.O_EXCL, 0600, Trees.INSIDE)) {
            linux.write(file, content, 0, content.length);
        }
    }

    static Layer read(StoreFiles files, String directory) {
        try (Fd dir = files.openPath(files.layers, directory)) {
            Document json =
                    Document.parse(files.read(dir, FILE, 4096), files.where + "/layers/" + directory + "/" + FILE);
            return new Layer(
                    directory,
                    json.text("diffId"),
                    json.number("size"),
                    json.has("plainSize") ? json.number("plainSize") : 0,
                    json.flag("root"),
                    json.flag("opaque"),
                    json.flag("dependent"));
        }
    }
}

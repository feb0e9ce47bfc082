package kist.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/**
 * Makes the image {@code hello:latest} that the distribution ships, as a docker-archive: one file, {@code /hello}. The same
 * binary always gives the same bytes. Run when the distribution is packaged.
 */
public final class HelloImage {
    private static final Instant CREATED = Instant.parse("2026-01-01T00:00:00Z");

    private HelloImage() {}

    /**
     * Writes the archive.
     *
     * @param args the static binary that says hello when it is called {@code hello}, and the tar to write
     * @throws IOException if one cannot be read or the other written
     */
    public static void main(String[] args) throws IOException {
        if (args.length != 2) {
            throw new IllegalArgumentException("usage: HelloImage BINARY OUTPUT.tar");
        }
        Files.write(Path.of(args[1]), archive(Files.readAllBytes(Path.of(args[0]))));
    }

    static byte[] archive(byte[] binary) throws IOException {
        byte[] layer = tar(Map.of("hello", binary), 0755);
        String diffId = Digest.of(layer);
        ImageConfig config = new ImageConfig(
                List.of(), List.of("/hello"), List.of("PATH=/"), "/", "", List.of(), List.of(), Map.of(), "");
        byte[] document = new ImageDocument(
                        CREATED,
                        ArchiveLoader.architecture(),
                        "",
                        "linux",
                        "",
                        "",
                        List.of(diffId),
                        config,
                        List.of(new Image.History(CREATED, "kist: the keeper's hello", "", "", false)))
                .toJson();
        String layerName = diffId.substring(7) + "/layer.tar";
        String configName = Digest.of(document).substring(7) + ".json";
        String manifest = "[{\"Config\":\"" + configName + "\",\"RepoTags\":[\"hello:latest\"],\"Layers\":[\""
                + layerName + "\"]}]";
        Map<String, byte[]> members = new LinkedHashMap<>();
        members.put(layerName, layer);
        members.put(configName, document);
        members.put("manifest.json", manifest.getBytes(StandardCharsets.UTF_8));
        return tar(members, 0644);
    }

    private static byte[] tar(Map<String, byte[]> members, int mode) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> member : members.entrySet()) {
                TarArchiveEntry entry = new TarArchiveEntry(member.getKey());
                entry.setSize(member.getValue().length);
                entry.setMode(mode);
                entry.setModTime(CREATED.toEpochMilli());
                tar.putArchiveEntry(entry);
                tar.write(member.getValue());
                tar.closeArchiveEntry();
            }
        }
        return bytes.toByteArray();
    }
}

package kist.image;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Points to content by its digest (OCI image spec, descriptor.md).
 *
 * @param digest {@code sha256:} and 64 lower-case hexadecimal digits
 * @param size bytes
 * @param artifactType of a manifest that an index lists; empty where it is not said
 */
public record Descriptor(
        String mediaType,
        String digest,
        long size,
        Optional<Platform> platform,
        Map<String, String> annotations,
        String artifactType) {

    /** A descriptor without platform and annotations. */
    public static Descriptor of(String mediaType, String digest, long size) {
        return new Descriptor(mediaType, digest, size, Optional.empty(), Map.of(), "");
    }

    /** Describes these bytes. */
    public static Descriptor of(String mediaType, byte[] content) {
        return of(mediaType, Digest.of(content), content.length);
    }

    /** Reads one; the digest is checked against its grammar and the size is not negative. */
    static Descriptor read(Document json) {
        String digest = json.text("digest");
        Digest.hex(digest, json.what() + ".digest");
        long size = json.number("size");
        if (size < 0) {
            throw ImageException.invalid(json.what() + ".size is negative");
        }
        return new Descriptor(
                json.text("mediaType"),
                digest,
                size,
                json.object("platform").map(Descriptor::platform),
                Map.copyOf(json.map("annotations")),
                json.text("artifactType"));
    }

    private static Platform platform(Document json) {
        return new Platform(json.text("os"), json.text("architecture"), json.text("variant"), json.text("os.version"));
    }

    /** As it stands in a manifest. */
    public Map<String, Object> toJson() {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("mediaType", mediaType);
        json.put("digest", digest);
        json.put("size", size);
        if (!annotations.isEmpty()) {
            json.put("annotations", annotations);
        }
        platform.ifPresent(p -> {
            Map<String, Object> said = new LinkedHashMap<>();
            said.put("architecture", p.architecture());
            said.put("os", p.os());
            if (!p.osVersion().isEmpty()) {
                said.put("os.version", p.osVersion());
            }
            if (!p.variant().isEmpty()) {
                said.put("variant", p.variant());
            }
            json.put("platform", said);
        });
        if (!artifactType.isEmpty()) {
            json.put("artifactType", artifactType);
        }
        return json;
    }
}

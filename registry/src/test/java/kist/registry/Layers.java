package kist.registry;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import kist.image.Descriptor;
import kist.image.Digest;
import kist.image.Manifest;
import kist.image.MediaTypes;

/** Real layers, small enough for a test. */
final class Layers {
    private Layers() {}

    /** A tar of one file (POSIX ustar). */
    static byte[] tar(String name, byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] header = new byte[512];
        put(header, 0, name);
        put(header, 100, "0000644\0");
        put(header, 108, "0000000\0");
        put(header, 116, "0000000\0");
        put(header, 124, String.format("%011o", content.length));
        put(header, 136, "00000000000");
        put(header, 148, "        ");
        header[156] = '0';
        put(header, 257, "ustar\00000");
        int sum = 0;
        for (byte b : header) {
            sum += b & 0xff;
        }
        put(header, 148, String.format("%06o\0 ", sum));
        out.writeBytes(header);
        out.writeBytes(content);
        out.writeBytes(new byte[(512 - content.length % 512) % 512 + 1024]);
        return out.toByteArray();
    }

    private static void put(byte[] header, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, header, at, bytes.length);
    }

    static byte[] gzip(byte[] plain) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static byte[] config(String os, String architecture, List<byte[]> tars) {
        return Fixtures.bytes("{\"os\":\"" + os + "\",\"architecture\":\"" + architecture
                + "\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
                + String.join("\",\"", tars.stream().map(Digest::of).toList()) + "\"]}}");
    }

    /** Puts an image of these layers into a registry. */
    static Manifest.Single image(
            FakeRegistry registry, String name, String tag, String os, String architecture, byte[]... tars) {
        byte[] config = config(os, architecture, Arrays.asList(tars));
        registry.addBlob(config);
        List<Descriptor> layers = Arrays.stream(tars)
                .map(Layers::gzip)
                .map(z -> {
                    registry.addBlob(z);
                    return Descriptor.of(MediaTypes.OCI_LAYER + "+gzip", z);
                })
                .toList();
        Manifest.Single manifest =
                Manifest.image(MediaTypes.OCI_MANIFEST, Descriptor.of(MediaTypes.OCI_CONFIG, config), layers);
        registry.addManifest(name, tag, MediaTypes.OCI_MANIFEST, manifest.content());
        return manifest;
    }
}

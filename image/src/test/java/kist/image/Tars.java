package kist.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** Makes archives for tests with another library than the one under test, hostile ones too. */
final class Tars {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes, "UTF-8");

    Tars() {
        tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        tar.setAddPaxHeadersForNonAsciiNames(true);
    }

    Tars entry(String name, byte type, String link, byte[] content, int mode, Map<String, String> pax) {
        try {
            TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
            entry.setName(name);
            entry.setLinkName(link);
            entry.setSize(content.length);
            entry.setMode(mode);
            entry.setIds(0, 0);
            entry.setModTime(1_700_000_000_000L);
            pax.forEach(entry::addPaxHeader);
            tar.putArchiveEntry(entry);
            tar.write(content);
            tar.closeArchiveEntry();
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Tars file(String name, String content) {
        return file(name, content.getBytes(StandardCharsets.UTF_8));
    }

    Tars file(String name, byte[] content) {
        return entry(name, TarConstants.LF_NORMAL, "", content, 0644, Map.of());
    }

    Tars file(String name, String content, int mode, Map<String, String> pax) {
        return entry(name, TarConstants.LF_NORMAL, "", content.getBytes(StandardCharsets.UTF_8), mode, pax);
    }

    Tars directory(String name) {
        return directory(name, 0755);
    }

    Tars directory(String name, int mode) {
        return entry(name, TarConstants.LF_DIR, "", new byte[0], mode, Map.of());
    }

    Tars symlink(String name, String target) {
        return entry(name, TarConstants.LF_SYMLINK, target, new byte[0], 0777, Map.of());
    }

    Tars hardlink(String name, String target) {
        return entry(name, TarConstants.LF_LINK, target, new byte[0], 0644, Map.of());
    }

    Tars fifo(String name) {
        return entry(name, TarConstants.LF_FIFO, "", new byte[0], 0640, Map.of());
    }

    Tars device(String name, byte type, int major, int minor) {
        try {
            TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
            entry.setMode(0660);
            entry.setDevMajor(major);
            entry.setDevMinor(minor);
            tar.putArchiveEntry(entry);
            tar.closeArchiveEntry();
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    byte[] bytes() {
        try {
            tar.close();
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One bare header with its checksum, to be followed by whatever the test likes. */
    static byte[] header(String name, char type, long size) {
        byte[] block = new byte[512];
        byte[] n = name.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(n, 0, block, 0, Math.min(100, n.length));
        put(block, 100, "0000644\0");
        put(block, 108, "0000000\0");
        put(block, 116, "0000000\0");
        if (size <= 077777777777L) {
            put(block, 124, String.format("%011o\0", size));
        } else {
            block[124] = (byte) 0x80;
            for (int i = 0; i < 8; i++) {
                block[135 - i] = (byte) (size >>> 8 * i);
            }
        }
        put(block, 136, "00000000000\0");
        block[156] = (byte) type;
        put(block, 257, "ustar\00000");
        return checksum(block);
    }

    static byte[] checksum(byte[] block) {
        put(block, 148, "        ");
        int sum = 0;
        for (byte b : block) {
            sum += b & 0xff;
        }
        put(block, 148, String.format("%06o\0 ", sum));
        return block;
    }

    private static void put(byte[] block, int at, String text) {
        byte[] b = text.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(b, 0, block, at, b.length);
    }

    /** A pax extended header with one record. */
    static byte[] pax(String key, String value) {
        String rest = " " + key + "=" + value + "\n";
        int length = rest.length() + 2;
        if (length > 99) {
            length++;
        }
        byte[] record = (length + rest).getBytes(StandardCharsets.UTF_8);
        return concat(
                header("pax", 'x', record.length), java.util.Arrays.copyOf(record, (record.length + 511) / 512 * 512));
    }

    static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    /** A docker-archive of one image with these layers. */
    static byte[] dockerArchive(String tag, byte[]... layers) {
        Tars archive = new Tars();
        StringBuilder diffIds = new StringBuilder();
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < layers.length; i++) {
            String comma = i == 0 ? "" : ",";
            diffIds.append(comma).append('"').append(Digest.of(layers[i])).append('"');
            names.append(comma).append("\"l").append(i).append("/layer.tar\"");
            archive.file("l" + i + "/layer.tar", layers[i]);
        }
        String config = "{\"architecture\":\"" + ArchiveLoader.architecture()
                + "\",\"os\":\"linux\",\"created\":\"2024-02-03T04:05:06.123456789Z\",\"config\":{\"Cmd\":[\"sh\"],"
                + "\"Env\":[\"PATH=/bin\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" + diffIds + "]}}";
        String configName = Digest.of(config.getBytes(StandardCharsets.UTF_8)).substring(7) + ".json";
        String tags = tag.isEmpty() ? "null" : "[\"" + tag + "\"]";
        return archive.file(configName, config)
                .file(
                        "manifest.json",
                        "[{\"Config\":\"" + configName + "\",\"RepoTags\":" + tags + ",\"Layers\":[" + names + "]}]")
                .bytes();
    }
}

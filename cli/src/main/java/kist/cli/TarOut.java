package kist.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Packs local files into a tar (POSIX pax): own code of a page, since the jars of a library would be looked through at the
 * start of every command. Not thread-safe.
 */
final class TarOut {
    private static final int BLOCK = 512;
    private static final long LARGEST_OCTAL = 077777777777L;

    private final OutputStream out;
    private final Map<Object, String> names = new HashMap<>();

    TarOut(OutputStream out) {
        this.out = out;
    }

    /** Packs a file, or a directory with what is in it, under a name. Sockets are left out. */
    void add(Path path, String name) throws IOException {
        var attributes = Files.readAttributes(path, "unix:*", LinkOption.NOFOLLOW_LINKS);
        int mode = number(attributes, "mode").intValue();
        boolean several = number(attributes, "nlink").intValue() > 1;
        switch (mode & 0170000) {
            case 0040000 -> {
                header(name.endsWith("/") ? name : name + "/", "", '5', mode, 0, attributes);
                try (var entries = Files.newDirectoryStream(path)) {
                    for (var entry : entries) {
                        addUnlessGone(entry, (name.endsWith("/") ? name : name + "/") + entry.getFileName());
                    }
                }
            }
            case 0120000 -> header(name, Files.readSymbolicLink(path).toString(), '2', mode, 0, attributes);
            case 0100000 -> {
                var first = several ? names.putIfAbsent(attributes.get("fileKey"), name) : null;
                if (first != null) {
                    header(name, first, '1', mode, 0, attributes);
                } else {
                    content(path, name, mode, attributes);
                }
            }
            case 0010000 -> header(name, "", '6', mode, 0, attributes);
            case 0020000, 0060000 ->
                throw new IOException(path + " is a device, which cannot be copied into a container");
            default -> {}
        }
    }

    /** One that the file system gives of every file. */
    private static Number number(Map<String, Object> attributes, String name) {
        if (attributes.get(name) instanceof Number number) {
            return number;
        }
        throw new IllegalStateException("a file without " + name);
    }

    private void addUnlessGone(Path path, String name) throws IOException {
        try {
            add(path, name);
        } catch (NoSuchFileException e) {
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                throw e;
            }
        }
    }

    /** A file that grows is cut, one that shrinks is filled up: its size has been said already. */
    private void content(Path path, String name, int mode, Map<String, Object> attributes) throws IOException {
        long size = number(attributes, "size").longValue();
        try (var in = Files.newInputStream(path)) {
            header(name, "", '0', mode, size, attributes);
            var piece = new byte[128 << 10];
            long left = size;
            while (left > 0) {
                int n = in.read(piece, 0, (int) Math.min(piece.length, left));
                if (n < 0) {
                    n = (int) Math.min(piece.length, left);
                    Arrays.fill(piece, 0, n, (byte) 0);
                }
                out.write(piece, 0, n);
                left -= n;
            }
            out.write(new byte[(int) (-size & BLOCK - 1)]);
        }
    }

    private void header(String name, String link, char type, int mode, long size, Map<String, Object> attributes)
            throws IOException {
        long mtime =
                ((FileTime) attributes.getOrDefault("lastModifiedTime", FileTime.fromMillis(0))).to(TimeUnit.SECONDS);
        long uid = ((Number) attributes.getOrDefault("uid", 0)).longValue();
        long gid = ((Number) attributes.getOrDefault("gid", 0)).longValue();
        var more = new ByteArrayOutputStream();
        record(more, name.getBytes(StandardCharsets.UTF_8).length > 100, "path", name);
        record(more, link.getBytes(StandardCharsets.UTF_8).length > 100, "linkpath", link);
        record(more, size > LARGEST_OCTAL, "size", Long.toString(size));
        record(more, uid > 07777777, "uid", Long.toString(uid));
        record(more, gid > 07777777, "gid", Long.toString(gid));
        record(more, mtime < 0 || mtime > LARGEST_OCTAL, "mtime", Long.toString(mtime));
        if (more.size() > 0) {
            block("PaxHeaders/entry", "", 'x', 0644, 0, 0, more.size(), 0);
            more.writeTo(out);
            out.write(new byte[-more.size() & BLOCK - 1]);
        }
        block(name, link, type, mode & 07777, uid, gid, size, Math.max(0, mtime));
    }

    private static void record(ByteArrayOutputStream to, boolean needed, String key, String value) {
        if (needed) {
            var rest = (" " + key + "=" + value + "\n").getBytes(StandardCharsets.UTF_8);
            int length = rest.length + 1;
            while (length != rest.length + Integer.toString(length).length()) {
                length = rest.length + Integer.toString(length).length();
            }
            to.writeBytes(Integer.toString(length).getBytes(StandardCharsets.US_ASCII));
            to.writeBytes(rest);
        }
    }

    private void block(String name, String link, char type, int mode, long uid, long gid, long size, long mtime)
            throws IOException {
        var block = new byte[BLOCK];
        text(block, 0, 100, name);
        octal(block, 100, 7, mode);
        octal(block, 108, 7, uid & 07777777);
        octal(block, 116, 7, gid & 07777777);
        octal(block, 124, 11, size & LARGEST_OCTAL);
        octal(block, 136, 11, mtime & LARGEST_OCTAL);
        block[156] = (byte) type;
        text(block, 157, 100, link);
        text(block, 257, 8, "ustar\00000");
        Arrays.fill(block, 148, 156, (byte) ' ');
        int sum = 0;
        for (byte b : block) {
            sum += b & 0xff;
        }
        octal(block, 148, 6, sum);
        block[154] = 0;
        out.write(block);
    }

    private static void text(byte[] block, int at, int room, String text) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(bytes, 0, block, at, Math.min(room, bytes.length));
    }

    private static void octal(byte[] block, int at, int digits, long value) {
        for (int i = at + digits - 1; i >= at; i--) {
            block[i] = (byte) ('0' + (value & 7));
            value >>>= 3;
        }
    }

    /** Ends the archive. */
    void finish() throws IOException {
        out.write(new byte[2 * BLOCK]);
    }
}

package kist.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Unpacks a tar of a container, which may be hostile, below a local directory: no name leads out of it, and no link that the
 * archive brought is gone through. Files belong to who unpacks them. Not thread-safe.
 */
final class TarIn {
    private static final int BLOCK = 512;
    private static final int MOST_EXTENSION = 1 << 20;

    private final InputStream in;
    private final Path directory;
    private final String rename;
    private final Context context;
    private final List<Map.Entry<Path, FileTime>> directories = new ArrayList<>();
    private final byte[] piece = new byte[128 << 10];
    private long size;

    /**
     * Makes one.
     *
     * @param directory what the names are relative to
     * @param rename what the first part of each name is to be; empty to leave it
     */
    TarIn(Context context, InputStream in, Path directory, String rename) {
        this.context = context;
        this.in = in;
        this.directory = directory;
        this.rename = rename;
    }

    /** Unpacks everything and answers how many bytes of files it was. */
    long unpack() throws IOException {
        long all = 0;
        Map<String, String> pax = new HashMap<>();
        var block = new byte[BLOCK];
        while (fill(block) && !isZero(block)) {
            char type = (char) block[156];
            size = octal(block, 124, 12);
            if (type == 'x' || type == 'g') {
                var records = extension();
                if (type == 'x') {
                    pax.putAll(records);
                }
                continue;
            }
            if (pax.containsKey("size")) {
                size = Long.parseLong(pax.getOrDefault("size", "0"));
            }
            var prefix = text(block, 345, 155);
            var name = pax.getOrDefault("path", (prefix.isEmpty() ? "" : prefix + "/") + text(block, 0, 100));
            var link = pax.getOrDefault("linkpath", text(block, 157, 100));
            entry(type, name, link, (int) octal(block, 100, 8), octal(block, 136, 12));
            all += type == '0' || type == 0 ? size : 0;
            pax = new HashMap<>();
        }
        for (var made : directories) {
            Files.setLastModifiedTime(made.getKey(), made.getValue());
        }
        in.transferTo(java.io.OutputStream.nullOutputStream());
        return all;
    }

    private void entry(char type, String name, String link, int mode, long seconds) throws IOException {
        var target = place(name);
        var time = FileTime.from(seconds, TimeUnit.SECONDS);
        boolean there = Files.exists(target, LinkOption.NOFOLLOW_LINKS);
        boolean isDirectory = Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS);
        if (type == '5') {
            if (there && !isDirectory && !(target.equals(directory) && Files.isDirectory(target))) {
                throw new Failure(
                        1, "kist: cannot overwrite non-directory \"" + target + "\" with directory \"" + name + "\"");
            }
            if (!there) {
                Files.createDirectory(target);
                Files.setAttribute(target, "unix:mode", mode & 07777);
                directories.add(Map.entry(target, time));
            }
            return;
        }
        if (isDirectory) {
            throw new Failure(
                    1, "kist: cannot overwrite directory \"" + target + "\" with non-directory \"" + name + "\"");
        }
        switch (type) {
            case '0', 0, '7' -> file(target, mode, time);
            case '1' -> {
                Files.deleteIfExists(target);
                Files.createLink(target, place(link));
            }
            case '2' -> {
                Files.deleteIfExists(target);
                Files.createSymbolicLink(target, Path.of(link));
            }
            default -> {
                context.error("kist: " + name + " is a device or a pipe and is left out");
                skip(size + (-size & BLOCK - 1));
            }
        }
    }

    private void file(Path target, int mode, FileTime time) throws IOException {
        if (Files.isSymbolicLink(target)) {
            Files.delete(target);
        }
        try (var out = Files.newOutputStream(
                target,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS)) {
            long left = size;
            while (left > 0) {
                int n = in.read(piece, 0, (int) Math.min(piece.length, left));
                if (n < 0) {
                    throw new IOException("the archive is cut short");
                }
                out.write(piece, 0, n);
                left -= n;
            }
        }
        skip(-size & BLOCK - 1);
        Files.setAttribute(target, "unix:mode", mode & 07777, LinkOption.NOFOLLOW_LINKS);
        Files.setLastModifiedTime(target, time);
    }

    /** Where an entry goes; its parents must be directories, not links to them. */
    private Path place(String name) throws IOException {
        var parts = new ArrayList<String>();
        for (var part : name.split("/")) {
            if (part.equals("..")) {
                throw new Failure(1, "kist: the archive holds a name that leads out of its directory: " + name);
            }
            if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        if (!rename.isEmpty() && !parts.isEmpty()) {
            parts.set(0, rename);
        }
        var at = directory;
        for (int i = 0; i < parts.size() - 1; i++) {
            at = at.resolve(parts.get(i));
            try {
                Files.createDirectory(at);
            } catch (FileAlreadyExistsException e) {
                if (!Files.isDirectory(at, LinkOption.NOFOLLOW_LINKS)) {
                    throw new Failure(1, "kist: the archive leads through \"" + at + "\", which is no directory");
                }
            }
        }
        return parts.isEmpty() ? directory : at.resolve(parts.getLast());
    }

    private Map<String, String> extension() throws IOException {
        if (size < 0 || size > MOST_EXTENSION) {
            throw new IOException("the archive has an extension of " + size + " bytes");
        }
        var bytes = in.readNBytes((int) size);
        skip(-size & BLOCK - 1);
        var records = new HashMap<String, String>();
        for (int at = 0; at < bytes.length; ) {
            int space = at;
            while (space < bytes.length && bytes[space] != ' ') {
                space++;
            }
            int length = Integer.parseInt(new String(bytes, at, space - at, StandardCharsets.US_ASCII));
            if (length <= 0 || at + length > bytes.length) {
                throw new IOException("the archive has a malformed extension");
            }
            var record = new String(bytes, space + 1, at + length - space - 2, StandardCharsets.UTF_8);
            int equals = record.indexOf('=');
            if (equals > 0) {
                records.put(record.substring(0, equals), record.substring(equals + 1));
            }
            at += length;
        }
        return records;
    }

    private boolean fill(byte[] block) throws IOException {
        int n = in.readNBytes(block, 0, block.length);
        if (n > 0 && n < block.length) {
            throw new IOException("the archive is cut short");
        }
        return n > 0;
    }

    private static boolean isZero(byte[] block) {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    private void skip(long count) throws IOException {
        if (count > 0) {
            in.skipNBytes(count);
        }
    }

    private static String text(byte[] block, int at, int room) {
        int end = at;
        while (end < at + room && block[end] != 0) {
            end++;
        }
        return new String(block, at, end - at, StandardCharsets.UTF_8);
    }

    private static long octal(byte[] block, int at, int length) throws IOException {
        long value = 0;
        for (int i = at; i < at + length && block[i] != 0 && block[i] != ' '; i++) {
            if (block[i] < '0' || block[i] > '7') {
                throw new IOException("the archive has a malformed header");
            }
            value = value << 3 | block[i] - '0';
        }
        return value;
    }
}

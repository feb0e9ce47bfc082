package kist.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.TreeMap;
import kist.kernel.FileNames;

/**
 * Writes tar archives as {@link TarReader} reads them: ustar headers, and pax ones before them for what ustar has no room
 * for (POSIX, pax utility). Own code, because names and extended attributes are bytes. The same entries always give the
 * same bytes. Not thread-safe.
 *
 * <p>An {@link IOException} is always the stream's own.
 */
final class TarWriter {
    private static final int BLOCK = 512;
    private static final int NAME = 100;
    private static final int PREFIX = 155;
    private static final long OCTAL_7 = 07777777;
    private static final long OCTAL_11 = 077777777777L;
    private static final byte[] ZEROS = new byte[2 * BLOCK];

    private final OutputStream out;
    private long left;
    private int padding;

    /** Makes a writer; the stream is neither buffered nor closed by it. */
    TarWriter(OutputStream out) {
        this.out = out;
    }

    /** Begins an entry; exactly {@link TarEntry#size} bytes of content follow where it is a file. */
    void begin(TarEntry entry) throws IOException {
        if (left != 0) {
            throw new IllegalStateException("the content of the entry before lacks " + left + " bytes");
        }
        boolean file = entry.type() == TarEntry.Type.FILE;
        long size = file ? entry.size() : 0;
        boolean slash = entry.type() == TarEntry.Type.DIRECTORY && !entry.name().endsWith("/");
        byte[] name = FileNames.encode(slash ? entry.name() + "/" : entry.name());
        byte[] link = FileNames.encode(entry.linkName());
        byte[] block = new byte[BLOCK];
        PaxRecords pax = new PaxRecords();
        int split = isAscii(name) ? split(name) : -1;
        if (split < 0) {
            pax.bytes("path", name);
            System.arraycopy(name, 0, block, 0, Math.min(NAME, name.length));
        } else {
            System.arraycopy(name, split, block, 0, name.length - split);
            if (split > 0) {
                System.arraycopy(name, 0, block, 345, split - 1);
            }
        }
        if (link.length > NAME || !isAscii(link)) {
            pax.bytes("linkpath", link);
        }
        System.arraycopy(link, 0, block, 157, Math.min(NAME, link.length));
        octal(block, 100, 7, entry.mode() & 07777);
        octal(block, 108, 7, pax.fit("uid", entry.uid(), OCTAL_7));
        octal(block, 116, 7, pax.fit("gid", entry.gid(), OCTAL_7));
        octal(block, 124, 11, pax.fit("size", size, OCTAL_11));
        octal(block, 136, 11, pax.time("mtime", entry.mtimeSec(), entry.mtimeNsec()));
        block[156] = (byte) type(entry.type());
        ascii(block, 257, "ustar\00000");
        if (entry.type() == TarEntry.Type.CHARACTER_DEVICE || entry.type() == TarEntry.Type.BLOCK_DEVICE) {
            octal(block, 329, 7, entry.devMajor());
            octal(block, 337, 7, entry.devMinor());
        }
        new TreeMap<>(entry.xattrs()).forEach((k, v) -> {
            if (k.indexOf('=') >= 0) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        Text.quote(entry.name()) + " has the extended attribute " + Text.quote(k)
                                + ", whose name no tar archive can hold because of the '=' in it");
            }
            pax.bytes("SCHILY.xattr." + k, v);
        });
        pax.write();
        checksum(block);
        out.write(block);
        left = size;
        padding = (int) (-size & BLOCK - 1);
    }

    /** Writes content of the current entry. */
    void content(byte[] bytes, int length) throws IOException {
        if (length > left) {
            throw new IllegalStateException("content beyond the end of the entry");
        }
        out.write(bytes, 0, length);
        left -= length;
        if (left == 0 && padding > 0) {
            out.write(ZEROS, 0, padding);
            padding = 0;
        }
    }

    /** Ends the archive. */
    void finish() throws IOException {
        if (left != 0) {
            throw new IllegalStateException("the content of the last entry lacks " + left + " bytes");
        }
        out.write(ZEROS);
    }

    private static char type(TarEntry.Type type) {
        return switch (type) {
            case FILE -> '0';
            case HARD_LINK -> '1';
            case SYMBOLIC_LINK -> '2';
            case CHARACTER_DEVICE -> '3';
            case BLOCK_DEVICE -> '4';
            case DIRECTORY -> '5';
            case FIFO -> '6';
        };
    }

    /** Where the name field begins, behind a prefix where there is one; -1 where ustar cannot hold it. */
    private static int split(byte[] name) {
        if (name.length <= NAME) {
            return 0;
        }
        for (int i = Math.max(1, name.length - NAME - 1); i <= PREFIX && i < name.length - 1; i++) {
            if (name[i] == '/') {
                return i + 1;
            }
        }
        return -1;
    }

    private static boolean isAscii(byte[] text) {
        for (byte b : text) {
            if (b < 0) {
                return false;
            }
        }
        return true;
    }

    private static void octal(byte[] block, int at, int digits, long value) {
        for (int i = at + digits - 1; i >= at; i--) {
            block[i] = (byte) ('0' + (value & 7));
            value >>>= 3;
        }
    }

    private static void ascii(byte[] block, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, block, at, bytes.length);
    }

    private static void checksum(byte[] block) {
        Arrays.fill(block, 148, 156, (byte) ' ');
        int sum = 0;
        for (byte b : block) {
            sum += b & 0xff;
        }
        octal(block, 148, 6, sum);
        block[154] = 0;
    }

    /** The records of one extended header. */
    private final class PaxRecords {
        private final ByteArrayOutputStream records = new ByteArrayOutputStream();
        private boolean binary;

        void bytes(String key, byte[] value) {
            if (!key.startsWith("SCHILY.") && !binary && !isUtf8(value)) {
                binary = true;
            }
            record(records, key, value);
        }

        private void text(String key, String value) {
            bytes(key, value.getBytes(StandardCharsets.US_ASCII));
        }

        /** A number that goes into the header where it fits; 0 is there where it does not. */
        long fit(String key, long value, long maximum) {
            if (value >= 0 && value <= maximum) {
                return value;
            }
            text(key, Long.toString(value));
            return 0;
        }

        long time(String key, long seconds, int nanoseconds) {
            if (nanoseconds == 0) {
                return fit(key, seconds, OCTAL_11);
            }
            // the fraction counts away from zero, the kernel's nanoseconds always upwards
            boolean negative = seconds < 0;
            long whole = negative ? -(seconds + 1) : seconds;
            String fraction = String.format("%09d", negative ? 1_000_000_000 - nanoseconds : nanoseconds);
            int end = fraction.length();
            while (fraction.charAt(end - 1) == '0') {
                end--;
            }
            text(key, (negative ? "-" : "") + whole + "." + fraction.substring(0, end));
            return negative || seconds > OCTAL_11 ? 0 : seconds;
        }

        void write() throws IOException {
            if (records.size() == 0) {
                return;
            }
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            if (binary) {
                record(all, "hdrcharset", "BINARY".getBytes(StandardCharsets.US_ASCII));
            }
            records.writeTo(all);
            byte[] block = new byte[BLOCK];
            ascii(block, 0, "PaxHeaders/entry");
            octal(block, 100, 7, 0644);
            octal(block, 108, 7, 0);
            octal(block, 116, 7, 0);
            octal(block, 124, 11, all.size());
            octal(block, 136, 11, 0);
            block[156] = 'x';
            ascii(block, 257, "ustar\00000");
            checksum(block);
            out.write(block);
            all.writeTo(out);
            out.write(ZEROS, 0, -all.size() & BLOCK - 1);
        }

        private static void record(ByteArrayOutputStream to, String key, byte[] value) {
            byte[] name = FileNames.encode(key);
            int rest = name.length + value.length + 3;
            int length = rest + 1;
            while (length != rest + Integer.toString(length).length()) {
                length = rest + Integer.toString(length).length();
            }
            to.writeBytes((length + " ").getBytes(StandardCharsets.US_ASCII));
            to.writeBytes(name);
            to.write('=');
            to.writeBytes(value);
            to.write('\n');
        }

        private static boolean isUtf8(byte[] text) {
            try {
                StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(text));
                return true;
            } catch (CharacterCodingException e) {
                return false;
            }
        }
    }
}

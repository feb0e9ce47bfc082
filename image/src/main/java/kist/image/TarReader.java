package kist.image;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;

/**
 * Reads tar archives: V7, ustar, pax and GNU with sparse files (tar(5), POSIX pax). Own code, because names and extended
 * attributes are bytes and the libraries read them as text, which destroys file capabilities; and because each header
 * must be bounded. Not thread-safe.
 *
 * <p>What is wrong with an archive is thrown as an {@link ImageException} that names it; an {@link IOException} is the
 * source's own.
 */
final class TarReader {
    /** More than any real header: a name has 4 KiB, an extended attribute 64 KiB. */
    private static final int MAXIMUM_EXTENSION = 1 << 20;

    private static final int MAXIMUM_EXTENSIONS = 16;
    private static final int BLOCK = 512;
    private static final int BUFFER = 256 << 10;

    private final InputStream in;
    private final String what;
    private final byte[] buffer = new byte[BUFFER];
    private int from;
    private int to;
    private final byte[] header = new byte[BLOCK];
    private final PaxHeaders global = new PaxHeaders();
    private long stored;
    private int padding;
    private boolean ended;
    private boolean endMarker;
    private long[] sparse = {};
    private long size;

    /** Takes a stored region of an entry's content. */
    interface Sink {
        /** Called with ascending positions; the bytes are the sink's only during the call. */
        void write(byte[] bytes, int length, long position);
    }

    /**
     * Makes a reader; the source is not closed by it.
     *
     * @param what names the archive in messages, such as {@code layer 3}
     */
    TarReader(InputStream in, String what) {
        this.in = in;
        this.what = what;
    }

    /** The next entry; what was not read of the last one is passed over. Empty at the end. */
    Optional<TarEntry> next() throws IOException {
        skip(stored);
        // umoci leaves out what would fill up the last block; nothing of the content is missing
        ended |= !skipPadding();
        stored = 0;
        padding = 0;
        if (ended) {
            return Optional.empty();
        }
        PaxHeaders pax = new PaxHeaders();
        String longName = "";
        String longLink = "";
        for (int extensions = 0; ; extensions++) {
            if (!readHeader()) {
                if (extensions > 0) {
                    throw invalid("ends after a header that announces another");
                }
                return Optional.empty();
            }
            if (extensions > MAXIMUM_EXTENSIONS) {
                throw invalid("an entry has more than " + MAXIMUM_EXTENSIONS + " extension headers");
            }
            switch (header[156]) {
                case 'x' -> pax.parse(extension(), what);
                case 'g' -> global.parse(extension(), what);
                case 'L' -> longName = text(extension());
                case 'K' -> longLink = text(extension());
                default -> {
                    return Optional.of(entry(pax, longName, longLink));
                }
            }
        }
    }

    /** Hands the content of the current entry to the sink in pieces of at most the buffer's length. */
    void content(byte[] piece, Sink sink) throws IOException {
        if (sparse.length == 0) {
            for (long at = 0; stored > 0; ) {
                int n = (int) Math.min(piece.length, stored);
                readFully(piece, n);
                stored -= n;
                sink.write(piece, n, at);
                at += n;
            }
            return;
        }
        for (int i = 0; i < sparse.length; i += 2) {
            long at = sparse[i];
            for (long left = sparse[i + 1]; left > 0; ) {
                int n = (int) Math.min(piece.length, left);
                readFully(piece, n);
                stored -= n;
                left -= n;
                sink.write(piece, n, at);
                at += n;
            }
        }
    }

    /** The content of the current entry as a stream that ends with it; not for sparse files. */
    InputStream stream() {
        if (sparse.length != 0) {
            throw invalid("a member is stored as a sparse file");
        }
        return new InputStream() {
            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                if (stored == 0) {
                    return -1;
                }
                int n = readSome(bytes, offset, (int) Math.min(length, stored));
                if (n < 0) {
                    throw truncated();
                }
                stored -= n;
                return n;
            }
        };
    }

    /** Reads to the end of the source after the last entry; anything but zeros there is refused. */
    void drain() throws IOException {
        while (fill()) {
            for (int i = from; i < to; i++) {
                if (buffer[i] != 0) {
                    throw invalid("has data after its end marker");
                }
            }
            from = to;
        }
    }

    /** Whether the end was said by a block of zeros rather than by the end of the source. */
    boolean endMarker() {
        return endMarker;
    }

    private boolean readHeader() throws IOException {
        int n = readSomeFully(header);
        if (n == 0) {
            ended = true;
            return false;
        }
        if (n < BLOCK) {
            throw truncated();
        }
        if (isZero(header)) {
            n = readSomeFully(header);
            if (n > 0 && !isZero(header)) {
                throw invalid("has data after its end marker");
            }
            ended = true;
            endMarker = true;
            return false;
        }
        int sum = 0;
        int signed = 0;
        for (int i = 0; i < BLOCK; i++) {
            int b = i >= 148 && i < 156 ? ' ' : header[i];
            sum += b & 0xff;
            signed += b;
        }
        long said = number(148, 8, "checksum");
        if (said != sum && said != signed) {
            throw invalid("is not a tar archive or is damaged: the checksum of a header is wrong");
        }
        return true;
    }

    private static boolean isZero(byte[] block) {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    private byte[] extension() throws IOException {
        long length = number(124, 12, "size");
        if (length < 0 || length > MAXIMUM_EXTENSION) {
            throw invalid(
                    "has an extension header of " + length + " bytes; at most " + MAXIMUM_EXTENSION + " are read");
        }
        byte[] content = new byte[(int) length];
        readFully(content, content.length);
        skip(pad(length));
        return content;
    }

    private TarEntry entry(PaxHeaders pax, String longName, String longLink) throws IOException {
        String name = longName.isEmpty() ? headerName() : longName;
        name = pax.text("path", global).orElse(name);
        String sparseName = pax.text("GNU.sparse.name", global).orElse("");
        if (!sparseName.isEmpty()) {
            name = sparseName;
        }
        String link = pax.text("linkpath", global).orElse(longLink.isEmpty() ? field(157, 100) : longLink);
        TarEntry.Type type = switch (header[156]) {
            case 0 -> name.endsWith("/") ? TarEntry.Type.DIRECTORY : TarEntry.Type.FILE;
            case '0', '7', 'S' -> TarEntry.Type.FILE;
            case '1' -> TarEntry.Type.HARD_LINK;
            case '2' -> TarEntry.Type.SYMBOLIC_LINK;
            case '3' -> TarEntry.Type.CHARACTER_DEVICE;
            case '4' -> TarEntry.Type.BLOCK_DEVICE;
            case '5' -> TarEntry.Type.DIRECTORY;
            case '6' -> TarEntry.Type.FIFO;
            default ->
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        what + ": entry " + Text.quote(name) + " is of type "
                                + Text.quote(String.valueOf((char) (header[156] & 0xff)))
                                + "; files, links, directories, devices and fifos are understood");
        };
        boolean file = type == TarEntry.Type.FILE;
        stored = file ? pax.number("size", global, number(124, 12, "size"), what) : 0;
        if (stored < 0) {
            throw invalid("entry " + Text.quote(name) + " has a negative size");
        }
        padding = pad(stored);
        size = stored;
        sparse = new long[0];
        if (file) {
            readSparse(pax, name);
        }
        boolean device = type == TarEntry.Type.CHARACTER_DEVICE || type == TarEntry.Type.BLOCK_DEVICE;
        long major = device ? number(329, 8, "device") : 0;
        long minor = device ? number(337, 8, "device") : 0;
        if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
            throw invalid(
                    "entry " + Text.quote(name) + " is a device with the impossible number " + major + ":" + minor);
        }
        PaxHeaders.Time time = pax.time("mtime", global, number(136, 12, "mtime"), what);
        return new TarEntry(
                name,
                link,
                type,
                (int) number(100, 8, "mode") & 07777,
                pax.number("uid", global, number(108, 8, "uid"), what),
                pax.number("gid", global, number(116, 8, "gid"), what),
                size,
                time.seconds(),
                time.nanoseconds(),
                (int) major,
                (int) minor,
                pax.xattrs(global),
                sparse);
    }

    private void readSparse(PaxHeaders pax, String name) throws IOException {
        SparseMap map = new SparseMap(what + ": entry " + Text.quote(name));
        if (header[156] == 'S') {
            size = number(483, 12, "size");
            map.oldRegions(header, 386, 4);
            boolean more = header[482] != 0;
            byte[] block = new byte[BLOCK];
            while (more) {
                readFully(block, BLOCK);
                map.oldRegions(block, 0, 21);
                more = block[504] != 0;
            }
        } else if (pax.text("GNU.sparse.major", global).orElse("").equals("1")) {
            size = pax.number("GNU.sparse.realsize", global, -1, what);
            long used = map.linesAtTheFront(() -> {
                byte[] block = new byte[BLOCK];
                if (stored < BLOCK) {
                    throw truncated();
                }
                readFully(block, BLOCK);
                stored -= BLOCK;
                return block;
            });
            assert used % BLOCK == 0;
        } else if (pax.text("GNU.sparse.map", global).isPresent()) {
            size = pax.number("GNU.sparse.size", global, -1, what);
            map.list(pax.text("GNU.sparse.map", global).orElse(""));
        } else if (pax.hasSparseRegions()) {
            size = pax.number("GNU.sparse.size", global, -1, what);
            map.list(pax.sparseRegions());
        } else {
            return;
        }
        sparse = map.regions(size, stored);
    }

    private String headerName() {
        String name = field(0, 100);
        boolean ustar = header[257] == 'u'
                && header[258] == 's'
                && header[259] == 't'
                && header[260] == 'a'
                && header[261] == 'r'
                && header[262] == 0;
        if (!ustar) {
            return name;
        }
        // star puts times into the last 24 bytes of the prefix and marks it so
        boolean star = header[508] == 't' && header[509] == 'a' && header[510] == 'r' && header[511] == 0;
        String prefix = field(345, star ? 131 : 155);
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private String field(int offset, int length) {
        return text(Arrays.copyOfRange(header, offset, offset + length));
    }

    private static String text(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return kist.kernel.FileNames.decode(end == bytes.length ? bytes : Arrays.copyOf(bytes, end));
    }

    private long number(int offset, int length, String field) {
        return number(header, offset, length, () -> invalid("has a header whose " + field + " is not a number"));
    }

    /** An octal field, or GNU's base 256 where its first bit is set. */
    static long number(byte[] block, int offset, int length, java.util.function.Supplier<ImageException> fault) {
        int first = block[offset];
        if ((first & 0x80) != 0) {
            long value = (first & 0x40) != 0 ? -1L << 6 | first & 0x3f : first & 0x3f;
            for (int i = offset + 1; i < offset + length; i++) {
                if (value > Long.MAX_VALUE >> 8 || value < Long.MIN_VALUE >> 8) {
                    throw fault.get();
                }
                value = value << 8 | block[i] & 0xff;
            }
            return value;
        }
        int at = offset;
        int end = offset + length;
        while (at < end && (block[at] == ' ' || block[at] == 0)) {
            at++;
        }
        long value = 0;
        for (; at < end && block[at] != ' ' && block[at] != 0; at++) {
            if (block[at] < '0' || block[at] > '7') {
                throw fault.get();
            }
            value = value << 3 | block[at] - '0';
        }
        return value;
    }

    private static int pad(long length) {
        return (int) (-length & BLOCK - 1);
    }

    private boolean fill() throws IOException {
        if (from < to) {
            return true;
        }
        from = 0;
        to = Math.max(0, in.read(buffer, 0, buffer.length));
        return to > 0;
    }

    private int readSome(byte[] bytes, int offset, int length) throws IOException {
        if (from == to && length >= BUFFER) {
            return in.read(bytes, offset, length);
        }
        if (!fill()) {
            return -1;
        }
        int n = Math.min(length, to - from);
        System.arraycopy(buffer, from, bytes, offset, n);
        from += n;
        return n;
    }

    private int readSomeFully(byte[] bytes) throws IOException {
        int at = 0;
        while (at < bytes.length) {
            int n = readSome(bytes, at, bytes.length - at);
            if (n < 0) {
                break;
            }
            at += n;
        }
        return at;
    }

    private void readFully(byte[] bytes, int length) throws IOException {
        for (int at = 0; at < length; ) {
            int n = readSome(bytes, at, length - at);
            if (n < 0) {
                throw truncated();
            }
            at += n;
        }
    }

    private void skip(long length) throws IOException {
        for (long left = length; left > 0; ) {
            if (!fill()) {
                throw truncated();
            }
            int n = (int) Math.min(left, to - from);
            from += n;
            left -= n;
        }
    }

    /** Whether the archive goes on at all. */
    private boolean skipPadding() throws IOException {
        if (padding > 0 && !fill()) {
            return false;
        }
        skip(padding);
        return true;
    }

    private ImageException truncated() {
        return invalid("is cut short");
    }

    private ImageException invalid(String why) {
        return ImageException.invalid(what + " " + why);
    }
}

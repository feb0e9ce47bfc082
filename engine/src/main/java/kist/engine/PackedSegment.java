package kist.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * A segment packed as gzip (RFC 1952) in members of 256 KiB, so that it can be read from anywhere in bounded memory. Each
 * member tells in its extra field how long it is, packed and not; {@code zcat} reads the file as any other.
 */
final class PackedSegment implements LogSegment {
    static final int BLOCK = 256 << 10;
    private static final int HEADER = 10 + 2 + 4 + 8;
    private static final int TRAILER = 8;
    private static final int MAGIC = 0x04088b1f; // gzip, deflate, with an extra field
    private static final short FIELD = 'K' | 'L' << 8;

    private final FileChannel channel;
    private final List<Member> members;
    private final long size;
    private byte[] block = new byte[0];
    private int blockIndex = -1;

    /** Where a member is in the file, and what it holds. */
    private record Member(long begin, long at, int packed, int length) {}

    private PackedSegment(FileChannel channel, List<Member> members, long size) {
        this.channel = channel;
        this.members = members;
        this.size = size;
    }

    /** Opens; reads the heads of all members. */
    static PackedSegment open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        try {
            List<Member> members = new ArrayList<>();
            long begin = 0;
            long at = 0;
            long end = channel.size();
            while (at < end) {
                ByteBuffer head = read(channel, at, HEADER);
                int packed = head.getInt(16);
                int length = head.getInt(20);
                if (head.getInt(0) != MAGIC
                        || head.getShort(12) != FIELD
                        || packed < HEADER + TRAILER
                        || packed > end - at
                        || length < 1
                        || length > BLOCK) {
                    throw new IOException(file + " is damaged at byte " + at);
                }
                members.add(new Member(begin, at, packed, length));
                begin += length;
                at += packed;
            }
            return new PackedSegment(channel, members, begin);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Packs a file into another, which must not exist, and brings that to disk. */
    static void pack(Path from, Path to) throws IOException {
        Deflater deflater = new Deflater(Deflater.BEST_SPEED, true);
        try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ);
                FileChannel out = FileChannel.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            byte[] raw = new byte[BLOCK];
            ByteBuffer packed =
                    ByteBuffer.allocate(HEADER + BLOCK + BLOCK / 8 + TRAILER).order(ByteOrder.LITTLE_ENDIAN);
            ByteBuffer read = ByteBuffer.wrap(raw);
            boolean more = true;
            while (more) {
                more = in.read(read) >= 0;
                if (read.position() > 0 && (!more || !read.hasRemaining())) {
                    member(deflater, raw, read.position(), packed.clear());
                    while (packed.hasRemaining()) {
                        out.write(packed);
                    }
                    read.clear();
                }
            }
            out.force(true);
        } finally {
            deflater.end();
        }
    }

    private static void member(Deflater deflater, byte[] raw, int length, ByteBuffer into) {
        deflater.reset();
        deflater.setInput(raw, 0, length);
        deflater.finish();
        into.position(HEADER);
        while (!deflater.finished()) {
            deflater.deflate(into);
        }
        CRC32 crc = new CRC32();
        crc.update(raw, 0, length);
        into.putInt((int) crc.getValue()).putInt(length);
        into.flip();
        into.putInt(0, MAGIC).putInt(4, 0).putShort(8, (short) 0xff00);
        into.putShort(10, (short) 12).putShort(12, FIELD).putShort(14, (short) 8);
        into.putInt(16, into.limit()).putInt(20, length);
    }

    private static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, at + bytes.position()) <= 0) {
                throw new IOException("a packed log ends within a member");
            }
        }
        return bytes;
    }

    @Override
    public int read(ByteBuffer into, long at) throws IOException {
        int found = find(at);
        if (found < 0) {
            return -1;
        }
        Member m = members.get(found);
        if (found != blockIndex) {
            block = inflate(m);
            blockIndex = found;
        }
        int from = (int) (at - m.begin);
        int count = Math.min(into.remaining(), m.length - from);
        into.put(block, from, count);
        return count;
    }

    private int find(long at) {
        int low = 0;
        int high = members.size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Member m = members.get(middle);
            if (at < m.begin) {
                high = middle - 1;
            } else if (at >= m.begin + m.length) {
                low = middle + 1;
            } else {
                return middle;
            }
        }
        return -1;
    }

    private byte[] inflate(Member m) throws IOException {
        ByteBuffer packed = read(channel, m.at, m.packed);
        byte[] bytes = new byte[m.length];
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(packed.array(), HEADER, m.packed - HEADER - TRAILER);
            int done = 0;
            while (done < bytes.length) {
                int n = inflater.inflate(bytes, done, bytes.length - done);
                if (n == 0) {
                    throw new IOException("a packed log is damaged");
                }
                done += n;
            }
        } catch (DataFormatException e) {
            throw new IOException("a packed log is damaged: " + e.getMessage(), e);
        } finally {
            inflater.end();
        }
        return bytes;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}

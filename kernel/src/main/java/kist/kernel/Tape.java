package kist.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A program for a new process: system calls with their arguments, replayed by the keeper between clone and exec. The
 * first call that fails ends it; its line number comes back and {@link #describe} says what it stood for. The binary form
 * is that of native/tape.h. Not thread-safe.
 */
public final class Tape {
    private static final int MAGIC = 0x3150544b;
    private static final int LINE_SIZE = 80;
    private static final int OP_SYSCALL = 0;
    private static final int OP_SYNC = 1;
    private static final int OP_SEND_FD = 2;
    private static final int OP_CLOSE_FROM = 3;
    private static final int OP_FAIL = 4;
    private static final int OP_POKE = 5;
    private static final int KIND_NUMBER = 0;
    private static final int KIND_POINTER = 1;
    private static final int KIND_FD = 2;
    private static final int KIND_RESULT = 3;
    private static final int MAX_ALLOWED = 8;

    private final List<Line> lines = new ArrayList<>(128);
    private final List<Fd> descriptors = new ArrayList<>();
    private byte[] blob = new byte[8192];
    private int blobSize;
    private int[] relocations = new int[64];
    private int relocationCount;

    /** An argument of a call. */
    public sealed interface Arg permits Value, Line, Struct {}

    private record Value(int kind, long value) implements Arg {}

    /** A number, passed as it is. */
    public static Arg number(long value) {
        return new Value(KIND_NUMBER, value);
    }

    /** A pointer to a C string. A NUL inside is refused. */
    public Arg text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (byte b : bytes) {
            if (b == 0) {
                throw new IllegalArgumentException("NUL byte in " + text.replace('\0', '?'));
            }
        }
        int at = reserve(bytes.length + 1, 1);
        System.arraycopy(bytes, 0, blob, at, bytes.length);
        return new Value(KIND_POINTER, at);
    }

    /** A pointer to bytes, aligned to 8. */
    public Arg bytes(byte[] content) {
        int at = reserve(content.length, 8);
        System.arraycopy(content, 0, blob, at, content.length);
        return new Value(KIND_POINTER, at);
    }

    /** A pointer to an array of C strings that ends with a null pointer, as execve(2) takes. */
    public Arg strings(List<String> list) {
        Struct array = struct(8 * (list.size() + 1));
        for (int i = 0; i < list.size(); i++) {
            array.pointer(8 * i, text(list.get(i)));
        }
        return array;
    }

    /** A descriptor of this process; it is sent along and must stay open until the spawn has answered. */
    public Arg descriptor(Fd fd) {
        for (int i = 0; i < descriptors.size(); i++) {
            if (descriptors.get(i) == fd) {
                return new Value(KIND_FD, i);
            }
        }
        descriptors.add(fd);
        return new Value(KIND_FD, descriptors.size() - 1L);
    }

    /** A pointer to zeroed memory of so many bytes, whose fields can be set. */
    public Struct struct(int size) {
        return new Struct(reserve(size, 8));
    }

    /** Memory with fields, passed as a pointer. */
    public final class Struct implements Arg {
        private final int at;
        private final List<int[]> pokes = new ArrayList<>(0);

        private Struct(int at) {
            this.at = at;
        }

        private ByteBuffer memory() {
            return ByteBuffer.wrap(blob).order(ByteOrder.LITTLE_ENDIAN);
        }

        /** Sets a byte. */
        public Struct u8(int offset, int value) {
            blob[at + offset] = (byte) value;
            return this;
        }

        /** Sets two bytes. */
        public Struct u16(int offset, int value) {
            memory().putShort(at + offset, (short) value);
            return this;
        }

        /** Sets four bytes. */
        public Struct u32(int offset, int value) {
            memory().putInt(at + offset, value);
            return this;
        }

        /** Sets eight bytes. */
        public Struct u64(int offset, long value) {
            memory().putLong(at + offset, value);
            return this;
        }

        /** Sets a pointer to a text, bytes, strings or another struct. */
        public Struct pointer(int offset, Arg target) {
            long to = switch (target) {
                case Struct s -> s.at;
                case Value v when v.kind == KIND_POINTER -> v.value;
                default -> throw new IllegalArgumentException("not a pointer: " + target);
            };
            u64(offset, to);
            if (relocationCount == relocations.length) {
                relocations = Arrays.copyOf(relocations, 2 * relocationCount);
            }
            relocations[relocationCount++] = at + offset;
            return this;
        }

        /** Sets four bytes to the result of an earlier line, when that is known; before the call that takes the struct. */
        public Struct result(int offset, Line line) {
            pokes.add(new int[] {at + offset, KIND_RESULT, line.index});
            return this;
        }

        /** Sets four bytes to the number that a descriptor has in the new process. */
        public Struct descriptor(int offset, Fd fd) {
            pokes.add(new int[] {at + offset, KIND_FD, (int) ((Value) Tape.this.descriptor(fd)).value});
            return this;
        }
    }

    /**
     * A line of the tape; as an argument of a later line it stands for its result. A call with the result of a line that
     * was allowed to fail, and did, is not made and fails with EBADF.
     */
    public final class Line implements Arg {
        private final int index;
        private final int op;
        private final int call;
        private final String what;
        private final Arg[] args;
        private int[] allowed = {};

        private Line(int index, int op, int call, String what, Arg... args) {
            this.index = index;
            this.op = op;
            this.call = call;
            this.what = what;
            this.args = args;
        }

        /** Goes on, with the negative errno as result, where the call fails with one of these (at most 8). */
        public Line allow(int... errnos) {
            if (errnos.length > MAX_ALLOWED) {
                throw new IllegalArgumentException("at most 8 errnos");
            }
            allowed = errnos;
            return this;
        }
    }

    /** Adds a system call; {@code what} is what a user is told when it fails. */
    public Line call(String what, Sys nr, Arg... args) {
        if (args.length > 6) {
            throw new IllegalArgumentException("at most 6 arguments");
        }
        for (Arg a : args) {
            if (a instanceof Struct s) {
                for (int[] poke : s.pokes) {
                    add(OP_POKE, 0, what, number(poke[0]), new Value(poke[1], poke[2]));
                }
                s.pokes.clear();
            }
        }
        return add(OP_SYSCALL, nr.number(), what, args);
    }

    /** Tells the keeper that all before is done, and waits for {@link Keeper#proceed}. */
    public Line sync(String what) {
        return add(OP_SYNC, 0, what);
    }

    /** Gives the keeper a descriptor: the master of the terminal of a process that has one. */
    public Line sendDescriptor(String what, Line fd) {
        return add(OP_SEND_FD, 0, what, fd);
    }

    /** Closes every descriptor from this number on (at least 3), but for the channel to the keeper. */
    public Line closeFrom(String what, int first) {
        return add(OP_CLOSE_FROM, 0, what, number(first));
    }

    /** Ends here with this errno. */
    public Line fail(String what, int errno) {
        return add(OP_FAIL, 0, what, number(errno));
    }

    private Line add(int op, int call, String what, Arg... args) {
        Line line = new Line(lines.size(), op, call, what, args);
        lines.add(line);
        return line;
    }

    /** How many lines there are. */
    public int size() {
        return lines.size();
    }

    /** What a line stands for. */
    public String describe(int line) {
        return line >= 0 && line < lines.size() ? lines.get(line).what : "the tape";
    }

    /** The descriptors to send along, in order. */
    public List<Fd> descriptors() {
        return List.copyOf(descriptors);
    }

    /** The binary form. */
    public byte[] encode() {
        int tableSize = (relocationCount * 4 + 7) & ~7;
        int end = blobSize + 1;
        ByteBuffer out = ByteBuffer.allocate(16 + lines.size() * LINE_SIZE + tableSize + end)
                .order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(MAGIC).putInt(lines.size()).putInt(relocationCount).putInt(end);
        for (Line line : lines) {
            int at = out.position();
            out.putShort((short) line.op)
                    .put((byte) line.allowed.length)
                    .put((byte) 0)
                    .putInt(line.call);
            for (int i = 0; i < 6; i++) {
                out.put((byte) (i < line.args.length ? kind(line.args[i]) : KIND_NUMBER));
            }
            out.position(at + 16);
            for (int errno : line.allowed) {
                out.putShort((short) errno);
            }
            out.position(at + 32);
            for (Arg arg : line.args) {
                out.putLong(value(arg));
            }
            out.position(at + LINE_SIZE);
        }
        int table = out.position();
        for (int i = 0; i < relocationCount; i++) {
            out.putInt(relocations[i]);
        }
        out.position(table + tableSize);
        out.put(blob, 0, blobSize);
        return out.array();
    }

    private static int kind(Arg arg) {
        return switch (arg) {
            case Value v -> v.kind;
            case Line l -> KIND_RESULT;
            case Struct s -> KIND_POINTER;
        };
    }

    private static long value(Arg arg) {
        return switch (arg) {
            case Value v -> v.value;
            case Line l -> l.index;
            case Struct s -> s.at;
        };
    }

    private int reserve(int size, int alignment) {
        int at = (blobSize + alignment - 1) & -alignment;
        int needed = at + Math.max(size, 1);
        if (needed > blob.length) {
            blob = Arrays.copyOf(blob, Math.max(needed, 2 * blob.length));
        }
        blobSize = needed;
        return at;
    }
}

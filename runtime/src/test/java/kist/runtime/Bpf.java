package kist.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Runs a compiled filter on a call, as the kernel would (seccomp(2), linux/filter.h). */
final class Bpf {
    static final int X86_64 = 0xc000003e;
    static final int I386 = 0x40000003;
    static final long ALLOW = 0x7fff0000L;
    static final long EPERM = 0x00050001L;
    static final long ENOSYS = 0x00050026L;
    static final long KILL = 0;

    private final byte[] program;

    Bpf(byte[] program) {
        this.program = program;
    }

    long run(int architecture, int number, long... args) {
        ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        data.putInt(number).putInt(architecture).putLong(0);
        for (long a : args) {
            data.putLong(a);
        }
        ByteBuffer code = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
        int accumulator = 0;
        for (int pc = 0; ; pc++) {
            int at = 8 * pc;
            int op = code.getShort(at) & 0xffff;
            int yes = code.get(at + 2) & 0xff;
            int no = code.get(at + 3) & 0xff;
            int k = code.getInt(at + 4);
            switch (op) {
                case 0x20 -> accumulator = data.getInt(k);
                case 0x54 -> accumulator &= k;
                case 0x05 -> pc += k;
                case 0x15 -> pc += accumulator == k ? yes : no;
                case 0x25 -> pc += Integer.compareUnsigned(accumulator, k) > 0 ? yes : no;
                case 0x35 -> pc += Integer.compareUnsigned(accumulator, k) >= 0 ? yes : no;
                case 0x45 -> pc += (accumulator & k) != 0 ? yes : no;
                case 0x06 -> {
                    return k & 0xffffffffL;
                }
                default -> throw new IllegalStateException("instruction " + Integer.toHexString(op));
            }
        }
    }
}

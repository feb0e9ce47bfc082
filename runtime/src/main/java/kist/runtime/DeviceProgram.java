package kist.runtime;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.OptionalLong;
import kist.kernel.Errno;
import kist.kernel.Fd;

/** Device rules on cgroup v2, which has no file for them: a program of type BPF_PROG_TYPE_CGROUP_DEVICE (bpf(2)). */
final class DeviceProgram {
    private static final int SYS_BPF = System.getProperty("os.arch", "").equals("aarch64") ? 280 : 321;
    private static final int BPF_PROG_LOAD = 5;
    private static final int BPF_PROG_ATTACH = 8;
    private static final int PROG_TYPE_CGROUP_DEVICE = 15;
    private static final int ATTACH_TYPE_CGROUP_DEVICE = 6;
    private static final int ALLOW_MULTI = 2;

    private static final int BLOCK = 1;
    private static final int CHARACTER = 2;
    private static final int MKNOD = 1;
    private static final int READ = 2;
    private static final int WRITE = 4;

    private DeviceProgram() {}

    /**
     * Puts a program on a group that lets through what the rules say, the last that matches counting.
     *
     * @throws SpecException where the kernel does not take it
     */
    static void attach(Fd directory, List<Resources.DeviceRule> rules) {
        byte[] program = assemble(rules);
        try (Arena a = Arena.ofConfined()) {
            MemorySegment code = a.allocate(program.length, 8);
            MemorySegment.copy(program, 0, code, ValueLayout.JAVA_BYTE, 0, program.length);
            MemorySegment load = a.allocate(128, 8);
            load.set(JAVA_INT, 0, PROG_TYPE_CGROUP_DEVICE);
            load.set(JAVA_INT, 4, program.length / 8);
            load.set(JAVA_LONG, 8, code.address());
            load.set(JAVA_LONG, 16, a.allocateFrom("Apache-2.0").address());
            try (Fd fd = Fd.owned(call(a, BPF_PROG_LOAD, load))) {
                MemorySegment attach = a.allocate(128, 8);
                attach.set(JAVA_INT, 0, directory.number());
                attach.set(JAVA_INT, 4, fd.number());
                attach.set(JAVA_INT, 8, ATTACH_TYPE_CGROUP_DEVICE);
                attach.set(JAVA_INT, 12, ALLOW_MULTI);
                call(a, BPF_PROG_ATTACH, attach);
            }
        }
    }

    /**
     * The program: from the last rule to the first, one that does not match jumps to the next, one that covers all of
     * the access that is asked for answers. A rule that denies answers when it covers any of it.
     */
    static byte[] assemble(List<Resources.DeviceRule> rules) {
        ByteBuffer out = ByteBuffer.allocate((8 + 8 * rules.size()) * 8).order(ByteOrder.LITTLE_ENDIAN);
        instruction(out, 0x61, 2, 1, 0, 0); // r2 = access << 16 | type
        instruction(out, 0xbf, 3, 2, 0, 0); // r3 = r2
        instruction(out, 0x54, 2, 0, 0, 0xffff); // w2 &= 0xffff: the type
        instruction(out, 0x74, 3, 0, 0, 16); // w3 >>= 16: the access
        instruction(out, 0x61, 4, 1, 4, 0); // r4 = major
        instruction(out, 0x61, 5, 1, 8, 0); // r5 = minor
        boolean decided = false;
        for (int i = rules.size() - 1; i >= 0 && !decided; i--) {
            decided = rule(out, rules.get(i));
        }
        if (!decided) {
            answer(out, 1); // without a rule for all, what no rule names is as before: allowed
        }
        byte[] program = new byte[out.position()];
        out.flip().get(program);
        return program;
    }

    /** Appends a rule; answers whether it matches everything, so that earlier ones do not count. */
    private static boolean rule(ByteBuffer out, Resources.DeviceRule rule) {
        GroupSupport.device(rule); // refuses what is no rule
        int type = rule.type().equals("b") ? BLOCK : rule.type().equals("c") ? CHARACTER : 0;
        int access = 0;
        for (char c : rule.access().toCharArray()) {
            access |= c == 'r' ? READ : c == 'w' ? WRITE : MKNOD;
        }
        boolean allAccess = access == (MKNOD | READ | WRITE);
        OptionalLong major = rule.type().equals("a") ? OptionalLong.empty() : rule.major();
        OptionalLong minor = rule.type().equals("a") ? OptionalLong.empty() : rule.minor();
        int body = 2
                + (type != 0 ? 1 : 0)
                + (allAccess ? 0 : rule.allow() ? 3 : 3)
                + (major.isPresent() ? 1 : 0)
                + (minor.isPresent() ? 1 : 0);
        int left = body;
        if (type != 0) {
            instruction(out, 0x55, 2, 0, --left, type);
        }
        if (!allAccess) {
            instruction(out, 0xbf, 1, 3, 0, 0); // r1 = r3
            left--;
            instruction(out, 0x54, 1, 0, 0, rule.allow() ? ~access : access); // what it does not, or does, cover
            left--;
            // allowing needs nothing outside of it; denying needs something inside
            instruction(out, rule.allow() ? 0x55 : 0x15, 1, 0, --left, 0);
        }
        if (major.isPresent()) {
            instruction(out, 0x55, 4, 0, --left, (int) major.getAsLong());
        }
        if (minor.isPresent()) {
            instruction(out, 0x55, 5, 0, --left, (int) minor.getAsLong());
        }
        answer(out, rule.allow() ? 1 : 0);
        return type == 0 && allAccess && major.isEmpty() && minor.isEmpty();
    }

    private static void answer(ByteBuffer out, int value) {
        instruction(out, 0xb7, 0, 0, 0, value); // r0 = value
        instruction(out, 0x95, 0, 0, 0, 0); // exit
    }

    private static void instruction(ByteBuffer out, int code, int to, int from, int offset, int value) {
        out.put((byte) code)
                .put((byte) (from << 4 | to))
                .putShort((short) offset)
                .putInt(value);
    }

    private static int call(Arena a, int command, MemorySegment attributes) {
        MemorySegment state = a.allocate(Bpf.STATE);
        long result;
        try {
            result = (long) Bpf.SYSCALL.invokeExact(
                    state, (long) SYS_BPF, (long) command, attributes.address(), attributes.byteSize());
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
        if (result < 0) {
            int errno = (int) Bpf.ERRNO.get(state, 0L);
            throw new SpecException(
                    "linux.resources.devices", "the kernel does not take the device rules: " + Errno.describe(errno));
        }
        return (int) result;
    }

    /** Looked up at the first use. */
    private static final class Bpf {
        static final MemoryLayout STATE = Linker.Option.captureStateLayout();
        static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
        static final MethodHandle SYSCALL = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("syscall"),
                        FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                        Linker.Option.captureCallState("errno"),
                        Linker.Option.firstVariadicArg(1));
    }
}

package kist.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/** The one door to the C library: syscall(2) with errno. */
final class Native {
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final MethodHandle SYSCALL = syscall();

    private Native() {}

    private static MethodHandle syscall() {
        Linker linker = Linker.nativeLinker();
        ValueLayout.OfLong l = ValueLayout.JAVA_LONG;
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow("syscall"),
                FunctionDescriptor.of(l, l, l, l, l, l, l, l),
                Linker.Option.captureCallState("errno"),
                Linker.Option.firstVariadicArg(1));
    }

    /** Makes a call; answers its result, or the negative errno. Restarts after EINTR. */
    static long call(Arena arena, Sys nr, long a, long b, long c, long d, long e, long f) {
        MemorySegment state = arena.allocate(STATE);
        while (true) {
            long result;
            try {
                result = (long) SYSCALL.invokeExact(state, (long) nr.number(), a, b, c, d, e, f);
            } catch (Throwable t) {
                throw new IllegalStateException(t);
            }
            if (result != -1) {
                return result;
            }
            int errno = (int) ERRNO.get(state, 0L);
            if (errno != Errno.EINTR) {
                return -errno;
            }
        }
    }

    static long call(Arena arena, Sys nr, long a, long b, long c, long d, long e) {
        return call(arena, nr, a, b, c, d, e, 0);
    }

    static long call(Arena arena, Sys nr, long a, long b, long c, long d) {
        return call(arena, nr, a, b, c, d, 0, 0);
    }

    static long call(Arena arena, Sys nr, long a, long b, long c) {
        return call(arena, nr, a, b, c, 0, 0, 0);
    }

    static long call(Arena arena, Sys nr, long a, long b) {
        return call(arena, nr, a, b, 0, 0, 0, 0);
    }

    static long call(Arena arena, Sys nr, long a) {
        return call(arena, nr, a, 0, 0, 0, 0, 0);
    }

    /** Passes on a good result; turns a negative one into an exception that names the call. */
    static long check(long result, String call, Object about) {
        if (result < 0) {
            throw new KernelException(about.toString().isEmpty() ? call : call + " " + about, (int) -result);
        }
        return result;
    }

    /** A C string; a string with a NUL inside is refused rather than cut short. */
    static MemorySegment string(Arena arena, String text) {
        byte[] bytes = FileNames.encode(text);
        MemorySegment segment = arena.allocate(bytes.length + 1L);
        for (byte b : bytes) {
            if (b == 0) {
                throw new KernelException("a name with a NUL byte", Errno.EINVAL);
            }
        }
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    static long address(Arena arena, String text) {
        return string(arena, text).address();
    }
}

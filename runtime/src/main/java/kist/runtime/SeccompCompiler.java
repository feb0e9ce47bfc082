package kist.runtime;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Linux;

/**
 * Compiles filters to BPF with libseccomp (seccomp_init(3) and its family), once for each filter. Thread-safe: a
 * library context is used by one thread alone.
 */
public final class SeccompCompiler {
    private static final String LIBRARY = "libseccomp.so.2";
    private static final int CTL_OPTIMIZE = 8;
    private static final int BINARY_TREE = 2;
    private static final int UNKNOWN_CALL = -1;
    private static final int X32_BIT = 0x40000000;
    private static final int RET_ERRNO = 0x00050000;
    private static final int MOST_KEPT = 64;
    private static final Map<Seccomp, byte[]> COMPILED = new ConcurrentHashMap<>();

    private SeccompCompiler() {}

    /**
     * The program for a filter, an array of struct sock_filter (seccomp(2)).
     *
     * @throws SpecException naming the rule that cannot be honoured, or that the library is missing
     */
    public static byte[] compile(Seccomp filter) {
        byte[] known = COMPILED.get(filter);
        if (known != null) {
            return known;
        }
        byte[] made = make(filter);
        if (COMPILED.size() < MOST_KEPT) {
            COMPILED.put(filter, made); // users can bring as many of their own as they like
        }
        return made;
    }

    /** Compiles the default filter ahead of the first container, which then need not wait for it. */
    public static void warmUp() {
        compile(DefaultSeccomp.of(DefaultSpec.CAPABILITIES));
    }

    /** The flags of seccomp(2) that a filter asks for. */
    static int flags(Seccomp filter) {
        int flags = 0;
        for (String flag : filter.flags()) {
            flags |= switch (flag) {
                // one thread alone is filtered, so the synchronisation of threads has nothing to do
                case "SECCOMP_FILTER_FLAG_TSYNC" -> 0;
                case "SECCOMP_FILTER_FLAG_LOG" -> 2;
                case "SECCOMP_FILTER_FLAG_SPEC_ALLOW" -> 4;
                default ->
                    throw new SpecException("linux.seccomp.flags", "\"" + flag + "\" is not supported by this version");
            };
        }
        return flags;
    }

    private static byte[] make(Seccomp filter) {
        Library lib = Library.get();
        int defaultAction = action(filter.defaultAction(), filter.defaultErrnoRet());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment context = (MemorySegment) lib.init.invokeExact(defaultAction);
            if (context.address() == 0) {
                throw new SpecException("linux.seccomp.defaultAction", "the library refused it");
            }
            try {
                for (String architecture : filter.architectures()) {
                    int result = (int) lib.archAdd.invokeExact(context, architecture(architecture));
                    if (result != -Errno.EEXIST) {
                        check(result, "linux.seccomp.architectures", architecture);
                    }
                }
                check(
                        (int) lib.attrSet.invokeExact(context, CTL_OPTIMIZE, BINARY_TREE),
                        "linux.seccomp",
                        "sorting the filter into a tree");
                int newest = 0;
                for (Seccomp.Rule rule : filter.syscalls()) {
                    newest = Math.max(newest, add(lib, arena, context, rule, defaultAction));
                }
                byte[] program = export(lib, arena, context);
                // a program that cannot be known yet must learn that the call is not there, not that it is forbidden
                return defaultAction == (RET_ERRNO | Errno.EPERM) && newest > 0
                        ? withUnknownCalls(program, newest)
                        : program;
            } finally {
                lib.release.invokeExact(context);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Adds a rule; answers the highest number of a call of this machine that it names. */
    private static int add(Library lib, Arena arena, MemorySegment context, Seccomp.Rule rule, int defaultAction)
            throws Throwable {
        int action = action(rule.action(), rule.errnoRet());
        int newest = 0;
        for (String name : rule.names()) {
            int number = (int) lib.resolve.invokeExact(arena.allocateFrom(name));
            if (number == UNKNOWN_CALL) {
                continue; // newer than the library, or of another kind of machine
            }
            newest = Math.max(newest, number);
            if (action == defaultAction) {
                continue; // the library refuses rules that change nothing
            }
            if (sameIndexTwice(rule.args())) {
                // conditions on one argument are alternatives
                for (Seccomp.Argument argument : rule.args()) {
                    add(lib, arena, context, action, number, name, List.of(argument));
                }
            } else {
                add(lib, arena, context, action, number, name, rule.args());
            }
        }
        return newest;
    }

    private static boolean sameIndexTwice(List<Seccomp.Argument> args) {
        int seen = 0;
        for (Seccomp.Argument a : args) {
            if ((seen >> a.index() & 1) != 0) {
                return true;
            }
            seen |= 1 << a.index();
        }
        return false;
    }

    private static void add(
            Library lib,
            Arena arena,
            MemorySegment context,
            int action,
            int number,
            String name,
            List<Seccomp.Argument> args)
            throws Throwable {
        MemorySegment array = arena.allocate(Math.max(1, args.size()) * 24L, 8);
        for (int i = 0; i < args.size(); i++) {
            Seccomp.Argument a = args.get(i);
            array.set(JAVA_INT, i * 24L, a.index());
            array.set(JAVA_INT, i * 24L + 4, operator(a.op()));
            array.set(JAVA_LONG, i * 24L + 8, a.value());
            array.set(JAVA_LONG, i * 24L + 16, a.valueTwo());
        }
        check(
                (int) lib.ruleAdd.invokeExact(context, action, number, args.size(), array),
                "linux.seccomp.syscalls",
                name);
    }

    private static byte[] export(Library lib, Arena arena, MemorySegment context) throws Throwable {
        int number = (int) lib.memfd.invokeExact(arena.allocateFrom("seccomp"), 1);
        if (number < 0) {
            throw new SpecException("linux.seccomp", "no memory file for the program");
        }
        try (Fd file = Fd.owned(number)) {
            check((int) lib.export.invokeExact(context, number), "linux.seccomp", "writing the program");
            Linux linux = Linux.system();
            byte[] program = new byte[(int) linux.stat(file, "").size()];
            for (int at = 0; at < program.length; ) {
                at += linux.pread(file, program, at, program.length - at, at);
            }
            return program;
        }
    }

    /** Puts five instructions before the program: calls of this architecture above the newest answer ENOSYS. */
    private static byte[] withUnknownCalls(byte[] program, int newest) {
        boolean arm = System.getProperty("os.arch", "").equals("aarch64");
        ByteBuffer out = ByteBuffer.allocate(program.length + 6 * 8).order(ByteOrder.LITTLE_ENDIAN);
        instruction(out, 0x20, 0, 0, 4); // A = architecture
        instruction(out, 0x15, 0, 4, arm ? 0xc00000b7 : 0xc000003e); // other architectures: go on
        instruction(out, 0x20, 0, 0, 0); // A = number
        instruction(out, 0x35, 2, 0, X32_BIT); // numbers of x32: go on
        instruction(out, 0x25, 0, 1, newest);
        instruction(out, 0x06, 0, 0, RET_ERRNO | Errno.ENOSYS);
        return out.put(program).array();
    }

    private static void instruction(ByteBuffer out, int code, int yes, int no, int value) {
        out.putShort((short) code).put((byte) yes).put((byte) no).putInt(value);
    }

    private static void check(int result, String field, String about) {
        if (result < 0) {
            throw new SpecException(field, about + ": " + Errno.describe(-result));
        }
    }

    private static int action(String name, OptionalInt errno) {
        return switch (name) {
            case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" -> 0;
            case "SCMP_ACT_KILL_PROCESS" -> 0x80000000;
            case "SCMP_ACT_TRAP" -> 0x00030000;
            case "SCMP_ACT_ERRNO" -> RET_ERRNO | errno.orElse(Errno.EPERM);
            case "SCMP_ACT_TRACE" -> 0x7ff00000 | errno.orElse(Errno.EPERM);
            case "SCMP_ACT_LOG" -> 0x7ffc0000;
            case "SCMP_ACT_ALLOW" -> 0x7fff0000;
            case "SCMP_ACT_NOTIFY" ->
                throw new SpecException("linux.seccomp", "SCMP_ACT_NOTIFY is not supported by this version");
            default -> throw new SpecException("linux.seccomp", "\"" + name + "\" is no action");
        };
    }

    private static int operator(String name) {
        return switch (name) {
            case "SCMP_CMP_NE" -> 1;
            case "SCMP_CMP_LT" -> 2;
            case "SCMP_CMP_LE" -> 3;
            case "SCMP_CMP_EQ" -> 4;
            case "SCMP_CMP_GE" -> 5;
            case "SCMP_CMP_GT" -> 6;
            case "SCMP_CMP_MASKED_EQ" -> 7;
            default -> throw new SpecException("linux.seccomp.syscalls", "\"" + name + "\" is no comparison");
        };
    }

    /** The tokens of the library are the audit architecture numbers, but for x32. */
    private static int architecture(String name) {
        return switch (name) {
            case "SCMP_ARCH_NATIVE" -> 0;
            case "SCMP_ARCH_X86" -> 0x40000003;
            case "SCMP_ARCH_X86_64" -> 0xc000003e;
            case "SCMP_ARCH_X32" -> 0x4000003e;
            case "SCMP_ARCH_ARM" -> 0x40000028;
            case "SCMP_ARCH_AARCH64" -> 0xc00000b7;
            case "SCMP_ARCH_MIPS" -> 0x00000008;
            case "SCMP_ARCH_MIPS64" -> 0x80000008;
            case "SCMP_ARCH_MIPS64N32" -> 0xa0000008;
            case "SCMP_ARCH_MIPSEL" -> 0x40000008;
            case "SCMP_ARCH_MIPSEL64" -> 0xc0000008;
            case "SCMP_ARCH_MIPSEL64N32" -> 0xe0000008;
            case "SCMP_ARCH_PPC" -> 0x00000014;
            case "SCMP_ARCH_PPC64" -> 0x80000015;
            case "SCMP_ARCH_PPC64LE" -> 0xc0000015;
            case "SCMP_ARCH_S390" -> 0x00000016;
            case "SCMP_ARCH_S390X" -> 0x80000016;
            case "SCMP_ARCH_PARISC" -> 0x0000000f;
            case "SCMP_ARCH_PARISC64" -> 0x8000000f;
            case "SCMP_ARCH_RISCV64" -> 0xc00000f3;
            default -> throw new SpecException("linux.seccomp.architectures", "\"" + name + "\" is not known");
        };
    }

    /** The functions of the library, looked up at the first use. */
    private record Library(
            MethodHandle init,
            MethodHandle release,
            MethodHandle archAdd,
            MethodHandle attrSet,
            MethodHandle resolve,
            MethodHandle ruleAdd,
            MethodHandle export,
            MethodHandle memfd) {
        static Library get() {
            return Holder.LIBRARY.orElseThrow(() -> new SpecException(
                    "linux.seccomp",
                    "filtering system calls needs the library " + LIBRARY + "; install the package libseccomp2"));
        }

        private static final class Holder {
            static final java.util.Optional<Library> LIBRARY = load();
        }

        private static java.util.Optional<Library> load() {
            SymbolLookup lookup;
            try {
                lookup = SymbolLookup.libraryLookup(LIBRARY, Arena.global());
            } catch (IllegalArgumentException e) {
                return java.util.Optional.empty();
            }
            return java.util.Optional.of(new Library(
                    handle(lookup, "seccomp_init", ADDRESS, JAVA_INT),
                    Linker.nativeLinker()
                            .downcallHandle(lookup.findOrThrow("seccomp_release"), FunctionDescriptor.ofVoid(ADDRESS)),
                    handle(lookup, "seccomp_arch_add", JAVA_INT, ADDRESS, JAVA_INT),
                    handle(lookup, "seccomp_attr_set", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
                    handle(lookup, "seccomp_syscall_resolve_name", JAVA_INT, ADDRESS),
                    handle(lookup, "seccomp_rule_add_array", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS),
                    handle(lookup, "seccomp_export_bpf", JAVA_INT, ADDRESS, JAVA_INT),
                    handle(Linker.nativeLinker().defaultLookup(), "memfd_create", JAVA_INT, ADDRESS, JAVA_INT)));
        }

        private static MethodHandle handle(
                SymbolLookup lookup, String name, MemoryLayout result, MemoryLayout... arguments) {
            return Linker.nativeLinker()
                    .downcallHandle(lookup.findOrThrow(name), FunctionDescriptor.of(result, arguments));
        }
    }
}

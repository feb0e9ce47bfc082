package kist.runtime;

import static kist.runtime.Bpf.ALLOW;
import static kist.runtime.Bpf.ENOSYS;
import static kist.runtime.Bpf.EPERM;
import static kist.runtime.Bpf.I386;
import static kist.runtime.Bpf.KILL;
import static kist.runtime.Bpf.X86_64;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** The compiled filters, run on calls of x86-64 by an interpreter. */
final class SeccompTest {
    private static final int READ = 0;
    private static final int CLONE = 56;
    private static final int SOCKET = 41;
    private static final int PERSONALITY = 135;
    private static final int CLONE3 = 435;

    private static Bpf standard(String... moreCapabilities) {
        List<String> caps = new ArrayList<>(DefaultSpec.CAPABILITIES);
        caps.addAll(List.of(moreCapabilities));
        return new Bpf(SeccompCompiler.compile(DefaultSeccomp.of(caps)));
    }

    @Test
    void ordinary_calls_pass_and_dangerous_ones_fail_with_eperm() {
        Bpf f = standard();
        for (int allowed : new int[] {READ, 1, 2, 9, 59, 105, 157, 161 /* chroot */, 231, 257, 317, 322, 437, 439}) {
            assertEquals(ALLOW, f.run(X86_64, allowed), "call " + allowed);
        }
        // mount umount2 swapon swapoff reboot sethostname setdomainname ioperm iopl init_module delete_module
        // kexec_load keyctl add_key request_key perf_event_open open_by_handle_at setns bpf userfaultfd
        // io_uring_setup open_tree move_mount fsopen fsmount mount_setattr unshare acct settimeofday
        for (int refused : new int[] {
            165, 166, 167, 168, 169, 170, 171, 172, 173, 175, 176, 246, 250, 248, 249, 298, 304, 308, 321, 323, 425,
            426, 427, 428, 429, 430, 432, 442, 272, 163, 164, 155, 153, 103, 227
        }) {
            assertEquals(EPERM, f.run(X86_64, refused), "call " + refused);
        }
    }

    @Test
    void clone_makes_processes_but_no_namespaces_and_clone3_does_not_exist() {
        Bpf f = standard();
        assertEquals(ALLOW, f.run(X86_64, CLONE, 0x3d0f00));
        for (long flag : new long[] {0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000}) {
            assertEquals(EPERM, f.run(X86_64, CLONE, flag | 17), Long.toHexString(flag));
        }
        assertEquals(ENOSYS, f.run(X86_64, CLONE3));
        Bpf admin = standard("CAP_SYS_ADMIN");
        assertEquals(ALLOW, admin.run(X86_64, CLONE, 0x10000000));
        assertEquals(ALLOW, admin.run(X86_64, CLONE3));
        assertEquals(ALLOW, admin.run(X86_64, 165));
    }

    @Test
    void capabilities_open_their_calls() {
        assertEquals(ALLOW, standard("CAP_SYS_TIME").run(X86_64, 164));
        assertEquals(ALLOW, standard("CAP_SYS_MODULE").run(X86_64, 175));
        assertEquals(ALLOW, standard("CAP_DAC_READ_SEARCH").run(X86_64, 304));
        assertEquals(ALLOW, standard("CAP_BPF").run(X86_64, 321));
        assertEquals(ALLOW, standard("CAP_SYS_PTRACE").run(X86_64, 312));
        assertEquals(EPERM, standard().run(X86_64, 312));
        Bpf bare = new Bpf(SeccompCompiler.compile(DefaultSeccomp.of(List.of())));
        assertEquals(EPERM, bare.run(X86_64, 161));
    }

    @Test
    void sockets_of_two_families_are_refused_also_with_high_bits_set() {
        Bpf f = standard();
        for (long family : new long[] {1, 2, 10, 16, 17, 39, 44}) {
            assertEquals(ALLOW, f.run(X86_64, SOCKET, family), "family " + family);
        }
        for (long family : new long[] {38, 40, 0x100000026L, 0x100000028L, 0xffffffff00000026L}) {
            assertEquals(EPERM, f.run(X86_64, SOCKET, family), "family " + family);
        }
    }

    @Test
    void personalities_are_five() {
        Bpf f = standard();
        for (long p : new long[] {0, 8, 0x20000, 0x20008, 0xffffffffL}) {
            assertEquals(ALLOW, f.run(X86_64, PERSONALITY, p), Long.toHexString(p));
        }
        assertEquals(EPERM, f.run(X86_64, PERSONALITY, 0x0040000));
    }

    @Test
    void calls_newer_than_the_list_do_not_exist() {
        assertEquals(ENOSYS, standard().run(X86_64, 600));
    }

    @Test
    void other_architectures_are_filtered_too_or_killed() {
        Bpf f = standard();
        assertEquals(ALLOW, f.run(I386, 3));
        assertEquals(EPERM, f.run(I386, 21)); // mount
        assertEquals(KILL, f.run(0xc00000b7, 63));
        assertEquals(ALLOW, f.run(X86_64, 0x40000000)); // read of x32
        assertEquals(EPERM, f.run(X86_64, 0x40000000 | 165));
    }

    @Test
    void own_filters_have_all_actions_and_comparisons() {
        Seccomp own = new Seccomp(
                "SCMP_ACT_ALLOW",
                OptionalInt.empty(),
                List.of("SCMP_ARCH_X86_64"),
                List.of(),
                List.of(
                        rule("mkdir", "SCMP_ACT_ERRNO", OptionalInt.of(2)),
                        rule("rmdir", "SCMP_ACT_KILL_PROCESS", OptionalInt.empty()),
                        rule("chmod", "SCMP_ACT_TRAP", OptionalInt.empty()),
                        rule("fchmod", "SCMP_ACT_LOG", OptionalInt.empty()),
                        rule("no_such_call_at_all", "SCMP_ACT_ERRNO", OptionalInt.empty()),
                        rule("getpid", "SCMP_ACT_ALLOW", OptionalInt.empty()),
                        rule("kill", "SCMP_ACT_ERRNO", OptionalInt.of(1), new Seccomp.Argument(1, 9, 0, "SCMP_CMP_EQ")),
                        rule("dup2", "SCMP_ACT_ERRNO", OptionalInt.of(1), new Seccomp.Argument(0, 5, 0, "SCMP_CMP_GT")),
                        // two conditions on one argument are alternatives
                        rule(
                                "close",
                                "SCMP_ACT_ERRNO",
                                OptionalInt.of(1),
                                new Seccomp.Argument(0, 7, 0, "SCMP_CMP_EQ"),
                                new Seccomp.Argument(0, 8, 0, "SCMP_CMP_EQ")),
                        // on two arguments both must hold
                        rule(
                                "lseek",
                                "SCMP_ACT_ERRNO",
                                OptionalInt.of(1),
                                new Seccomp.Argument(0, 7, 0, "SCMP_CMP_EQ"),
                                new Seccomp.Argument(2, 8, 0, "SCMP_CMP_LE"))));
        Bpf f = new Bpf(SeccompCompiler.compile(own));
        assertEquals(0x00050002L, f.run(X86_64, 83));
        assertEquals(0x80000000L, f.run(X86_64, 84));
        assertEquals(0x00030000L, f.run(X86_64, 90));
        assertEquals(0x7ffc0000L, f.run(X86_64, 91));
        assertEquals(ALLOW, f.run(X86_64, 39));
        assertEquals(EPERM, f.run(X86_64, 62, 1, 9));
        assertEquals(ALLOW, f.run(X86_64, 62, 1, 15));
        assertEquals(EPERM, f.run(X86_64, 33, 6));
        assertEquals(ALLOW, f.run(X86_64, 33, 5));
        assertEquals(EPERM, f.run(X86_64, 3, 8));
        assertEquals(ALLOW, f.run(X86_64, 3, 9));
        assertEquals(EPERM, f.run(X86_64, 8, 7, 0, 8));
        assertEquals(ALLOW, f.run(X86_64, 8, 7, 0, 9));
        assertEquals(ALLOW, f.run(X86_64, 600), "with another default nothing is put before");
    }

    private static Seccomp.Rule rule(String name, String action, OptionalInt errno, Seccomp.Argument... args) {
        return new Seccomp.Rule(List.of(name), action, errno, List.of(args));
    }

    @Test
    void mistakes_are_named() {
        Seccomp odd = new Seccomp("SCMP_ACT_MAYBE", OptionalInt.empty(), List.of(), List.of(), List.of());
        assertEquals(
                "linux.seccomp: \"SCMP_ACT_MAYBE\" is no action",
                assertThrows(SpecException.class, () -> SeccompCompiler.compile(odd))
                        .getMessage());
        Seccomp arch = new Seccomp("SCMP_ACT_ALLOW", OptionalInt.empty(), List.of("Z80"), List.of(), List.of());
        assertThrows(SpecException.class, () -> SeccompCompiler.compile(arch));
        Seccomp notify = new Seccomp("SCMP_ACT_NOTIFY", OptionalInt.empty(), List.of(), List.of(), List.of());
        assertThrows(SpecException.class, () -> SeccompCompiler.compile(notify));
    }

    @Test
    void a_filter_is_compiled_once() {
        Seccomp s = DefaultSeccomp.of(DefaultSpec.CAPABILITIES);
        assertSame(s, DefaultSeccomp.of(new ArrayList<>(DefaultSpec.CAPABILITIES)));
        assertSame(SeccompCompiler.compile(s), SeccompCompiler.compile(s));
        assertTrue(SeccompCompiler.compile(s).length / 8 < 4096);
    }
}

package kist.image;

import java.util.Set;
import kist.kernel.Fd;
import kist.kernel.Linux;

/** File systems in which the kernel shows itself (statfs(2)): nothing in them is anybody's data. */
final class PseudoFiles {
    private static final Set<Long> TYPES = Set.of(
            0x9fa0L, // proc
            0x62656572L, // sysfs
            0x27e0ebL, // cgroup
            0x63677270L, // cgroup2
            0x1cd1L, // devpts
            0x19800202L, // mqueue
            0x64626720L, // debugfs
            0x74726163L, // tracefs
            0x73636673L, // securityfs
            0xcafe4a11L, // bpf
            0x42494e4dL, // binfmt_misc
            0x62656570L, // configfs
            0x6165676cL, // pstore
            0xde5e81e4L, // efivarfs
            0x65735543L, // fusectl
            0x6e736673L, // nsfs
            0xf97cff8cL); // selinux

    private PseudoFiles() {}

    /** Whether an open file or directory is in one of them. */
    static boolean isOne(Linux linux, Fd fd) {
        return TYPES.contains(linux.fileSystemType(fd) & 0xffffffffL);
    }
}

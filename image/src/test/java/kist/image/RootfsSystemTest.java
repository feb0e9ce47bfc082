package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Trees;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Real root file systems, unpacked here and by GNU tar. */
class RootfsSystemTest {
    private final Stores stores = new Stores();
    private final Path work = work();

    private static Path work() {
        try {
            return Files.createTempDirectory(Path.of("/var/tmp"), "kist-rootfs");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @BeforeEach
    void directory() throws IOException {
        Files.createDirectory(work.resolve("gnu"));
    }

    @AfterEach
    void clean() {
        stores.close();
        try (Fd parent = Linux.system().open(work.getParent(), Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            Trees.delete(Linux.system(), parent, work.getFileName().toString());
        }
    }

    private void run(String... command) throws Exception {
        Process p = new ProcessBuilder(command)
                .directory(work.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(p.getInputStream().readAllBytes());
        assertEquals(0, p.waitFor(), said);
    }

    /** Everything that can be said of each entry of a tree. */
    private Map<String, String> describe(Fd root) throws IOException {
        Map<String, String> all = new TreeMap<>();
        Map<Long, String> firstNames = new HashMap<>();
        describe(root, "", all, firstNames);
        return all;
    }

    private void describe(Fd dir, String prefix, Map<String, String> all, Map<Long, String> firstNames)
            throws IOException {
        Linux linux = Linux.system();
        List<Linux.DirEntry> entries = new java.util.ArrayList<>(linux.list(dir));
        entries.sort(java.util.Comparator.comparing(Linux.DirEntry::name));
        for (Linux.DirEntry e : entries) {
            Linux.Stat s = linux.stat(dir, e.name());
            StringBuilder says = new StringBuilder(Integer.toOctalString(s.mode()));
            says.append(' ').append(s.uid()).append(':').append(s.gid());
            says.append(' ').append(s.mtimeSec()).append('.').append(s.mtimeNsec());
            says.append(' ').append(s.rdevMajor()).append(':').append(s.rdevMinor());
            for (String attribute : linux.listxattr(dir, e.name())) {
                says.append(' ')
                        .append(attribute)
                        .append('=')
                        .append(java.util.Arrays.toString(
                                linux.getxattr(dir, e.name(), attribute).orElse(new byte[0])));
            }
            if (s.type() == Flags.S_IFLNK) {
                says.append(" -> ").append(linux.readlinkat(dir, e.name()));
            }
            if (!s.isDirectory() && s.links() > 1) {
                says.append(" = ").append(firstNames.computeIfAbsent(s.inode(), i -> prefix + e.name()));
            }
            if (s.type() == Flags.S_IFREG) {
                try (Fd file = linux.openat2(dir, e.name(), Flags.O_RDONLY | Flags.O_NOFOLLOW, 0, Trees.INSIDE);
                        DigestInputStream in = new DigestInputStream(
                                Files.newInputStream(Path.of(file.procPath())), Digest.sha256())) {
                    in.transferTo(java.io.OutputStream.nullOutputStream());
                    says.append(' ').append(Digest.finish(in.getMessageDigest()));
                }
            }
            all.put(prefix + e.name(), says.toString());
            if (s.isDirectory()) {
                try (Fd child = linux.openat2(dir, e.name(), Flags.O_RDONLY | Flags.O_DIRECTORY, 0, Trees.INSIDE)) {
                    describe(child, prefix + e.name() + "/", all, firstNames);
                }
            }
        }
    }

    private Image sameAsGnuTar(Path tar) throws Exception {
        Image image;
        try (InputStream in = Files.newInputStream(tar)) {
            image = stores.store.importRootfs(in, "real", List.of(), "");
        }
        run("tar", "-xpf", tar.toString(), "-C", "gnu", "--xattrs", "--xattrs-include=*", "--numeric-owner");
        try (Fd gnu = Linux.system().open(work.resolve("gnu"), Flags.O_RDONLY | Flags.O_DIRECTORY, 0);
                Fd mount = stores.store.snapshots().mountImage(image.id());
                Fd root = Linux.system().openat2(mount, ".", Flags.O_RDONLY | Flags.O_DIRECTORY, 0, 0)) {
            Map<String, String> expected = describe(gnu);
            Map<String, String> found = describe(root);
            expected.forEach((path, says) -> assertEquals(says, found.get(path), path));
            assertEquals(expected.keySet(), found.keySet());
        }
        return image;
    }

    @Test
    void busybox_is_unpacked_as_gnu_tar_does_it() throws Exception {
        Path root = Files.createDirectories(work.resolve("root/bin"));
        Files.copy(Path.of("/bin/busybox"), root.resolve("busybox"), java.nio.file.StandardCopyOption.COPY_ATTRIBUTES);
        for (String name : List.of("sh", "ls", "cat", "true")) {
            Files.createSymbolicLink(root.resolve(name), Path.of("busybox"));
        }
        Files.createLink(root.resolve("echo"), root.resolve("busybox"));
        Files.setAttribute(root.resolve("busybox"), "user:note", new byte[] {'x', (byte) 0xff});
        run("tar", "-C", "root", "--xattrs", "-czf", "busybox.tar.gz", ".");
        Image image = sameAsGnuTar(work.resolve("busybox.tar.gz"));
        assertEquals(Files.size(Path.of("/bin/busybox")), image.size());
    }

    @Test
    void a_debian_system_is_unpacked_as_gnu_tar_does_it() throws Exception {
        run("mmdebstrap", "--variant=minbase", "--quiet", "bookworm", "debian.tar");
        Image image = sameAsGnuTar(work.resolve("debian.tar"));
        assertTrue(image.size() > 50_000_000, "a real system");
    }
}

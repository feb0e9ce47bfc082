package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.zip.GZIPOutputStream;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Trees;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Files in and out of a tree whose owner is hostile. */
class FileTreeSystemTest {
    private static final FileTree.Unpacking PLAIN = new FileTree.Unpacking(false, Optional.empty());

    private final Linux linux = Linux.system();
    private final Path directory;
    private final Path root;
    private final Path canary;
    private final Fd fd;
    private final FileTree tree;

    FileTreeSystemTest() throws IOException {
        directory = Files.createTempDirectory(Path.of("/var/tmp"), "kist-tree-test");
        root = Files.createDirectory(directory.resolve("root"));
        canary = Files.writeString(directory.resolve("canary"), "host's");
        fd = linux.open(root, Flags.O_PATH | Flags.O_DIRECTORY, 0);
        tree = new FileTree(linux, fd);
    }

    @BeforeEach
    void fill() throws IOException {
        Files.createDirectories(root.resolve("dir/sub"));
        Files.writeString(root.resolve("dir/file"), "hello");
        Files.createLink(root.resolve("dir/same"), root.resolve("dir/file"));
        Files.createSymbolicLink(root.resolve("abs"), Path.of("/dir"));
        Files.createSymbolicLink(root.resolve("out"), directory);
        Files.createSymbolicLink(root.resolve("up"), Path.of("../../.."));
        Files.createSymbolicLink(root.resolve("nowhere"), Path.of("/x/y"));
        Files.createSymbolicLink(root.resolve("loop"), Path.of("loop"));
    }

    @AfterEach
    void remove() throws Exception {
        assertEquals("host's", Files.readString(canary));
        fd.close();
        try (Fd top = linux.open(directory.getParent(), Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            Trees.delete(linux, top, directory.getFileName().toString());
        }
    }

    private List<String> read(String path) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (FileTree.Source source = tree.open(path)) {
            source.tar(out);
        }
        List<String> names = new ArrayList<>();
        try (TarArchiveInputStream in = new TarArchiveInputStream(new ByteArrayInputStream(out.toByteArray()))) {
            for (TarArchiveEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
                names.add(e.getName() + (e.getLinkName().isEmpty() ? "" : " -> " + e.getLinkName()));
            }
        }
        return names;
    }

    private void put(String path, byte[] archive) throws IOException {
        tree.unpack(path, new ByteArrayInputStream(archive), PLAIN);
    }

    private ImageException refused(String path, byte[] archive, FileTree.Unpacking how) {
        return assertThrows(ImageException.class, () -> tree.unpack(path, new ByteArrayInputStream(archive), how));
    }

    @Test
    void a_path_is_what_docker_says_it_is() {
        assertEquals("dir", tree.stat("/dir").name());
        assertEquals("dir", tree.stat("dir/").name());
        assertEquals(".", tree.stat("/dir/.").name());
        assertEquals("/", tree.stat("/").name());
        assertEquals("/", tree.stat("/dir/..").name());
        assertEquals("/dir", tree.stat("/abs").linkTarget());
        assertEquals(Flags.S_IFLNK, tree.stat("/abs").mode() & Flags.S_IFMT);
        assertEquals(Flags.S_IFDIR, tree.stat("/abs/").mode() & Flags.S_IFMT);
        assertEquals("abs", tree.stat("/abs/").name());
        assertEquals("/dir/file", TreePath.target(linux, fd, "/abs/file"));
        assertEquals("/x/y", tree.stat("/nowhere").linkTarget());
        assertEquals("", tree.stat("/loop").linkTarget());
        assertEquals(5, tree.stat("/abs/file").size());
    }

    @Test
    void what_is_not_there_or_of_another_kind_is_said_so() {
        for (String path : List.of("/no", "/dir/no/x", "/nowhere/", "/out/canary", "/up/canary")) {
            ImageException e = assertThrows(ImageException.class, () -> tree.open(path), path);
            assertEquals(ImageException.Kind.NOT_FOUND, e.kind(), path);
        }
        for (String path : List.of("/dir/file/", "/dir/file/.", "/loop/x", "/a\0b", "/" + "x".repeat(5000))) {
            ImageException e = assertThrows(ImageException.class, () -> tree.open(path), path);
            assertEquals(ImageException.Kind.INVALID, e.kind(), path);
        }
    }

    @Test
    void names_in_the_archive_begin_with_the_last_part_of_the_path() throws Exception {
        assertEquals(List.of("dir/", "dir/file", "dir/same -> dir/file", "dir/sub/"), read("/dir"));
        assertEquals(List.of("./", "./file", "./same -> ./file", "./sub/"), read("/abs/."));
        assertEquals(List.of("abs -> /dir"), read("/abs"));
        assertEquals(List.of("file"), read("/abs/file"));
        assertTrue(read("/").contains("/dir/sub/") || read("/").contains("dir/sub/"));
    }

    @Test
    void archives_go_into_directories_only_and_through_links_to_them() throws Exception {
        put("/abs", new Tars().file("new", "1").bytes());
        put("/", new Tars().file("abs/newer", "2").directory("made/deep").bytes());
        assertEquals("1", Files.readString(root.resolve("dir/new")));
        assertEquals("2", Files.readString(root.resolve("dir/newer")));
        assertTrue(Files.isDirectory(root.resolve("made/deep")));
        byte[] tar = new Tars().file("x", "x").bytes();
        assertEquals(ImageException.Kind.NOT_FOUND, refused("/no", tar, PLAIN).kind());
        assertTrue(refused("/dir/file", tar, PLAIN).getMessage().contains("extraction point is not a directory"));
    }

    @Test
    void nothing_is_ever_made_outside() throws Exception {
        put("/", new Tars().symlink("esc", "../../../../../../").bytes());
        String outside = directory.toString().substring(1);
        put("/", new Tars().file("esc/" + outside + "/canary", "bad").bytes());
        assertEquals("bad", Files.readString(root.resolve(outside).resolve("canary")), "it is within the root");
        for (String name : List.of("../canary", "a/../../canary", "..", "/../canary")) {
            assertEquals(
                    ImageException.Kind.INVALID,
                    refused("/dir", new Tars().file(name, "bad").bytes(), PLAIN).kind(),
                    name);
        }
        refused("/dir", new Tars().hardlink("l", "../../canary").bytes(), PLAIN);
        refused("/dir", new Tars().hardlink("l", "/no").bytes(), PLAIN);
    }

    @Test
    void cve_2021_41089_a_mode_does_not_go_through_links() throws Exception {
        Path secret = Files.writeString(root.resolve("secret"), "s");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
        put(
                "/dir",
                new Tars()
                        .symlink("l", "/secret")
                        .hardlink("h", "l")
                        .entry("l", TarConstants.LF_NORMAL, "", "new".getBytes(), 0777, Map.of())
                        .bytes());
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(secret)));
        assertEquals("s", Files.readString(secret));
        assertTrue(Files.isRegularFile(root.resolve("dir/l"), LinkOption.NOFOLLOW_LINKS));
        Files.setPosixFilePermissions(canary, PosixFilePermissions.fromString("rw-------"));
        Files.delete(root.resolve("dir/l"));
        Files.createSymbolicLink(root.resolve("dir/l"), canary);
        put("/dir", new Tars().directory("l", 0777).bytes());
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(canary)));
    }

    @Test
    void a_kind_is_replaced_unless_it_is_to_be_kept() throws Exception {
        FileTree.Unpacking keep = new FileTree.Unpacking(true, Optional.empty());
        byte[] file = new Tars().file("sub", "x").bytes();
        byte[] dir = new Tars().directory("file").bytes();
        assertTrue(refused("/dir", file, keep).getMessage().contains("cannot overwrite directory"));
        assertTrue(refused("/dir", dir, keep).getMessage().contains("cannot overwrite non-directory"));
        put("/dir", file);
        put("/dir", dir);
        assertTrue(Files.isRegularFile(root.resolve("dir/sub")));
        assertTrue(Files.isDirectory(root.resolve("dir/file")));
        tree.unpack(
                "/dir",
                new ByteArrayInputStream(
                        new Tars().directory("file").file("sub", "y").bytes()),
                keep);
        assertEquals("y", Files.readString(root.resolve("dir/sub")));
    }

    @Test
    void the_owner_is_the_archives_or_whom_one_asks_for() throws Exception {
        put("/", new Tars().file("a", "x").bytes());
        tree.unpack(
                "/",
                new ByteArrayInputStream(new Tars().file("b/c", "x").bytes()),
                new FileTree.Unpacking(false, Optional.of(new FileTree.Owner(77, 88))));
        assertEquals(0, Files.getAttribute(root.resolve("a"), "unix:uid"));
        assertEquals(77, Files.getAttribute(root.resolve("b"), "unix:uid"));
        assertEquals(88, Files.getAttribute(root.resolve("b/c"), "unix:gid"));
    }

    @Test
    void attributes_that_only_the_archives_host_knows_are_left_out() throws Exception {
        put(
                "/",
                new Tars()
                        .file(
                                "a",
                                "x",
                                0644,
                                Map.of("SCHILY.xattr.com.apple.provenance", "v", "SCHILY.xattr.user.k", "v"))
                        .bytes());
        assertEquals(List.of("user.k"), linux.listxattr(fd, "a"));
    }

    private interface Packer {
        OutputStream over(OutputStream out) throws IOException;
    }

    @Test
    void cve_2026_41567_compressed_archives_are_decompressed_in_this_process() throws Exception {
        Files.createDirectories(root.resolve("bin"));
        Path marker = root.resolve("marker");
        for (String program : List.of("xz", "unpigz", "gzip", "zstd", "bzip2", "tar", "unxz")) {
            Path fake = Files.writeString(root.resolve("bin/" + program), "#!/bin/sh\ntouch " + marker + "\n");
            Files.setPosixFilePermissions(fake, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        byte[] tar = new Tars().file("packed", "content").bytes();
        Map<String, Packer> packers = Map.of(
                "xz", out -> new XZOutputStream(out, new LZMA2Options(9)),
                "gzip", GZIPOutputStream::new,
                "bzip2", BZip2CompressorOutputStream::new,
                "zstd", com.github.luben.zstd.ZstdOutputStream::new);
        for (Map.Entry<String, Packer> packer : packers.entrySet()) {
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            try (OutputStream out = packer.getValue().over(packed)) {
                out.write(tar);
            }
            put("/dir", packed.toByteArray());
            assertEquals("content", Files.readString(root.resolve("dir/packed")), packer.getKey());
            Files.delete(root.resolve("dir/packed"));
        }
        assertFalse(Files.exists(marker));
    }

    @Test
    void what_is_no_archive_is_refused_and_an_empty_one_does_nothing() throws Exception {
        put("/", new byte[0]);
        put("/", new byte[1024]);
        assertEquals(
                ImageException.Kind.INVALID,
                refused("/", "garbage".repeat(200).getBytes(), PLAIN).kind());
        byte[] cut =
                java.util.Arrays.copyOf(new Tars().file("big", new byte[9000]).bytes(), 5000);
        assertEquals(ImageException.Kind.INVALID, refused("/", cut, PLAIN).kind());
        assertFalse(Files.exists(root.resolve("big")), "an entry is whole or not there");
        try (var list = Files.list(root)) {
            assertTrue(list.noneMatch(p -> p.getFileName().toString().startsWith(".kist-cp")));
        }
    }

    @Test
    void a_file_that_something_is_mounted_on_is_written_to() throws Exception {
        Path source = Files.writeString(directory.resolve("hosts"), "old and long");
        Path target = Files.writeString(root.resolve("hosts"), "");
        run("mount", "--bind", source.toString(), target.toString());
        try {
            put("/", new Tars().file("hosts", "new").bytes());
            assertEquals("new", Files.readString(source));
            assertEquals(List.of("hosts"), read("/hosts"));
        } finally {
            run("umount", target.toString());
        }
        assertEquals("", Files.readString(target));
    }

    private static void run(String... command) throws Exception {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(p.getInputStream().readAllBytes());
        assertEquals(0, p.waitFor(), said);
    }

    @Test
    void the_kernels_own_files_are_not_there() throws Exception {
        Path proc = Files.createDirectory(root.resolve("proc"));
        run("mount", "-t", "proc", "proc", proc.toString());
        try {
            assertEquals(List.of("proc/"), read("/proc"));
            assertEquals(List.of("proc/"), read("/proc/"));
            for (String path : List.of("/proc/version", "/proc/1/root/etc/passwd", "/proc/self/cwd")) {
                ImageException e = assertThrows(ImageException.class, () -> tree.open(path), path);
                assertTrue(
                        e.kind() == ImageException.Kind.NOT_FOUND || e.kind() == ImageException.Kind.INVALID,
                        path + ": " + e.getMessage());
            }
            assertTrue(read("/").stream().noneMatch(n -> n.contains("proc/version")));
            refused("/proc/sys/kernel", new Tars().file("hostname", "x").bytes(), PLAIN);
            refused("/", new Tars().file("proc/sys/kernel/hostname", "x").bytes(), PLAIN);
        } finally {
            run("umount", proc.toString());
        }
    }

    @Test
    void a_full_disk_is_a_clear_error_that_leaves_nothing_half_made() throws Exception {
        Path small = Files.createDirectory(root.resolve("small"));
        run("mount", "-t", "tmpfs", "-o", "size=1m", "kist-test", small.toString());
        try {
            Files.writeString(small.resolve("f"), "old");
            byte[] noise = new byte[3 << 20];
            new java.util.Random(1).nextBytes(noise);
            ImageException e = refused("/small", new Tars().file("f", noise).bytes(), PLAIN);
            assertEquals(ImageException.Kind.NO_SPACE, e.kind());
            assertEquals("old", Files.readString(small.resolve("f")), "the file that was there is still there");
            try (var list = Files.list(small)) {
                assertEquals(1, list.count());
            }
            run("mount", "-o", "remount,ro", small.toString());
            e = refused("/small", new Tars().file("g", "x").bytes(), PLAIN);
            assertEquals(ImageException.Kind.READ_ONLY, e.kind());
        } finally {
            run("umount", small.toString());
        }
    }

    @Test
    void cve_2017_14992_bombs_cost_no_memory_and_end() throws Exception {
        // a sparse file of eight exabytes, and a name of a size that no entry can have
        byte[] header = Tars.header("huge", '0', Long.MAX_VALUE - 1024);
        refused("/", header, PLAIN);
        byte[] zeros = new byte[1 << 20];
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(Tars.header("zeros", '0', 512L << 20));
            for (int i = 0; i < 512; i++) {
                out.write(zeros);
            }
            out.write(new byte[1024]);
        }
        long before = used();
        put("/", packed.toByteArray());
        assertEquals(512L << 20, Files.size(root.resolve("zeros")));
        OutputStream none = OutputStream.nullOutputStream();
        try (FileTree.Source source = tree.open("/zeros")) {
            source.tar(none);
        }
        assertTrue(used() - before < 64 << 20, "heap grew by " + (used() - before));
        // what is behind the end is passed over
        InputStream endless = new SequenceInputStream(
                new ByteArrayInputStream(new Tars().file("end", "x").bytes()), new InputStream() {
                    @Override
                    public int read() {
                        return 1;
                    }

                    @Override
                    public int read(byte[] b, int off, int len) {
                        return len;
                    }
                });
        tree.unpack("/", endless, PLAIN);
        assertEquals("x", Files.readString(root.resolve("end")));
    }

    private static long used() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    /** Swaps a directory and a link that leads out of the root as fast as it can. */
    private AutoCloseable swapping(String name) throws Exception {
        Path real = Files.createDirectories(root.resolve(name));
        Files.writeString(real.resolve("canary"), "container's");
        Files.createSymbolicLink(root.resolve(name + "-link"), directory);
        AtomicBoolean on = new AtomicBoolean(true);
        Fd rootFd = linux.open(root, Flags.O_PATH | Flags.O_DIRECTORY, 0);
        Thread swapper = Thread.ofPlatform().start(() -> {
            while (on.get()) {
                try {
                    linux.renameat2(rootFd, name, rootFd, name + "-link", 2);
                } catch (KernelException e) {
                    Thread.onSpinWait();
                }
            }
        });
        return () -> {
            on.set(false);
            swapper.join();
            rootFd.close();
        };
    }

    @Test
    void cve_2018_15664_a_link_that_comes_and_goes_leads_nowhere() throws Exception {
        byte[] in = new Tars()
                .file("swap/canary", "container's")
                .directory("swap/d")
                .symlink("swap/s", "x")
                .bytes();
        try (AutoCloseable swapping = swapping("swap")) {
            int read = 0;
            for (int i = 0; i < 3000; i++) {
                try {
                    ByteArrayOutputStream out = new ByteArrayOutputStream();
                    try (FileTree.Source source = tree.open(i % 2 == 0 ? "/swap/canary" : "/swap/")) {
                        source.tar(out);
                    }
                    assertFalse(out.toString().contains("host's"), "read a file of the host's");
                    read++;
                } catch (ImageException expected) {
                    assertFalse(expected.getMessage().contains("host's"));
                }
                try {
                    put(i % 2 == 0 ? "/" : "/swap/..", in);
                } catch (ImageException expected) {
                    // in the middle of a swap there is a link where a directory was
                }
            }
            assertTrue(read > 0);
        }
        assertEquals("host's", Files.readString(canary));
        try (var list = Files.list(directory)) {
            assertEquals(
                    List.of("canary", "root"),
                    list.map(p -> p.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void a_tree_is_copied_with_owners_modes_attributes_and_links() throws Exception {
        Path target = Files.createDirectory(directory.resolve("target"));
        linux.setxattr(fd, "dir/file", "user.k", "v".getBytes());
        Files.setAttribute(root.resolve("dir"), "unix:uid", 12);
        Files.setPosixFilePermissions(root.resolve("dir"), PosixFilePermissions.fromString("rwxrwx--x"));
        Files.createSymbolicLink(root.resolve("dir/l"), Path.of("/etc"));
        try (Fd to = linux.open(target, Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            assertFalse(tree.copy("/no", to));
            assertFalse(tree.copy("/dir/file", to));
            assertFalse(tree.copy("/../../canary", to));
            assertTrue(tree.copy("/abs", to));
            assertEquals(List.of("user.k"), linux.listxattr(to, "file"));
        }
        assertEquals(12, Files.getAttribute(target, "unix:uid"));
        assertEquals("rwxrwx--x", PosixFilePermissions.toString(Files.getPosixFilePermissions(target)));
        assertEquals(
                Files.getAttribute(target.resolve("file"), "unix:ino"),
                Files.getAttribute(target.resolve("same"), "unix:ino"));
        assertEquals("/etc", Files.readSymbolicLink(target.resolve("l")).toString());
        assertTrue(Files.isDirectory(target.resolve("sub")));
        Files.walk(target)
                .sorted(java.util.Comparator.reverseOrder())
                .forEach(p -> p.toFile().delete());
    }

    @Test
    void cve_2022_23648_a_path_of_an_image_stays_in_the_image() throws Exception {
        Path target = Files.createDirectory(directory.resolve("target"));
        try (Fd to = linux.open(target, Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            for (String path : List.of("/../../" + directory, "/out", "/up/" + directory, directory.toString())) {
                tree.copy(path, to);
                try (var list = Files.list(target)) {
                    assertTrue(list.noneMatch(p -> p.getFileName().toString().equals("canary")), path);
                }
            }
        }
        Files.walk(target)
                .sorted(java.util.Comparator.reverseOrder())
                .forEach(p -> p.toFile().delete());
    }
}

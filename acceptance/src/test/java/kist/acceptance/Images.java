package kist.acceptance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** The root file systems and archives that the tests bring into an engine. */
final class Images {
    private static final Path TARGET = Path.of(System.getProperty("kist.target", "target"), "images");
    private static final Path CACHE = Path.of(System.getProperty("kist.cache", "/var/cache/kist-test"));

    private Images() {}

    /** Writes a tar entry by entry, with whatever names a test wants. */
    static final class Tar {
        private final TarArchiveOutputStream out;

        private Tar(OutputStream to) {
            out = new TarArchiveOutputStream(to, "UTF-8");
            out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            out.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        }

        Tar directory(String name, int mode) {
            var entry = new TarArchiveEntry(name + "/", TarConstants.LF_DIR, true);
            entry.setMode(mode);
            return put(entry, new byte[0]);
        }

        Tar file(String name, int mode, byte[] content) {
            var entry = new TarArchiveEntry(name, TarConstants.LF_NORMAL, true);
            entry.setMode(mode);
            entry.setSize(content.length);
            return put(entry, content);
        }

        Tar file(String name, int mode, String content) {
            return file(name, mode, content.getBytes(StandardCharsets.UTF_8));
        }

        Tar symlink(String name, String target) {
            return link(name, target, TarConstants.LF_SYMLINK, 0777);
        }

        /** As tar(1) writes it, with the mode of the file. */
        Tar hardlink(String name, String target, int mode) {
            return link(name, target, TarConstants.LF_LINK, mode);
        }

        private Tar link(String name, String target, byte kind, int mode) {
            var entry = new TarArchiveEntry(name, kind, true);
            entry.setLinkName(target);
            entry.setMode(mode);
            return put(entry, new byte[0]);
        }

        Tar device(String name, int major, int minor) {
            var entry = new TarArchiveEntry(name, TarConstants.LF_CHR, true);
            entry.setDevMajor(major);
            entry.setDevMinor(minor);
            entry.setMode(0666);
            return put(entry, new byte[0]);
        }

        private Tar put(TarArchiveEntry entry, byte[] content) {
            try {
                out.putArchiveEntry(entry);
                out.write(content);
                out.closeArchiveEntry();
                return this;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    static byte[] tar(Consumer<Tar> content) {
        var bytes = new ByteArrayOutputStream();
        try {
            var tar = new Tar(bytes);
            content.accept(tar);
            tar.out.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** What every busybox image of the tests is made of: Debian's static busybox and what a small system has beside it. */
    static void busybox(Tar tar) {
        try {
            tar.directory("bin", 0755).file("bin/busybox", 0755, Files.readAllBytes(Path.of("/bin/busybox")));
            for (var applet : Command.of("/bin/busybox", "--list").run().lines()) {
                if (!applet.equals("busybox")) {
                    tar.symlink("bin/" + applet, "busybox");
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        tar.directory("etc", 0755)
                .file(
                        "etc/passwd",
                        0644,
                        "root:x:0:0:root:/root:/bin/sh\ntester:x:1000:1000:Tester:/home/tester:/bin/sh\n")
                .file("etc/group", 0644, "root:x:0:\naudio:x:29:tester\ntester:x:1000:\n")
                .file("etc/data", 0644, "not a program\n")
                .directory("root", 0700)
                .directory("home", 0755)
                .directory("home/tester", 0755)
                .directory("run", 0755)
                .directory("var", 0755)
                .symlink("var/run", "/run")
                .directory("tmp", 01777);
    }

    /** A root file system of Debian's busybox-static. */
    static Path busyboxTar() {
        return cached(TARGET.resolve("busybox.tar"), to -> Files.write(to, tar(Images::busybox)));
    }

    /** A Debian system made by mmdebstrap, about 170 MB; kept over builds, since making it takes a minute and a mirror. */
    static Path debianTar() {
        return debian("debian.tar");
    }

    /** The same with PostgreSQL 15 and its clients, about 480 MB. */
    static Path postgresTar() {
        return debian("postgres.tar", "--include=postgresql");
    }

    private static Path debian(String file, String... options) {
        return cached(
                CACHE.resolve(file),
                to -> Command.of("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar")
                        .with(options)
                        .with("bookworm", to.toString())
                        .patience(Duration.ofMinutes(10))
                        .run()
                        .exits(0));
    }

    private interface Maker {
        void make(Path to) throws IOException;
    }

    private static synchronized Path cached(Path file, Maker maker) {
        try {
            if (!Files.exists(file)) {
                Files.createDirectories(file.getParent());
                var aside = file.resolveSibling(
                        file.getFileName() + "." + ProcessHandle.current().pid() + ".tar");
                maker.make(aside);
                Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String digest(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * What {@code docker save} writes: layers, a configuration that names their digests, and a manifest that names both.
     *
     * @param config of the image, such as {@code {"Cmd": ["sh"]}}
     */
    static byte[] dockerArchive(String tag, Map<String, Object> config, List<byte[]> layers) {
        var digests = layers.stream().map(layer -> "sha256:" + digest(layer)).toList();
        var image = Json.write(Map.of(
                "architecture",
                "amd64",
                "os",
                "linux",
                "created",
                "2024-01-01T00:00:00Z",
                "config",
                config,
                "rootfs",
                Map.of("type", "layers", "diff_ids", digests),
                "history",
                layers.stream()
                        .map(layer -> Map.of("created", "2024-01-01T00:00:00Z", "created_by", "a test"))
                        .toList()));
        return dockerArchive(tag, image, layers);
    }

    /** The same with a configuration written by hand, be it right or wrong. */
    static byte[] dockerArchive(String tag, String image, List<byte[]> layers) {
        var configName = digest(image.getBytes(StandardCharsets.UTF_8)) + ".json";
        var names = layers.stream().map(layer -> digest(layer) + "/layer.tar").toList();
        var manifest = Json.write(List.of(Map.of("Config", configName, "RepoTags", List.of(tag), "Layers", names)));
        return tar(tar -> {
            tar.file(configName, 0644, image);
            for (int i = 0; i < layers.size(); i++) {
                tar.file(names.get(i), 0644, layers.get(i));
            }
            tar.file("manifest.json", 0644, manifest);
        });
    }
}

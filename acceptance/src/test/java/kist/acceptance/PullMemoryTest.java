package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** An engine whose heap is 64 MB brings in, sends and saves an image of several times that. */
class PullMemoryTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine(Map.of("_JAVA_OPTIONS", "-Xmx64m"));

    private static final int MEGABYTES = 300;

    private final ScriptedRegistry registry = new ScriptedRegistry();

    @AfterEach
    void close() {
        registry.close();
    }

    /** Does not become smaller when it is compressed. */
    private static byte[] gzip(byte[] plain) {
        var bytes = new ByteArrayOutputStream(plain.length + (1 << 20));
        try (var gzip = new GZIPOutputStream(bytes, 1 << 16) {
            {
                def.setLevel(Deflater.NO_COMPRESSION);
            }
        }) {
            gzip.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    @Test
    void images_of_any_size_need_no_more_heap(@TempDir java.nio.file.Path directory) {
        var noise = new byte[MEGABYTES << 20];
        new Random(3).nextBytes(noise);
        var base = Images.tar(Images::busybox);
        var layer = Images.tar(tar -> tar.file("noise", 0644, noise));
        registry.offer("it/big", "v1", List.of(base, layer), List.of(ScriptedRegistry.gzip(base), gzip(layer)));
        var name = registry.name("it/big:v1");
        engine.kist("pull", "-q", name).patience(Duration.ofMinutes(3)).ok();
        assertEquals(
                Integer.toString(noise.length),
                engine.kist("run", "--rm", "--network", "none", name, "stat", "-c", "%s", "/noise")
                        .ok());
        var saved = directory.resolve("saved.tar").toString();
        engine.kist("save", "-o", saved, name).patience(Duration.ofMinutes(3)).ok();
        engine.kist("rmi", "-f", name).ok();
        engine.kist("load", "-i", saved).patience(Duration.ofMinutes(3)).ok();
        try (var target = DebianRegistry.open()) {
            engine.kist("tag", name, target.name("it/big:v1")).ok();
            engine.kist("push", "-q", target.name("it/big:v1"))
                    .patience(Duration.ofMinutes(3))
                    .ok();
            engine.kist("rmi", "-f", target.name("it/big:v1"), name).ok();
        }
    }
}

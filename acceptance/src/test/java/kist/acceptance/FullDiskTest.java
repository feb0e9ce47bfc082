package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** State on a small file system that is filled up. */
class FullDiskTest {
    @RegisterExtension
    static final KistEngine engine = new KistEngine(200);

    @Test
    void an_import_that_does_not_fit_is_refused_and_takes_no_room() throws IOException {
        var big = Files.createTempFile(Path.of("/var/tmp"), "kist-big", ".tar");
        try {
            Files.write(big, Images.tar(tar -> tar.file("big", 0644, noise(180 << 20))));
            long free = free();
            var result = engine.docker("import", big.toString(), "big").run();
            assertTrue(result.exit() != 0, result.toString());
            result.says("space");
            Wait.until("its room given back", () -> free() > free - (1 << 20));
            assertEquals(
                    "still here",
                    engine.docker("run", "--rm", "busybox", "echo", "still here")
                            .ok());
        } finally {
            Files.delete(big);
        }
    }

    @Test
    void on_a_full_disk_a_container_is_refused_and_the_engine_goes_on() throws IOException {
        engine.docker(
                        "run",
                        "-d",
                        "--name",
                        "before",
                        "--network",
                        "none",
                        "busybox",
                        "sh",
                        "-c",
                        "while :; do echo line; sleep 0.05; done")
                .ok();
        var filler = engine.home().resolve("disk/filler");
        Command.of("dd", "if=/dev/zero", "of=" + filler, "bs=64k").run();
        try {
            var result = engine.docker("run", "--rm", "--network", "none", "busybox", "echo", "hi")
                    .run();
            if (result.exit() != 0) {
                result.exits(125).says("space");
            }
            engine.docker("ps").ok();
            assertTrue(engine.inspect("before").flag("State", "Running"));
        } finally {
            Files.delete(filler);
        }
        assertEquals(
                "hi",
                engine.docker("run", "--rm", "--network", "none", "busybox", "echo", "hi")
                        .ok());
        // the log goes on where there is room again
        int lines = engine.docker("logs", "before").run().lines().size();
        Wait.until(
                "more lines",
                () -> engine.docker("logs", "before").run().lines().size() > lines);
        assertEquals(List.of("/before"), engine.containers().getFirst().texts("Names"));
    }

    /** Bytes that no file system keeps in less room. */
    private static byte[] noise(int size) {
        var bytes = new byte[size];
        new Random(3).nextBytes(bytes);
        return bytes;
    }

    private static long free() {
        return engine.home().resolve("disk").toFile().getUsableSpace();
    }
}

package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.Linux;
import kist.kernel.Trees;

/** Any archive is unpacked inside its directory or refused. */
class LayerWriterFuzzSystemTest {
    private static final Limits SMALL = new Limits(200, 1 << 20, 0);

    @FuzzTest
    void any_bytes_are_unpacked_inside_or_refused(byte[] bytes) throws IOException {
        Linux linux = Linux.system();
        Path top = Files.createTempDirectory(Path.of("/var/tmp"), "kist-fuzz");
        try (Fd parent = linux.open(top.getParent(), Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            Files.writeString(top.resolve("secret"), "untouched");
            Files.createDirectory(top.resolve("root"));
            try (Fd root = linux.open(top.resolve("root"), Flags.O_PATH | Flags.O_DIRECTORY, 0);
                    LayerWriter writer = new LayerWriter(linux, root, new Budget(linux, root, SMALL), "the layer")) {
                writer.apply(new TarReader(new ByteArrayInputStream(bytes), "the layer"));
                writer.finish(Optional.empty());
            } catch (ImageException refused) {
                assertEquals(
                        false,
                        refused.kind() == ImageException.Kind.INTERNAL,
                        () -> "not foreseen: " + refused.getMessage());
            }
            assertEquals("untouched", Files.readString(top.resolve("secret")));
            try (var list = Files.list(top)) {
                assertEquals(
                        List.of("root", "secret"),
                        list.map(p -> p.getFileName().toString()).sorted().toList());
            }
            Trees.delete(linux, parent, top.getFileName().toString());
        }
    }
}

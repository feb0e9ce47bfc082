package kist.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the file system may be told of a directory. */
class DirectorySystemTest {
    @Test
    void a_directory_whose_children_are_spread_says_so_where_the_file_system_can() throws Exception {
        Path directory = Files.createTempDirectory(Path.of("/var/tmp"), "kist-spread-");
        Linux linux = Linux.system();
        try (Fd fd = linux.open(directory, Flags.O_RDONLY | Flags.O_DIRECTORY, 0)) {
            boolean spread = linux.spreadDirectories(fd);
            Process lsattr = new ProcessBuilder("lsattr", "-d", directory.toString()).start();
            String attributes = new String(lsattr.getInputStream().readAllBytes()).split(" ")[0];
            assertEquals(spread, attributes.contains("T"), attributes);
        } finally {
            Files.delete(directory);
        }
    }
}

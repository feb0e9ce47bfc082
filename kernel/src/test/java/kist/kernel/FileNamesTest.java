package kist.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FileNamesTest {
    @Test
    void names_in_utf8_are_themselves() {
        for (String name : new String[] {"", "plain", "Főtanúsítvány", "日本", "😀", "\ufffd"}) {
            byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
            assertEquals(name, FileNames.decode(bytes));
            assertArrayEquals(bytes, FileNames.encode(name));
        }
    }

    @Test
    void bytes_that_are_not_utf8_come_back_as_they_were() {
        byte[] latin1 = "caf\u00e9.txt".getBytes(StandardCharsets.ISO_8859_1);
        assertEquals("caf\udce9.txt", FileNames.decode(latin1));
        assertArrayEquals(latin1, FileNames.encode(FileNames.decode(latin1)));
    }

    @Test
    void any_bytes_come_back_as_they_were() {
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextInt(12)];
            random.nextBytes(bytes);
            assertArrayEquals(bytes, FileNames.encode(FileNames.decode(bytes)));
        }
    }
}

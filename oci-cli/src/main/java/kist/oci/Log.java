package kist.oci;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Where failures are told: on standard error, and in the file that a caller such as podman reads them from.
 *
 * @param json one JSON object a line instead of text
 */
record Log(Optional<Path> file, boolean json) {
    void error(String message, PrintStream err) {
        String time = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        err.println("time=" + quote(time) + " level=error msg=" + quote(message));
        if (file.isEmpty()) {
            return;
        }
        String line = "time=" + quote(time) + " level=error msg=" + quote(message);
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("level", "error");
            object.put("msg", message);
            object.put("time", time);
            line = State.JSON.toJson(object);
        }
        try {
            Files.writeString(file.get(), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            err.println("level=error msg=" + quote("cannot write the log " + file.get() + ": " + e.getMessage()));
        }
    }

    private static String quote(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }
}

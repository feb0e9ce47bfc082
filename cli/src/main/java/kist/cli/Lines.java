package kist.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** An answer that comes line by line. */
final class Lines {
    private Lines() {}

    /** What is done with a line. */
    interface Taker {
        void take(String line) throws IOException;
    }

    /** Takes each line that is not blank as soon as it is there. */
    static void each(Http.Response answer, Taker taker) throws IOException {
        var reader = new BufferedReader(new InputStreamReader(answer.stream(), StandardCharsets.UTF_8));
        for (var line = reader.readLine(); line != null; line = reader.readLine()) {
            if (!line.isBlank()) {
                taker.take(line);
            }
        }
    }
}

package kist.registry;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import kist.image.Document;
import kist.image.ImageException;
import kist.image.Text;

/**
 * An answer whose body is read as it comes. To be closed.
 *
 * @param uri where it came from at last, after redirects
 */
record Answer(int status, HttpHeaders headers, URI uri, InputStream body) implements AutoCloseable {
    private static final int LARGEST_ERROR = 64 << 10;
    private static final int LONGEST_MESSAGE = 500;
    private static final int WORTH_READING = 16 << 10;

    String header(String name) {
        return headers.firstValue(name).orElse("");
    }

    OptionalLong length() {
        try {
            return headers.firstValueAsLong("Content-Length");
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** Content-Type without parameters, in lower case. */
    String type() {
        String type = header("Content-Type");
        int semicolon = type.indexOf(';');
        return (semicolon < 0 ? type : type.substring(0, semicolon)).strip().toLowerCase(Locale.ROOT);
    }

    boolean ok() {
        return status >= 200 && status < 300;
    }

    /**
     * Reads the whole body.
     *
     * @param what names it in the message
     * @throws RegistryException INVALID if it has more bytes than {@code maximum}
     * @throws IOException if it breaks or is not there in {@code time}
     */
    byte[] read(int maximum, Duration time, String what) throws IOException {
        long deadline = System.nanoTime() + time.toNanos();
        if (length().orElse(0) > maximum) {
            throw tooLarge(maximum, what);
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[16 << 10];
        for (int n; (n = body.read(buffer)) >= 0; ) {
            all.write(buffer, 0, n);
            if (all.size() > maximum) {
                throw tooLarge(maximum, what);
            }
            if (System.nanoTime() > deadline) {
                throw new IOException("too slow: " + what + " was not there after " + time.toSeconds() + " s");
            }
        }
        if (length().isPresent() && length().getAsLong() != all.size()) {
            throw new IOException(what + " ended after " + all.size() + " of " + length().getAsLong() + " bytes");
        }
        return all.toByteArray();
    }

    private RegistryException tooLarge(int maximum, String what) {
        return RegistryException.invalid(what + " from " + uri.getAuthority() + " has more than " + maximum + " bytes");
    }

    /** What the registry has to say of an error, in one line; never empty. Reads the body. */
    String message(Duration time) {
        byte[] bytes;
        try {
            bytes = read(LARGEST_ERROR, time, "the error message");
        } catch (IOException | RegistryException e) {
            return "status " + status;
        }
        String text = new String(bytes, StandardCharsets.UTF_8).strip();
        if (text.isEmpty()) {
            return "status " + status;
        }
        if (text.startsWith("<")) {
            return "status " + status + " with a page of HTML; is " + uri.getAuthority() + " a registry?";
        }
        try {
            return said(Document.parse(bytes, "the error message")).orElse("status " + status);
        } catch (ImageException e) {
            return "status " + status + ": " + clean(text);
        }
    }

    private static Optional<String> said(Document json) {
        if (json.has("errors")) {
            List<Document> errors = json.objects("errors");
            if (!errors.isEmpty()) {
                Document first = errors.getFirst();
                String code = first.text("code").toLowerCase(Locale.ROOT).replace('_', ' ');
                String message = first.text("message");
                return Optional.of(clean(message.isEmpty() ? code : code.isEmpty() ? message : code + ": " + message));
            }
        }
        for (String key : List.of("error_description", "details", "detail", "message", "error")) {
            if (json.has(key) && !json.text(key).isEmpty()) {
                return Optional.of(clean(json.text(key)));
            }
        }
        return Optional.empty();
    }

    private static String clean(String text) {
        String quoted = Text.quote(text.length() > LONGEST_MESSAGE ? text.substring(0, LONGEST_MESSAGE) : text);
        return quoted.substring(1, quoted.lastIndexOf('"'));
    }

    /** What is left of a small body is read, so that the connection can serve again. */
    @Override
    public void close() {
        try {
            if (length().orElse(Long.MAX_VALUE) <= WORTH_READING) {
                body.skip(WORTH_READING + 1);
            }
            body.close();
        } catch (IOException e) {
            // nothing is wanted of it any more
        }
    }
}

package kist.daemon;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.text.MessageFormat;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.MissingResourceException;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/** Writes {@code time level logger: message} and, where there is one, the stack trace. Each record is one write. */
final class LineLogger implements System.Logger {
    private static final OutputStream LOG = new FileOutputStream(FileDescriptor.err);

    /** KIST_LOG_LEVEL=DEBUG shows more; the default is INFO. */
    private static final int LEVEL = level(System.getenv("KIST_LOG_LEVEL"));

    private final String name;

    LineLogger(String name) {
        this.name = name;
    }

    @Override
    public String getName() {
        return name;
    }

    @Override
    public boolean isLoggable(Level level) {
        return level.getSeverity() >= LEVEL;
    }

    @Override
    public void log(
            Level level, @Nullable ResourceBundle bundle, @Nullable String message, @Nullable Throwable thrown) {
        if (isLoggable(level)) {
            write(line(Instant.now(), level, name, localized(bundle, message), thrown));
        }
    }

    @Override
    public void log(
            Level level,
            @Nullable ResourceBundle bundle,
            @Nullable String format,
            @Nullable Object @Nullable ... parameters) {
        if (isLoggable(level)) {
            var text = localized(bundle, format);
            if (parameters != null && parameters.length > 0) {
                text = MessageFormat.format(text, parameters);
            }
            write(line(Instant.now(), level, name, text, null));
        }
    }

    static String line(Instant time, System.Logger.Level level, String name, String text, @Nullable Throwable thrown) {
        var line = new StringBuilder(128)
                .append(time.truncatedTo(ChronoUnit.MILLIS))
                .append(' ')
                .append(level)
                .append(' ')
                .append(name)
                .append(": ");
        // a guest's words may end up in a message: they must not look like a record of their own
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n') {
                line.append("\n    ");
            } else {
                line.append(c < ' ' && c != '\t' ? '?' : c);
            }
        }
        line.append('\n');
        if (thrown != null) {
            var trace = new StringWriter();
            thrown.printStackTrace(new PrintWriter(trace, true));
            line.append(trace);
        }
        return line.toString();
    }

    private static String localized(@Nullable ResourceBundle bundle, @Nullable String key) {
        if (key == null) {
            return "";
        }
        try {
            return bundle == null ? key : bundle.getString(key);
        } catch (MissingResourceException e) {
            return key;
        }
    }

    private static int level(@Nullable String name) {
        for (var level : System.Logger.Level.values()) {
            if (level.name().equals(name)) {
                return level.getSeverity();
            }
        }
        return System.Logger.Level.INFO.getSeverity();
    }

    private static void write(String line) {
        var bytes = line.getBytes(StandardCharsets.UTF_8);
        synchronized (LOG) {
            try {
                LOG.write(bytes);
            } catch (IOException e) {
                // nobody is left to be told: the log itself cannot be written
                return;
            }
        }
    }
}

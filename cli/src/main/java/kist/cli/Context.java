package kist.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import kist.config.Settings;

/**
 * What a command works with: the settings and the standard streams, unbuffered and as bytes, since what a container
 * writes must come out unchanged. Text is UTF-8 whatever the locale, as container names and Docker's ellipsis are.
 *
 * @param home directory of the distribution, empty if unknown
 * @param terminals which of the descriptors 0, 1 and 2 are terminals, such as {@code 012}; the launcher finds out, since
 *     Java would have to load a console for it
 */
record Context(
        Settings settings,
        InputStream in,
        OutputStream out,
        OutputStream err,
        Map<String, String> environment,
        String home,
        String terminals) {

    static Context ofProcess(Settings settings, Map<String, String> environment) {
        return new Context(
                settings,
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                environment,
                System.getProperty("kist.home", ""),
                System.getProperty("kist.terminals", ""));
    }

    boolean stdinIsTerminal() {
        return terminals.indexOf('0') >= 0;
    }

    boolean stdoutIsTerminal() {
        return terminals.indexOf('1') >= 0;
    }

    boolean stderrIsTerminal() {
        return terminals.indexOf('2') >= 0;
    }

    /** Whether standard output is looked at by somebody who wants colours (see no-color.org). */
    boolean coloured() {
        return stdoutIsTerminal() && colours();
    }

    private boolean colours() {
        return environment.getOrDefault("NO_COLOR", "").isEmpty()
                && !environment.getOrDefault("TERM", "dumb").equals("dumb");
    }

    /** The same with nowhere to write to. */
    Context silent() {
        return new Context(settings, in, OutputStream.nullOutputStream(), err, environment, home, "");
    }

    /** The same with standard error in the place of standard output, for what is said beside a container's output. */
    Context aside() {
        return new Context(settings, in, err, err, environment, home, terminals.indexOf('2') >= 0 ? "12" : "");
    }

    void print(String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
    }

    void line(String text) throws IOException {
        print(text + "\n");
    }

    /** A line on standard error; on a terminal the word before its first colon stands out. */
    void error(String text) throws IOException {
        var line = text;
        if (stderrIsTerminal() && colours()) {
            int colon = text.indexOf(':');
            boolean warning = text.startsWith("WARNING");
            if (warning || text.startsWith("kist:") || text.startsWith("Error")) {
                line = (warning ? Colour.YELLOW : Colour.RED).paint(text.substring(0, Math.max(0, colon)))
                        + text.substring(Math.max(0, colon));
            }
        }
        err.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    Engine engine() {
        return new Engine(this);
    }
}

package kist.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import sun.misc.Signal;

/**
 * Shows a stream of Docker's progress messages: on a terminal one line for each layer, redrawn in place in one write; else
 * one line for each change of state, without bars. Used by one thread.
 */
final class ProgressView {
    /** What is only a number of bytes further is drawn no more often. */
    private static final long PAUSE_NANOS = 60_000_000;

    private static final int BAR = 50;
    /** Narrower terminals get numbers without a bar. */
    private static final int WIDTH_FOR_BARS = 110;

    private final Context context;
    private final boolean terminal;
    private final Map<String, Line> lines = new LinkedHashMap<>();
    /** Lengths of the lines as they stand on the terminal. */
    private List<Integer> drawn = List.of();

    private long drawnNanos;
    private volatile boolean resized;
    private Terminal.Size size = new Terminal.Size(0, 0);

    /** A layer's line. */
    private record Line(String status, long current, long total) {
        boolean over() {
            return status.endsWith("complete")
                    || status.startsWith("Already")
                    || status.endsWith("exists")
                    || status.equals("Compressed")
                    || status.equals("Pushed")
                    || status.startsWith("Mounted");
        }
    }

    ProgressView(Context context, boolean terminal) {
        this.context = context;
        this.terminal = terminal;
        if (terminal) {
            size = Terminal.size();
            Signal.handle(new Signal("WINCH"), signal -> resized = true);
        }
    }

    /** What an {@code aux} message holds, or nothing at all. */
    interface Auxiliary {
        void take(Doc aux) throws IOException;
    }

    /** Shows all of a stream; an error in it is the command's. */
    void show(Http.Response answer, Auxiliary auxiliary) throws IOException {
        var reader = new BufferedReader(new InputStreamReader(answer.stream(), StandardCharsets.UTF_8));
        try {
            for (var line = reader.readLine(); line != null; line = reader.readLine()) {
                if (!line.isBlank()) {
                    message(Doc.parse(line), auxiliary);
                }
            }
        } finally {
            finish();
        }
    }

    private void message(Doc message, Auxiliary auxiliary) throws IOException {
        var error = message.text("error");
        if (!error.isEmpty()) {
            finish();
            throw new Failure(1, "kist: " + error);
        }
        if (message.at("aux").present()) {
            auxiliary.take(message.at("aux"));
            return;
        }
        var stream = message.text("stream");
        var status = message.text("status");
        var id = message.text("id");
        if (!stream.isEmpty()) {
            finish();
            context.print(stream);
        } else if (status.isEmpty()) {
            return;
        } else if (id.isEmpty() || status.startsWith("Pulling from")) {
            finish();
            context.line(id.isEmpty() ? status : id + ": " + status);
        } else {
            layer(
                    id,
                    new Line(
                            status,
                            message.number("progressDetail", "current"),
                            message.number("progressDetail", "total")));
        }
    }

    private void layer(String id, Line now) throws IOException {
        var before = lines.put(id, now);
        boolean changed = before == null || !before.status().equals(now.status());
        if (!terminal) {
            if (changed && now.current() == 0) {
                context.line(id + ": " + now.status());
            } else if (changed) {
                // a state that begins with a number of bytes has no line of its own, as in docker's plain output
                lines.put(id, before == null ? now : new Line(before.status(), now.current(), now.total()));
            }
        } else if (changed || System.nanoTime() - drawnNanos >= PAUSE_NANOS) {
            draw();
        }
    }

    /** Leaves the lines as they are; what comes next is below them. */
    private void finish() throws IOException {
        if (terminal && !lines.isEmpty()) {
            draw();
        }
        lines.clear();
        drawn = List.of();
    }

    /** One write, so that nothing flickers; lines never wrap, and after a change of width the old ones are counted anew. */
    private void draw() throws IOException {
        if (resized) {
            resized = false;
            size = Terminal.size();
        }
        int columns = size.columns() > 0 ? size.columns() : 80;
        int up = 0;
        for (int length : drawn) {
            up += Math.max(1, (length + columns - 1) / columns);
        }
        var out = new StringBuilder(1024);
        if (up > 0) {
            out.append("\033[").append(up).append('A');
        }
        out.append('\r');
        var lengths = new ArrayList<Integer>();
        for (var id : visible()) {
            var line = lines.get(id);
            if (line != null) {
                var text = id + ": " + line.status() + bar(line, columns);
                text = text.length() > columns - 1 ? text.substring(0, Math.max(0, columns - 1)) : text;
                out.append(text).append("\033[K\n");
                lengths.add(text.length());
            }
        }
        // what is left of lines that are no longer shown
        out.append("\033[J");
        drawn = lengths;
        drawnNanos = System.nanoTime();
        context.print(out.toString());
    }

    /** All lines, or where the terminal is too low for them those that still change. */
    private List<String> visible() {
        var all = new ArrayList<>(lines.keySet());
        int room = size.rows() > 1 ? size.rows() - 1 : 24;
        for (int i = 0; all.size() > room && i < all.size(); ) {
            var line = lines.get(all.get(i));
            if (line != null && line.over()) {
                all.remove(i);
            } else {
                i++;
            }
        }
        return all.size() > room ? all.subList(0, room) : all;
    }

    private static String bar(Line line, int columns) {
        if (line.current() <= 0) {
            return "";
        }
        if (line.total() <= 0 || line.current() > line.total()) {
            return " " + padded(Units.amount(line.current()));
        }
        var numbers = padded(Units.amount(line.current())) + "/" + Units.amount(line.total());
        if (columns <= WIDTH_FOR_BARS) {
            return " " + numbers;
        }
        int filled = (int) Math.min(BAR, line.current() * BAR / line.total());
        return " [" + "=".repeat(filled) + ">" + " ".repeat(BAR - filled) + "] " + numbers;
    }

    private static String padded(String text) {
        return " ".repeat(Math.max(0, 8 - text.length())) + text;
    }
}

package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import sun.misc.Signal;

/**
 * {@code kist top} without a container: all running ones on a full screen, with what they use of processor, memory, network
 * and disk in each second. Keys choose the order and the part that is seen.
 */
final class TopScreen {
    private static final long PAUSE_MILLIS = 1000;
    /** Columns of figures, after the name. */
    private static final String FIGURES = "%7s %10s %6s %10s %10s %10s %10s %6s";

    private final Context context;
    private final LinkedBlockingQueue<Integer> keys = new LinkedBlockingQueue<>();
    private Order order = Order.CPU;
    private boolean reversed;
    private int top;
    private volatile boolean resized = true;
    private Terminal.Size size = new Terminal.Size(24, 80);
    private List<Rates> rates = List.of();
    private long takenNanos;

    TopScreen(Context context) {
        this.context = context;
    }

    /** A sample and what it means for each second since the one before. */
    private record Rates(StatsSample sample, long netIn, long netOut, long read, long written) {}

    private enum Order {
        CPU(
                'c',
                "CPU",
                (a, b) -> Double.compare(b.sample().cpuPercent(), a.sample().cpuPercent())),
        MEMORY(
                'm',
                "memory",
                (a, b) -> Long.compare(b.sample().memory(), a.sample().memory())),
        NETWORK('n', "network", (a, b) -> Long.compare(b.netIn() + b.netOut(), a.netIn() + a.netOut())),
        DISK('d', "disk", (a, b) -> Long.compare(b.read() + b.written(), a.read() + a.written())),
        PIDS(
                'p',
                "processes",
                (a, b) -> Long.compare(b.sample().pids(), a.sample().pids())),
        NAME('a', "name", (a, b) -> 0);

        private final char key;
        private final String title;
        private final Comparator<Rates> comparator;

        Order(char key, String title, Comparator<Rates> comparator) {
            this.key = key;
            this.title = title;
            this.comparator = comparator.thenComparing(rates -> rates.sample().name());
        }
    }

    int run() throws IOException {
        if (!context.stdinIsTerminal() || !context.stdoutIsTerminal()) {
            throw new Failure(
                    1,
                    "kist: 'kist top' without a container needs a terminal; 'kist stats --no-stream' and 'kist top"
                            + " CONTAINER' do not");
        }
        Signal.handle(new Signal("WINCH"), signal -> {
            resized = true;
            keys.add(0);
        });
        try (var feed = new StatsFeed(context.engine(), true);
                var terminal = Terminal.keys()) {
            // a screen of its own, without a cursor
            context.print("\033[?1049h\033[?25l");
            var leave = new Thread(() -> show("\033[?25h\033[?1049l"));
            Runtime.getRuntime().addShutdownHook(leave);
            try {
                feed.watchAll(false, true);
                readKeys();
                loop(feed);
            } finally {
                show("\033[?25h\033[?1049l");
                Runtime.getRuntime().removeShutdownHook(leave);
            }
            return 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 130;
        }
    }

    private void show(String text) {
        try {
            context.print(text);
        } catch (IOException e) {
            // the terminal has gone
            return;
        }
    }

    private void readKeys() {
        var thread = new Thread(
                () -> {
                    try {
                        for (int key = context.in().read();
                                key >= 0;
                                key = context.in().read()) {
                            keys.add(key);
                        }
                    } catch (IOException e) {
                        // as at the end of the input
                        keys.add((int) 'q');
                        return;
                    }
                    keys.add((int) 'q');
                },
                "keys");
        thread.setDaemon(true);
        thread.start();
    }

    private void loop(StatsFeed feed) throws IOException, InterruptedException {
        long next = System.nanoTime();
        while (true) {
            if (resized) {
                resized = false;
                var now = Terminal.size();
                size = now.rows() > 0 ? now : size;
            }
            if (System.nanoTime() - next >= 0) {
                take(feed.samples());
                next = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS);
            }
            draw();
            var key = keys.poll(Math.max(1, next - System.nanoTime()), TimeUnit.NANOSECONDS);
            if (key != null && !pressed(key)) {
                return;
            }
        }
    }

    /** Notes new samples and what passed since those before. */
    private void take(List<StatsSample> samples) {
        long now = System.nanoTime();
        double seconds = Math.max(0.1, (now - takenNanos) / 1e9);
        var before = new java.util.HashMap<String, StatsSample>();
        for (var one : rates) {
            before.put(one.sample().id(), one.sample());
        }
        var all = new ArrayList<Rates>();
        for (var sample : samples) {
            var last = before.getOrDefault(sample.id(), sample);
            all.add(new Rates(
                    sample,
                    (long) (Math.max(0, sample.netIn() - last.netIn()) / seconds),
                    (long) (Math.max(0, sample.netOut() - last.netOut()) / seconds),
                    (long) (Math.max(0, sample.blockRead() - last.blockRead()) / seconds),
                    (long) (Math.max(0, sample.blockWritten() - last.blockWritten()) / seconds)));
        }
        rates = all;
        takenNanos = now;
    }

    /** Does what the key means; false if it ends the command. */
    private boolean pressed(int key) throws InterruptedException {
        int page = Math.max(1, size.rows() - 5);
        switch (key) {
            case 'q', 'Q', 3 -> {
                return false;
            }
            case 'r', 'R' -> reversed = !reversed;
            case 'k' -> top--;
            case 'j' -> top++;
            case ' ' -> top += page;
            case 'b' -> top -= page;
            case 27 -> {
                // the rest of an arrow's sequence is there at once; Escape alone ends
                var bracket = keys.poll(50, TimeUnit.MILLISECONDS);
                if (bracket == null) {
                    return false;
                }
                var arrow = keys.poll(50, TimeUnit.MILLISECONDS);
                int code = arrow == null ? 0 : arrow;
                top += code == 'A' ? -1 : code == 'B' ? 1 : code == '5' ? -page : code == '6' ? page : 0;
                if (code == '5' || code == '6') {
                    keys.poll(50, TimeUnit.MILLISECONDS);
                }
            }
            default -> {
                for (var one : Order.values()) {
                    if (one.key == Character.toLowerCase(key)) {
                        order = one;
                        top = 0;
                    }
                }
            }
        }
        return true;
    }

    private void draw() throws IOException {
        var all = new ArrayList<>(rates);
        all.sort(reversed ? order.comparator.reversed() : order.comparator);
        int room = Math.max(1, size.rows() - 4);
        top = Math.max(0, Math.min(top, all.size() - room));
        double cpu = 0;
        long memory = 0;
        for (var one : all) {
            cpu += one.sample().cpuPercent();
            memory += one.sample().memory();
        }
        var out = new StringBuilder("\033[H");
        line(
                out,
                Colour.BOLD,
                "kist top - " + all.size() + (all.size() == 1 ? " container" : " containers") + ", CPU " + percent(cpu)
                        + ", memory " + Units.binarySize(memory) + ", by " + order.title);
        line(out, Colour.FAINT, "order: c CPU  m memory  n network  d disk  p processes  a name  r reverse   q quit");
        int width = Math.max(12, size.columns() - 77);
        line(
                out,
                Colour.BOLD,
                padded("NAME", width)
                        + ' '
                        + String.format(
                                FIGURES,
                                "CPU %",
                                "MEMORY",
                                "MEM %",
                                "NET IN/s",
                                "NET OUT/s",
                                "READ/s",
                                "WRITE/s",
                                "PIDS"));
        for (var one : all.subList(top, Math.min(all.size(), top + room))) {
            var sample = one.sample();
            var name = sample.name().isEmpty() ? ListCommands.shortId(sample.id()) : sample.name();
            double share = sample.cpuPercent();
            line(
                    out,
                    share >= 80 || sample.memoryPercent() >= 90
                            ? Colour.RED
                            : share >= 30 ? Colour.YELLOW : Colour.PLAIN,
                    padded(ListCommands.ellipsis(name, width), width)
                            + ' '
                            + String.format(
                                    FIGURES,
                                    percent(share),
                                    Units.binarySize(sample.memory()),
                                    percent(sample.memoryPercent()),
                                    Units.size(one.netIn()),
                                    Units.size(one.netOut()),
                                    Units.size(one.read()),
                                    Units.size(one.written()),
                                    sample.pids()));
        }
        context.print(out.append("\033[J").toString());
    }

    private static String percent(double value) {
        return StatsCommand.percent(value).replace("%", "");
    }

    private static String padded(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.codePointCount(0, text.length())));
    }

    private void line(StringBuilder out, Colour colour, String text) {
        var cut = ListCommands.ellipsis(text, Math.max(1, size.columns()));
        out.append(context.coloured() ? colour.paint(cut) : cut).append("\033[K\r\n");
    }
}

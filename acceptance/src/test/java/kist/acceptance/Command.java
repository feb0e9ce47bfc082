package kist.acceptance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A program to run as a whole process: its arguments, environment, standard input and patience. Immutable. */
record Command(List<String> words, Map<String, String> environment, byte[] input, Duration patience) {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    static Command of(String... words) {
        return new Command(List.of(words), Map.of(), new byte[0], PATIENCE);
    }

    static Command of(List<String> words) {
        return new Command(List.copyOf(words), Map.of(), new byte[0], PATIENCE);
    }

    /** The same with further words at its end. */
    Command with(String... more) {
        var all = new ArrayList<>(words);
        all.addAll(List.of(more));
        return new Command(all, environment, input, patience);
    }

    /** The same with a variable; an empty value takes it out of the inherited environment. */
    Command env(String name, String value) {
        var all = new LinkedHashMap<>(environment);
        all.put(name, value);
        return new Command(words, all, input, patience);
    }

    Command stdin(String text) {
        return stdin(text.getBytes(StandardCharsets.UTF_8));
    }

    Command stdin(byte[] bytes) {
        return new Command(words, environment, bytes, patience);
    }

    Command patience(Duration most) {
        return new Command(words, environment, input, most);
    }

    private ProcessBuilder builder() {
        var builder = new ProcessBuilder(words);
        environment.forEach((name, value) -> {
            if (value.isEmpty()) {
                builder.environment().remove(name);
            } else {
                builder.environment().put(name, value);
            }
        });
        return builder;
    }

    /** Runs it to its end; its standard input is closed behind the bytes given. */
    Result run() {
        try (var running = start()) {
            running.write(input);
            running.closeInput();
            return running.await(patience);
        }
    }

    /** Runs it to its end and expects exit status 0; answers standard output without its last line break. */
    String ok() {
        return run().ok();
    }

    /** Starts it; its standard input stays open. */
    Running start() {
        try {
            return new Running(this, builder().start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs it with standard input and output connected to files, so that children that stay hold no pipe of the test. */
    Result run(Path from, Path to) {
        var begun = System.nanoTime();
        var err = to.resolveSibling(to.getFileName() + ".err");
        try {
            var process = builder()
                    .redirectInput(from.toFile())
                    .redirectOutput(to.toFile())
                    .redirectError(err.toFile())
                    .start();
            if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("no end after " + patience + ": " + this + "\n" + Files.readString(err));
            }
            return new Result(
                    toString(),
                    process.exitValue(),
                    new byte[0],
                    Files.readString(err),
                    Duration.ofNanos(System.nanoTime() - begun));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String toString() {
        return String.join(" ", words);
    }

    /** How a process ended and what it said. */
    record Result(String command, int exit, byte[] stdout, String err, Duration took) {
        /** Standard output without its last line break. */
        String out() {
            var text = new String(stdout, StandardCharsets.UTF_8);
            return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
        }

        List<String> lines() {
            return out().isEmpty() ? List.of() : List.of(out().split("\n", -1));
        }

        String ok() {
            exits(0);
            return out();
        }

        /** The SHA-256 of standard output, in hexadecimal digits. */
        String digest() {
            return Images.digest(stdout);
        }

        Result exits(int status) {
            if (exit != status) {
                throw new AssertionError("exit status " + exit + " instead of " + status + ": " + this);
            }
            return this;
        }

        /** Expects that standard error has each of these words, whatever their case. */
        Result says(String... words) {
            return has(err, words);
        }

        /** The same where dockerd tells in the stream of the process what became of it, and so on standard output. */
        Result tells(String... words) {
            return has(out() + err, words);
        }

        private Result has(String text, String... words) {
            for (var word : words) {
                if (!text.toLowerCase(java.util.Locale.ROOT).contains(word.toLowerCase(java.util.Locale.ROOT))) {
                    throw new AssertionError("\"" + word + "\" is missing from the words of " + this);
                }
            }
            return this;
        }

        @Override
        public String toString() {
            var text = out();
            return command + " (exit status " + exit + " after " + took.toMillis() + " ms)\n--- standard output\n"
                    + (text.length() > 4000 ? text.substring(0, 4000) + "…" : text) + "\n--- standard error\n" + err;
        }
    }

    /** Reads a stream to its end on a thread of its own. */
    static final class Sink {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final Thread thread;

        Sink(InputStream from) {
            thread = Thread.startVirtualThread(() -> {
                var buffer = new byte[65536];
                try {
                    for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
                        synchronized (bytes) {
                            bytes.write(buffer, 0, n);
                        }
                    }
                } catch (IOException e) {
                    // the process was destroyed: what came until then counts
                }
            });
        }

        byte[] bytes() {
            synchronized (bytes) {
                return bytes.toByteArray();
            }
        }

        String text() {
            return new String(bytes(), StandardCharsets.UTF_8);
        }

        void join() throws InterruptedException {
            // what a grandchild holds open must not hold the test
            thread.join(5000);
        }
    }

    /** A process on its way. Closing it kills it. */
    static final class Running implements AutoCloseable {
        private final Command command;
        private final Process process;
        private final Sink out;
        private final Sink err;
        private final long begun = System.nanoTime();

        Running(Command command, Process process) {
            this.command = command;
            this.process = process;
            this.out = new Sink(process.getInputStream());
            this.err = new Sink(process.getErrorStream());
        }

        Process process() {
            return process;
        }

        String out() {
            return out.text();
        }

        String err() {
            return err.text();
        }

        /** Writes to standard input; a process that reads no more is no error. */
        void write(byte[] bytes) {
            try {
                OutputStream in = process.getOutputStream();
                in.write(bytes);
                in.flush();
            } catch (IOException e) {
                // it ended or closed its input: its exit status tells
            }
        }

        void write(String text) {
            write(text.getBytes(StandardCharsets.UTF_8));
        }

        void closeInput() {
            try {
                process.getOutputStream().close();
            } catch (IOException e) {
                // bytes it did not want
            }
        }

        /** Waits until standard output contains this. */
        void awaitOut(String text) {
            Wait.until("\"" + text + "\" from " + command, Duration.ofSeconds(30), () -> out().contains(text), () -> {
                return "it wrote: " + out() + "\nand: " + err();
            });
        }

        void signal(String name) {
            Command.of("kill", "-" + name, Long.toString(process.pid())).ok();
        }

        Result await(Duration patience) {
            try {
                if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                    throw new AssertionError(
                            "no end after " + patience + ": " + command + "\nit wrote: " + out() + "\nand: " + err());
                }
                out.join();
                err.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return new Result(
                    command.toString(),
                    process.exitValue(),
                    out.bytes(),
                    err.text(),
                    Duration.ofNanos(System.nanoTime() - begun));
        }

        Result await() {
            return await(command.patience);
        }

        @Override
        public void close() {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }
}

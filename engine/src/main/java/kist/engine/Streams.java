package kist.engine;

import java.util.Optional;
import kist.kernel.Fd;
import kist.kernel.Linux;

/**
 * The standard streams of a process about to be made: the child's ends and the other ends. Closes all that nobody has
 * taken. Not thread-safe.
 */
final class Streams implements AutoCloseable {
    private final Optional<Linux.Pipe> in;
    private final Optional<Linux.Pipe> out;
    private final Optional<Linux.Pipe> err;
    private final Optional<Fd> nothing;

    private Streams(Optional<Linux.Pipe> in, Optional<Linux.Pipe> out, Optional<Linux.Pipe> err, Optional<Fd> nothing) {
        this.in = in;
        this.out = out;
        this.err = err;
        this.nothing = nothing;
    }

    /** Pipes for output, and for input where it is wanted; with a terminal, none, since the tape opens it. */
    static Streams open(Linux linux, boolean terminal, boolean input, Fd null0) {
        if (terminal) {
            return new Streams(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
        }
        Optional<Linux.Pipe> in = input ? Optional.of(linux.pipe()) : Optional.empty();
        return new Streams(in, Optional.of(linux.pipe()), Optional.of(linux.pipe()), Optional.of(null0));
    }

    /** Nothing to read and nowhere to write. */
    static Streams none(Fd null0) {
        return new Streams(Optional.empty(), Optional.empty(), Optional.empty(), Optional.of(null0));
    }

    Optional<Fd> childInput() {
        return in.map(Linux.Pipe::read).or(() -> nothing);
    }

    Optional<Fd> childOutput() {
        return out.map(Linux.Pipe::write).or(() -> nothing);
    }

    Optional<Fd> childError() {
        return err.map(Linux.Pipe::write).or(() -> nothing);
    }

    Optional<Fd> input() {
        return in.map(Linux.Pipe::write);
    }

    Optional<Fd> output() {
        return out.map(Linux.Pipe::read);
    }

    Optional<Fd> error() {
        return err.map(Linux.Pipe::read);
    }

    private boolean inputTaken;
    private boolean outputTaken;
    private boolean errorTaken;

    Optional<Fd> takeInput() {
        inputTaken = true;
        return input();
    }

    Optional<Fd> takeOutput() {
        outputTaken = true;
        return output();
    }

    Optional<Fd> takeError() {
        errorTaken = true;
        return error();
    }

    @Override
    public void close() {
        in.ifPresent(p -> close(p.read(), p.write(), inputTaken));
        out.ifPresent(p -> close(p.write(), p.read(), outputTaken));
        err.ifPresent(p -> close(p.write(), p.read(), errorTaken));
    }

    private static void close(Fd childEnd, Fd otherEnd, boolean taken) {
        childEnd.close();
        if (!taken) {
            otherEnd.close();
        }
    }
}

package kist.engine;

import java.nio.file.Path;
import java.util.Optional;
import kist.kernel.Fd;
import kist.kernel.Keeper;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.kernel.Poller;

/** The standard streams of containers: joined by clients, read back from logs, sized as terminals. Thread-safe. */
final class ContainerStreams {
    private final Linux linux;
    private final Keeper keeper;
    private final ContainerStore store;
    private final Poller poller;

    ContainerStreams(Linux linux, Keeper keeper, ContainerStore store, Poller poller) {
        this.linux = linux;
        this.keeper = keeper;
        this.store = store;
        this.poller = poller;
    }

    Path logPath(Container c) {
        return store.directory(c.id()).resolve("log");
    }

    Attachment attach(Container c, Request.AttachContainer wish) {
        LogFile log = LogFile.open(logPath(c));
        log.end();
        long end = log.position();
        if (wish.replay()) {
            log.position(0);
        }
        ContainerConfig config = c.config();
        Runnable endOfInput = () -> {
            if (config.stdinOnce() && !config.tty()) {
                closeInput(c);
            }
        };
        return new LogAttachment(linux, poller, c.run, log, wish, config.tty(), endOfInput, wish.live() ? -1 : end);
    }

    private void closeInput(Container c) {
        try {
            Optional<Fd> input = c.run.awaitInput(c.run.current(), false);
            if (input.isPresent()) {
                input.get().close();
                keeper.closeInput(c.id());
            }
        } catch (KernelException | IllegalStateException e) {
            System.getLogger("kist").log(System.Logger.Level.DEBUG, "the process has ended: " + c.id(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    LogStream logs(Container c, Request.ReadLogs wish) {
        return new LineStream(c.run, LogFile.open(logPath(c)), wish, c.config().tty(), c.state.alive());
    }

    void resize(Container c, int rows, int columns) {
        resize(
                c.run.process().flatMap(Keeper.Spawned::terminal),
                rows,
                columns,
                "container " + c.name() + (c.state.alive() ? " has no terminal" : " is not running"));
    }

    /** Sets the size of a terminal, or says why there is none. */
    void resize(Optional<Fd> terminal, int rows, int columns, String otherwise) {
        if (rows < 0 || columns < 0 || rows > 65535 || columns > 65535) {
            throw Creation.invalid("a terminal of " + rows + " by " + columns + " is not possible");
        }
        if (terminal.isEmpty()) {
            throw Lifecycle.conflict(otherwise);
        }
        linux.setWindowSize(terminal.get(), rows, columns);
    }
}

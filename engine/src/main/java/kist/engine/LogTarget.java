package kist.engine;

import java.io.IOException;
import java.util.List;

/** A server that log lines are sent on to. Used by one thread. */
sealed interface LogTarget extends AutoCloseable permits SyslogTarget, FluentdTarget {
    /**
     * A line, or a piece of a long one.
     *
     * @param output without the line's end
     * @param line number of a line that comes in pieces, 0 for a whole one
     * @param piece counts the pieces from 1 on
     * @param last whether the line ends with this piece
     */
    record Line(Output output, long line, int piece, boolean last) {}

    /** Connects where that is not so yet. */
    void connect() throws IOException;

    /** Sends lines; when it returns, the server has them as far as its protocol can tell. */
    void send(List<Line> lines) throws IOException;

    /** Drops the connection; the next call makes another. */
    @Override
    void close();

    /** The target of a container's options. */
    static LogTarget of(LogOptions options, StoredContainer container, kist.kernel.Linux linux) {
        return options.driver() == LogOptions.Driver.SYSLOG
                ? new SyslogTarget(options, container, linux)
                : new FluentdTarget(options, container);
    }
}

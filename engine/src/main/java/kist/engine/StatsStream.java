package kist.engine;

import java.util.Optional;

/** What a container uses, as often as it is asked for. One thread at a time. */
public interface StatsStream extends AutoCloseable {
    /** What it uses now; empty when the container is gone. Does not block. */
    Optional<StatsSample> sample();

    @Override
    void close();
}

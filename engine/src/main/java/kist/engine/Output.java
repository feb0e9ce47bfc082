package kist.engine;

/**
 * A piece of what a process wrote.
 *
 * @param nanos when it was read, Unix time in nanoseconds
 * @param stream 1 for standard output (and everything of a terminal), 2 for standard error
 * @param bytes the bytes; not copied, so leave them as they are
 */
public record Output(long nanos, int stream, byte[] bytes) {}

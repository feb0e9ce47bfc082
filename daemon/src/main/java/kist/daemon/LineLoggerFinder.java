package kist.daemon;

/**
 * Gives every part of the engine a logger that writes one line to standard error, which is the engine's log file or the
 * init system's journal. java.util.logging would cost some thirty milliseconds of the engine's start.
 */
public final class LineLoggerFinder extends System.LoggerFinder {
    /** Called by the JDK's service loader. */
    public LineLoggerFinder() {}

    @Override
    public System.Logger getLogger(String name, Module module) {
        return new LineLogger(name);
    }
}

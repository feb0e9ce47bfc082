/** The engine process: configuration, locks, doors, signals. */
@org.jspecify.annotations.NullMarked
module kist.daemon {
    requires static org.jspecify;
    requires kist.config;
    requires kist.docker;
    requires kist.distribution;
    // sun.misc.Signal: leaving with status 0 on SIGTERM has no other way in Java
    requires jdk.unsupported;

    provides System.LoggerFinder with
            kist.daemon.LineLoggerFinder;
}

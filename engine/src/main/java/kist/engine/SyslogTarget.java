package kist.engine;

import java.util.Map;

/** A syslog server. */
final class SyslogTarget {
    private SyslogTarget() {}

    static void check(Map<String, String> options) {
        throw new EngineException(EngineException.Kind.UNSUPPORTED, "log driver syslog: " + options.keySet());
    }
}

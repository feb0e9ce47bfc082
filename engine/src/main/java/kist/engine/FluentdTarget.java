package kist.engine;

import java.util.Map;

/** A fluentd server. */
final class FluentdTarget {
    private FluentdTarget() {}

    static void check(Map<String, String> options) {
        throw new EngineException(EngineException.Kind.UNSUPPORTED, "log driver fluentd: " + options.keySet());
    }
}

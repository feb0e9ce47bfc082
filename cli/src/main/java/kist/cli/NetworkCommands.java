package kist.cli;

import java.io.IOException;
import java.util.List;

/** {@code kist network connect|create|disconnect|inspect|ls|prune|rm}. */
final class NetworkCommands {
    private final Context context;

    NetworkCommands(Context context) {
        this.context = context;
    }

    int run(List<String> args) throws IOException {
        context.error("kist: 'kist network' is not supported by this version of Kist");
        return 1;
    }
}

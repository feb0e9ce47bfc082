package kist.cli;

import java.io.IOException;
import java.util.List;

/** {@code kist volume create|inspect|ls|prune|rm}. */
final class VolumeCommands {
    private final Context context;

    VolumeCommands(Context context) {
        this.context = context;
    }

    int run(List<String> args) throws IOException {
        context.error("kist: 'kist volume' is not supported by this version of Kist");
        return 1;
    }
}

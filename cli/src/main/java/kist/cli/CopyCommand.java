package kist.cli;

import java.io.IOException;
import java.util.List;

/** {@code kist cp}. */
final class CopyCommand {
    private final Context context;

    CopyCommand(Context context) {
        this.context = context;
    }

    int run(List<String> args) throws IOException {
        context.error("kist: 'kist cp' is not supported by this version of Kist");
        return 1;
    }
}

package kist.daemon;

import java.io.IOException;
import kist.config.Settings;

/** Kist's own engine behind its Docker door. */
final class KistAssembly implements Assembly {
    @Override
    public AutoCloseable open(Settings settings) throws IOException {
        throw new IOException("this build has no engine in it; build Kist from a complete source tree");
    }
}

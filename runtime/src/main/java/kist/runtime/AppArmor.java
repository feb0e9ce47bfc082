package kist.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether the kernel confines programs by AppArmor profiles (apparmor(7)). */
public final class AppArmor {
    private static final Path ENABLED = Path.of("/sys/module/apparmor/parameters/enabled");

    private AppArmor() {}

    /** Asked of the kernel once. */
    public static boolean isEnabled() {
        return Holder.ON;
    }

    private static final class Holder {
        static final boolean ON = read();

        private static boolean read() {
            try {
                return Files.readString(ENABLED).startsWith("Y");
            } catch (IOException e) {
                return false; // a kernel without it has no such file
            }
        }
    }
}

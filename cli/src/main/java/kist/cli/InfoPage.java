package kist.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** The page of {@code kist info}, in docker's order and words. */
final class InfoPage {
    private final StringBuilder out = new StringBuilder();

    private InfoPage() {}

    static String of(Doc info) {
        var page = new InfoPage();
        page.out.append("Client: Kist\n");
        page.line(1, "Version", Main.VERSION);
        page.out.append("\nServer:\n");
        page.server(info);
        return page.out.toString();
    }

    private void server(Doc info) {
        line(1, "Containers", info.text("Containers"));
        line(2, "Running", info.text("ContainersRunning"));
        line(2, "Paused", info.text("ContainersPaused"));
        line(2, "Stopped", info.text("ContainersStopped"));
        line(1, "Images", info.text("Images"));
        line(1, "Server Version", info.text("ServerVersion"));
        line(1, "Storage Driver", info.text("Driver"));
        for (var pair : info.list("DriverStatus")) {
            var words = pair.strings();
            line(2, words.isEmpty() ? "" : words.getFirst(), words.isEmpty() ? "" : words.getLast());
        }
        line(1, "Logging Driver", info.text("LoggingDriver"));
        line(1, "Cgroup Driver", info.text("CgroupDriver"));
        line(1, "Cgroup Version", info.text("CgroupVersion"));
        var plugins = info.at("Plugins");
        if (plugins.present()) {
            out.append(" Plugins:\n");
            line(2, "Volume", String.join(" ", plugins.strings("Volume")));
            line(2, "Network", String.join(" ", plugins.strings("Network")));
            line(2, "Log", String.join(" ", plugins.strings("Log")));
        }
        line(1, "Swarm", info.text("Swarm", "LocalNodeState"));
        line(1, "Runtimes", String.join(" ", new TreeSet<>(info.map("Runtimes").keySet())));
        line(1, "Default Runtime", info.text("DefaultRuntime"));
        line(1, "Init Binary", info.text("InitBinary"));
        security(info.strings("SecurityOptions"));
        line(1, "Kernel Version", info.text("KernelVersion"));
        line(1, "Operating System", info.text("OperatingSystem"));
        line(1, "OSType", info.text("OSType"));
        line(1, "Architecture", info.text("Architecture"));
        line(1, "CPUs", info.text("NCPU"));
        line(1, "Total Memory", Units.binarySize(info.number("MemTotal")));
        line(1, "Name", info.text("Name"));
        line(1, "ID", info.text("ID"));
        line(1, "Kist Root Dir", info.text("DockerRootDir"));
        line(1, "Debug Mode", info.text("Debug"));
        line(1, "HTTP Proxy", info.text("HttpProxy"));
        line(1, "HTTPS Proxy", info.text("HttpsProxy"));
        line(1, "No Proxy", info.text("NoProxy"));
        list("Labels", info.strings("Labels"));
        line(1, "Experimental", info.text("ExperimentalBuild"));
        list("Insecure Registries", info.strings("RegistryConfig", "InsecureRegistryCIDRs"));
        list("Registry Mirrors", info.strings("RegistryConfig", "Mirrors"));
        line(1, "Live Restore Enabled", info.text("LiveRestoreEnabled"));
    }

    /** {@code name=seccomp,profile=builtin} as a name and what is under it. */
    private void security(List<String> options) {
        if (options.isEmpty()) {
            return;
        }
        out.append(" Security Options:\n");
        for (var option : options) {
            var rest = new ArrayList<String>();
            for (var field : option.split(",", -1)) {
                int equals = field.indexOf('=');
                var key = equals < 0 ? "" : field.substring(0, equals);
                var value = field.substring(equals + 1);
                if (key.equals("name") || equals < 0) {
                    out.append("  ").append(value).append('\n');
                } else {
                    rest.add(Character.toUpperCase(key.charAt(0)) + key.substring(1) + ": " + value);
                }
            }
            for (var one : rest) {
                out.append("   ").append(one).append('\n');
            }
        }
    }

    private void list(String title, List<String> values) {
        if (!values.isEmpty()) {
            out.append(' ').append(title).append(":\n");
            for (var value : values) {
                out.append("  ").append(value).append('\n');
            }
        }
    }

    private void line(int depth, String name, String value) {
        if (!value.isEmpty()) {
            out.repeat(' ', depth).append(name).append(": ").append(value).append('\n');
        }
    }
}

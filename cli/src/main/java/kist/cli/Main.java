package kist.cli;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import kist.config.Settings;

/** The kist command. */
public final class Main {
    /** Kist's version. */
    static final String VERSION = kist.config.Version.NUMBER;

    private static final String VERSION_LINE = "Kist version " + VERSION;

    private Main() {}

    /** Runs the command line and ends the process with its status. */
    public static void main(String[] args) {
        int status;
        try {
            status = run(args);
        } catch (IOException e) {
            // even standard error is gone, so nobody can be told
            status = 1;
        }
        // not System.exit's caller's wish alone: a thread may still sit in a read of standard input
        Runtime.getRuntime().exit(status);
    }

    /** The flags before the command. */
    static Flags flags() {
        return new Flags("", "COMMAND [ARG...]", "One engine for every kind of container")
                .stopAtFirstArgument()
                .text("bridge", 0, "string", "Interface of its bridge")
                .text("config", 0, "string", "Configuration file")
                .bool("help", 'h', "Print usage")
                .text("host", 'H', "string", "Engine to talk to")
                .text("policy-file", 0, "string", "Which images may be pulled")
                .text("registries-dir", 0, "string", "Registries, mirrors, certificates")
                .text("root", 0, "string", "Where the engine keeps its state")
                .text("run-dir", 0, "string", "Where its sockets are")
                .text("storage-driver", 0, "string", "How layers are put together")
                .text("subnet", 0, "string", "Subnet of its bridge")
                .bool("tls", 0, "Use TLS to a tcp:// engine, whoever it is")
                .text("tlscacert", 0, "string", "Trust certificates signed by these only")
                .text("tlscert", 0, "string", "The client's own certificate")
                .text("tlskey", 0, "string", "Its key")
                .bool("tlsverify", 0, "Use TLS to a tcp:// engine and verify who it is")
                .bool("version", 'v', "Print version information and quit");
    }

    private static int run(String[] args) throws IOException {
        if (args.length == 1 && (args[0].equals("--version") || args[0].equals("-v"))) {
            // nothing else has to be known for it
            System.out.println(VERSION_LINE);
            return 0;
        }
        var flags = flags();
        Flags.Parsed parsed;
        Context context;
        try {
            parsed = flags.parse(List.of(args));
            var given = new HashMap<String, String>();
            for (var name : Settings.FLAGS) {
                if (parsed.given(name)) {
                    given.put(name, parsed.text(name).orElseThrow());
                }
            }
            context = Context.ofProcess(Settings.resolve(given, System.getenv()), environment(parsed));
        } catch (Failure e) {
            System.err.println(e.text());
            return e.status();
        } catch (IllegalArgumentException e) {
            System.err.println("kist: " + e.getMessage());
            return 125;
        }
        if (parsed.on("version")) {
            context.line(VERSION_LINE);
            return 0;
        }
        var arguments = parsed.arguments();
        if (parsed.on("help") || arguments.isEmpty()) {
            context.print(Commands.HELP);
            return 0;
        }
        return guarded(context, arguments);
    }

    /** This process's, with the flags about TLS in the place of the variables of the same meaning. */
    private static Map<String, String> environment(Flags.Parsed parsed) {
        var environment = System.getenv();
        if (!parsed.givenAny("tls")) {
            return environment;
        }
        var all = new HashMap<String, String>(environment);
        for (var flag : List.of("tlscacert", "tlscert", "tlskey")) {
            if (parsed.given(flag)) {
                all.put(
                        "KIST_TLS_" + flag.substring(3).toUpperCase(java.util.Locale.ROOT),
                        parsed.text(flag).orElseThrow());
            }
        }
        if (parsed.given("tls")) {
            all.put("KIST_TLS", parsed.on("tls") ? "1" : "");
        }
        if (parsed.given("tlsverify")) {
            all.put("KIST_TLS_VERIFY", parsed.on("tlsverify") ? "1" : "");
        }
        return all;
    }

    /** Runs one command and turns whatever stops it into its last words and its status. */
    static int guarded(Context context, List<String> command) throws IOException {
        try {
            return Commands.run(context, command.getFirst(), command.subList(1, command.size()));
        } catch (Flags.Help e) {
            context.print(e.page());
            return 0;
        } catch (Failure e) {
            if (!e.text().isEmpty()) {
                context.error(e.text());
            }
            return e.status();
        } catch (EngineError e) {
            context.error(e.line());
            return 1;
        } catch (IOException e) {
            var message = e.getMessage();
            if (message != null && message.contains("Broken pipe")) {
                // 'kist logs | head': the reader has what it wanted
                return 141;
            }
            context.error("kist: " + (message == null ? e.toString() : message));
            return 1;
        }
    }
}

package kist.daemon;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import kist.config.Settings;
import sun.misc.Signal;

/** The engine in the foreground; {@code kist engine} runs this. */
public final class Main {
    private Main() {}

    /** Runs the engine until SIGTERM or SIGINT; exit status 0 then, 1 if it could not start, 125 for a wrong flag. */
    public static void main(String[] args) {
        // threads of the engine may still block in reads; their work is over
        System.exit(run(args, new KistAssembly()));
    }

    static int run(String[] args, Assembly assembly) {
        Settings settings;
        try {
            settings = Settings.resolve(flags(args), System.getenv());
        } catch (IllegalArgumentException e) {
            return fail(125, sentence(e));
        }
        var process = new EngineProcess(settings, assembly);
        Signal.handle(new Signal("TERM"), signal -> process.stop());
        Signal.handle(new Signal("INT"), signal -> process.stop());
        try {
            process.run();
            return 0;
        } catch (Refusal e) {
            return fail(1, sentence(e));
        } catch (IOException | RuntimeException e) {
            System.getLogger("kist.daemon").log(System.Logger.Level.DEBUG, "the engine failed", e);
            return fail(1, "the engine cannot run: " + sentence(e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return fail(1, "the engine was interrupted");
        }
    }

    /** Messages of java.nio are often the bare path; then the class name says what is wrong with it. */
    private static String sentence(Exception e) {
        var message = e.getMessage();
        return e instanceof java.nio.file.FileSystemException || message == null ? e.toString() : message;
    }

    static Map<String, String> flags(String[] args) {
        var flags = new HashMap<String, String>();
        for (int i = 0; i < args.length; i++) {
            var arg = args[i];
            if (arg.equals("engine") && !flags.containsKey("")) {
                // the command word itself, wherever the flags stand around it
                flags.put("", arg);
                continue;
            }
            int equals = arg.indexOf('=');
            var name = arg.startsWith("--") ? arg.substring(2, equals < 0 ? arg.length() : equals) : "";
            if (!Settings.FLAGS.contains(name) || name.equals("host")) {
                throw new IllegalArgumentException("unknown argument: " + arg
                        + "; kist engine takes --root, --run-dir, --bridge, --subnet, --registries-dir, --policy-file,"
                        + " --storage-driver and --config");
            }
            if (equals >= 0) {
                flags.put(name, arg.substring(equals + 1));
            } else if (i + 1 < args.length) {
                flags.put(name, args[++i]);
            } else {
                throw new IllegalArgumentException("flag needs an argument: --" + name);
            }
        }
        flags.remove("");
        return flags;
    }

    private static int fail(int status, String sentence) {
        System.err.println("kist engine: " + sentence);
        return status;
    }
}

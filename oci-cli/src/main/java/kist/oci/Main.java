package kist.oci;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import kist.runtime.Capabilities;
import kist.runtime.DefaultSpec;
import kist.runtime.Process;
import kist.runtime.Resources;
import kist.runtime.Spec;
import kist.runtime.SpecException;
import kist.runtime.SpecReader;
import kist.runtime.User;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;

/** The command kist-oci: an OCI runtime with the command line of runc. */
public final class Main {
    private static final String USAGE = """
            usage: kist-oci [--root DIR] [--log FILE] [--log-format text|json] COMMAND

            commands:
              create [-b BUNDLE] [--pid-file FILE] [--console-socket SOCKET] ID
              start ID
              run [-d] [-b BUNDLE] [--pid-file FILE] [--console-socket SOCKET] [--keep] ID
              exec [-d] [-t] [-u UID[:GID]] [-e NAME=VALUE] [--cwd DIR] [-p PROCESS.json] ID COMMAND...
              state ID
              kill [-a] ID [SIGNAL]
              delete [-f] ID
              pause ID | resume ID
              update [-r RESOURCES.json] [--memory N] [--memory-swap N] [--cpu-quota N] [--cpu-period N]
                     [--cpu-share N] [--cpuset-cpus LIST] [--pids-limit N] ID
              ps [-f table|json] ID
              list [-q] [-f table|json]
              spec [-b BUNDLE]
              features
            """;

    private static final int FAILURE = 1;

    private final PrintStream out;
    private final PrintStream err;

    private Main(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    /** Runs one command and ends with its status. */
    public static void main(String[] args) {
        int status = new Main(System.out, System.err).run(args);
        System.out.flush();
        System.exit(status);
    }

    /** Usage that is not right; the message says what is. */
    private static final class UsageException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        UsageException(String message) {
            super(message);
        }
    }

    private int run(String[] args) {
        Log log = new Log(Optional.empty(), false);
        try {
            CommandLine global = parse(
                    new Options()
                            .addOption(value("root", ""))
                            .addOption(value("log", ""))
                            .addOption(value("log-format", ""))
                            .addOption(value("rootless", ""))
                            .addOption(flag("debug", ""))
                            .addOption(flag("systemd-cgroup", ""))
                            .addOption(flag("version", "v"))
                            .addOption(flag("help", "h")),
                    List.of(args));
            log = new Log(
                    Optional.ofNullable(global.getOptionValue("log")).map(Path::of),
                    "json".equals(global.getOptionValue("log-format")));
            List<String> rest = new ArrayList<>(global.getArgList());
            if (global.hasOption("version")) {
                out.println("kist-oci version " + version() + "\nspec: " + Spec.VERSION);
                return 0;
            }
            if (global.hasOption("help") || rest.isEmpty() || rest.getFirst().equals("help")) {
                out.print(USAGE);
                return global.hasOption("help") || !rest.isEmpty() ? 0 : FAILURE;
            }
            if (global.hasOption("systemd-cgroup")) {
                throw new OciException(
                        "--systemd-cgroup: this version does not talk to systemd; use the cgroupfs manager");
            }
            Store store = new Store(Path.of(global.getOptionValue("root", "/run/kist-oci")));
            return command(rest.removeFirst(), rest, store);
        } catch (UsageException e) {
            err.println("kist-oci: " + e.getMessage() + "\nSee 'kist-oci --help'.");
            return FAILURE;
        } catch (OciException | SpecException | kist.runtime.StartException | kist.kernel.KernelException e) {
            log.error(Launch.sentence(e), err);
            return FAILURE;
        } catch (java.io.UncheckedIOException e) {
            log.error(String.valueOf(e.getMessage()), err);
            return FAILURE;
        } catch (IllegalStateException e) {
            // no control groups, or the keeper went away under us
            log.error(String.valueOf(e.getMessage()), err);
            return FAILURE;
        }
    }

    private static String version() {
        return Optional.ofNullable(Main.class.getPackage().getImplementationVersion())
                .orElse("0.1.0");
    }

    private static Option value(String name, String letter) {
        return Option.builder(letter.isEmpty() ? null : letter)
                .longOpt(name)
                .hasArg()
                .get();
    }

    private static Option flag(String name, String letter) {
        return Option.builder(letter.isEmpty() ? null : letter).longOpt(name).get();
    }

    /** Options up to the first word that is none. */
    private static CommandLine parse(Options options, List<String> args) {
        try {
            CommandLine line = DefaultParser.builder()
                    .setAllowPartialMatching(false)
                    .get()
                    .parse(options, args.toArray(String[]::new), true);
            // what stops the parser may be an unknown option
            if (!line.getArgList().isEmpty()) {
                String first = line.getArgList().getFirst();
                if (first.startsWith("-") && first.length() > 1) {
                    throw new UsageException("unknown flag " + first);
                }
            }
            return line;
        } catch (ParseException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }

    private static String id(CommandLine line, int arguments) {
        List<String> rest = line.getArgList();
        if (rest.isEmpty()) {
            throw new UsageException("the command needs the ID of a container");
        }
        if (rest.size() > arguments) {
            throw new UsageException("unexpected argument " + rest.get(arguments));
        }
        return rest.getFirst();
    }

    private static Options launchOptions() {
        return new Options()
                .addOption(value("bundle", "b"))
                .addOption(value("pid-file", ""))
                .addOption(value("console-socket", ""))
                .addOption(flag("no-pivot", ""))
                .addOption(flag("no-new-keyring", ""))
                .addOption(value("preserve-fds", ""));
    }

    private static Launch.Options launch(CommandLine line) {
        for (String refused : List.of("no-pivot", "no-new-keyring")) {
            if (line.hasOption(refused)) {
                throw new OciException("--" + refused + " is not supported by this version");
            }
        }
        if (!line.getOptionValue("preserve-fds", "0").equals("0")) {
            throw new OciException("--preserve-fds is not supported by this version");
        }
        return new Launch.Options(
                Optional.ofNullable(line.getOptionValue("pid-file")).map(Path::of),
                line.getOptionValue("console-socket", ""));
    }

    private int command(String name, List<String> args, Store store) {
        switch (name) {
            case "create" -> {
                CommandLine line = parse(launchOptions(), args);
                new Launch(store).create(id(line, 1), Path.of(line.getOptionValue("bundle", ".")), launch(line));
            }
            case "run" -> {
                CommandLine line =
                        parse(launchOptions().addOption(flag("detach", "d")).addOption(flag("keep", "")), args);
                return new Launch(store)
                        .run(
                                id(line, 1),
                                Path.of(line.getOptionValue("bundle", ".")),
                                launch(line),
                                line.hasOption("detach"),
                                line.hasOption("keep"));
            }
            case "start" -> {
                try (Container container = new Container(store, id(parse(new Options(), args), 1))) {
                    new Launch(store).begin(container);
                }
            }
            case "exec" -> {
                return exec(args, store);
            }
            case "state" -> new Lifecycle(store).state(id(parse(new Options(), args), 1), out);
            case "kill" -> {
                CommandLine line = parse(new Options().addOption(flag("all", "a")), args);
                String id = id(line, 2);
                String signal = line.getArgList().size() > 1 ? line.getArgList().get(1) : "SIGTERM";
                new Lifecycle(store).kill(id, Signals.number(signal), line.hasOption("all"));
            }
            case "delete" -> {
                CommandLine line = parse(new Options().addOption(flag("force", "f")), args);
                new Lifecycle(store).delete(id(line, 1), line.hasOption("force"));
            }
            case "pause" -> new Lifecycle(store).pause(id(parse(new Options(), args), 1), true);
            case "resume" -> new Lifecycle(store).pause(id(parse(new Options(), args), 1), false);
            case "update" -> update(args, store);
            case "ps" -> {
                CommandLine line = parse(new Options().addOption(value("format", "f")), args);
                new Lifecycle(store).processes(id(line, 1), isJson(line), out);
            }
            case "list" -> {
                CommandLine line =
                        parse(new Options().addOption(flag("quiet", "q")).addOption(value("format", "f")), args);
                new Lifecycle(store).list(line.hasOption("quiet"), isJson(line), out);
            }
            case "spec" -> spec(args);
            case "features" -> out.println(Features.json());
            default -> throw new UsageException("unknown command " + name);
        }
        return 0;
    }

    private static boolean isJson(CommandLine line) {
        String format = line.getOptionValue("format", "table");
        if (!format.equals("table") && !format.equals("json")) {
            throw new UsageException("--format is table or json, not " + format);
        }
        return format.equals("json");
    }

    private int exec(List<String> args, Store store) {
        CommandLine line = parse(
                new Options()
                        .addOption(flag("detach", "d"))
                        .addOption(flag("tty", "t"))
                        .addOption(value("user", "u"))
                        .addOption(value("env", "e"))
                        .addOption(value("cwd", ""))
                        .addOption(value("process", "p"))
                        .addOption(value("pid-file", ""))
                        .addOption(value("console-socket", ""))
                        .addOption(flag("no-new-privs", ""))
                        .addOption(value("cap", "c"))
                        .addOption(value("preserve-fds", "")),
                args);
        String id = id(line, Integer.MAX_VALUE);
        List<String> command = line.getArgList().subList(1, line.getArgList().size());
        Process process = line.hasOption("process")
                ? SpecReader.readProcess(read(Path.of(line.getOptionValue("process"))))
                : process(store, id, line, command);
        return new Launch(store).exec(id, process, launch(line), line.hasOption("detach"));
    }

    private static Process process(Store store, String id, CommandLine line, List<String> command) {
        if (command.isEmpty()) {
            throw new UsageException("exec needs a command or --process");
        }
        Process first = SpecReader.read(store.config(id)).process();
        List<String> env = new ArrayList<>(first.env());
        if (line.hasOption("env")) {
            env.addAll(Arrays.asList(line.getOptionValues("env")));
        }
        User user = line.hasOption("user") ? User.named(line.getOptionValue("user"), List.of()) : first.user();
        Process process = first.execOf(
                List.copyOf(command), env, line.getOptionValue("cwd", first.cwd()), user, line.hasOption("tty"));
        if (line.hasOption("cap") && first.capabilities().isPresent()) {
            Capabilities c = first.capabilities().get();
            List<String> more = new ArrayList<>(c.permitted());
            more.addAll(Arrays.asList(line.getOptionValues("cap")));
            process = process.with(Capabilities.of(more));
        }
        return line.hasOption("no-new-privs") ? process.withNoNewPrivileges() : process;
    }

    private static void update(List<String> args, Store store) {
        CommandLine line = parse(
                new Options()
                        .addOption(value("resources", "r"))
                        .addOption(value("memory", ""))
                        .addOption(value("memory-swap", ""))
                        .addOption(value("memory-reservation", ""))
                        .addOption(value("cpu-quota", ""))
                        .addOption(value("cpu-period", ""))
                        .addOption(value("cpu-share", ""))
                        .addOption(value("cpuset-cpus", ""))
                        .addOption(value("cpuset-mems", ""))
                        .addOption(value("pids-limit", "")),
                args);
        String id = id(line, 1);
        Resources resources;
        if (line.hasOption("resources")) {
            resources = SpecReader.readResources(read(Path.of(line.getOptionValue("resources"))));
        } else {
            OptionalLong pids = number(line, "pids-limit");
            resources = new Resources(
                    List.of(),
                    Optional.of(Resources.Memory.of(
                            number(line, "memory"), number(line, "memory-swap"), number(line, "memory-reservation"))),
                    Optional.of(Resources.Cpu.of(
                            number(line, "cpu-share"),
                            number(line, "cpu-quota"),
                            number(line, "cpu-period"),
                            line.getOptionValue("cpuset-cpus", ""),
                            line.getOptionValue("cpuset-mems", ""))),
                    pids.isPresent() ? Optional.of(new Resources.Pids(pids.getAsLong())) : Optional.empty(),
                    Optional.empty(),
                    java.util.Map.of());
        }
        new Lifecycle(store).update(id, resources);
    }

    private static OptionalLong number(CommandLine line, String option) {
        String text = line.getOptionValue(option, "");
        if (text.isEmpty()) {
            return OptionalLong.empty();
        }
        try {
            return OptionalLong.of(Long.parseLong(text));
        } catch (NumberFormatException e) {
            throw new UsageException("--" + option + " is a number, not " + text);
        }
    }

    private static byte[] read(Path file) {
        try {
            if (file.equals(Path.of("-"))) {
                return System.in.readNBytes(SpecReader.MAXIMUM_BYTES + 1);
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new OciException("cannot read " + file + ": " + e.getMessage());
        }
    }

    private static void spec(List<String> args) {
        CommandLine line = parse(new Options().addOption(value("bundle", "b")), args);
        Path file = Path.of(line.getOptionValue("bundle", ".")).resolve("config.json");
        Spec spec = DefaultSpec.docker()
                .args(List.of("sh"))
                .terminal(true)
                .hostname("kist")
                .user(new User(0, 0, OptionalInt.empty(), List.of(), List.of(), ""))
                .build();
        try {
            Files.write(
                    file,
                    (spec.json() + "\n").getBytes(StandardCharsets.UTF_8),
                    java.nio.file.StandardOpenOption.CREATE_NEW);
        } catch (java.nio.file.FileAlreadyExistsException e) {
            throw new OciException("File " + file + " exists. Remove it first");
        } catch (IOException e) {
            throw new OciException("cannot write " + file + ": " + e.getMessage());
        }
    }
}

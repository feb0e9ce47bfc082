package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import kist.config.Settings;

/** The kist command. */
public final class Main {
    /** Kist's version. */
    static final String VERSION = kist.config.Version.NUMBER;

    private static final String HELP = """
            Usage:  kist [OPTIONS] COMMAND

            One engine for every kind of container

            Commands:
              run         Create and run a new container from an image
              create      Create a new container
              start       Start one or more stopped containers
              stop        Stop one or more running containers
              restart     Restart one or more containers
              kill        Kill one or more running containers
              rm          Remove one or more containers
              ps          List containers
              logs        Fetch the logs of a container
              exec        Execute a command in a running container
              attach      Attach local standard input, output, and error streams to a running container
              wait        Block until one or more containers stop, then print their exit codes
              inspect     Return low-level information on containers and images
              rename      Rename a container
              commit      Create a new image from a container's changes
              diff        Inspect changes to files or directories on a container's filesystem
              export      Export a container's filesystem as a tar archive
              pause       Pause all processes within one or more containers
              unpause     Unpause all processes within one or more containers
              top         Display the running processes of a container
              pull        Download an image from a registry
              push        Upload an image to a registry
              login       Authenticate to a registry
              logout      Log out from a registry
              search      Search a registry for images
              images      List images
              rmi         Remove one or more images
              import      Import the contents from a tarball to create a filesystem image
              load        Load an image from a tar archive or STDIN
              save        Save one or more images to a tar archive
              tag         Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE
              history     Show the history of an image
              image       Manage images: ls, pull, push, rm, tag, inspect, history, save, load, import, prune, diff
              manifest    Show an image's manifest as its registry has it: inspect
              distribution  Show what a registry says of an image: inspect
              registry    Serve a registry from the engine's store: serve
              events      Get real time events from the engine
              version     Show the Kist version information
              info        Display system-wide information
              env         Print the line that points the docker command at this engine
              system      Manage the engine: start, status, shutdown, df
              engine      Run the engine in the foreground

            Global Options:
                  --bridge string    Interface of its bridge (KIST_BRIDGE; default kist0)
                  --config string    Configuration file (KIST_CONFIG; default /etc/kist/config.json)
              -H, --host string      Engine to talk to, unix:///PATH or tcp://HOST:PORT (KIST_HOST)
                  --policy-file string     Which images may be pulled (KIST_POLICY_FILE; default /etc/kist/policy.json)
                  --registries-dir string  Registries, mirrors, certificates (KIST_REGISTRIES_DIR; default /etc/kist/registries.d)
                  --root string      Where the engine keeps its state (KIST_ROOT; default /var/lib/kist)
                  --run-dir string   Where its sockets are (KIST_RUN_DIR; default /run/kist)
                  --storage-driver string  How layers are put together: overlay, copy or auto (KIST_STORAGE_DRIVER; default auto)
                  --subnet string    Subnet of its bridge (KIST_SUBNET; default a free one)
              -v, --version          Print version information and quit

            Run 'kist COMMAND --help' for more information on a command.
            """;

    private static final String IMAGE_HELP = """
            Usage:  kist image COMMAND

            Manage images

            Commands:
              diff        Show what differs between the files of two images
              history     Show the history of an image
              import      Import the contents from a tarball to create a filesystem image
              inspect     Display detailed information on one or more images
              load        Load an image from a tar archive or STDIN
              ls          List images
              prune       Remove unused images
              pull        Download an image from a registry
              push        Upload an image to a registry
              rm          Remove one or more images
              save        Save one or more images to a tar archive
              tag         Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE

            Run 'kist image COMMAND --help' for more information on a command.
            """;

    private static final String CONTAINER_HELP = """
            Usage:  kist container COMMAND

            Manage containers

            Commands:
              attach      Attach local standard input, output, and error streams to a running container
              commit      Create a new image from a container's changes
              create      Create a new container
              diff        Inspect changes to files or directories on a container's filesystem
              exec        Execute a command in a running container
              export      Export a container's filesystem as a tar archive
              inspect     Display detailed information on one or more containers
              kill        Kill one or more running containers
              logs        Fetch the logs of a container
              ls          List containers
              pause       Pause all processes within one or more containers
              rename      Rename a container
              restart     Restart one or more containers
              rm          Remove one or more containers
              run         Create and run a new container from an image
              start       Start one or more stopped containers
              stop        Stop one or more running containers
              top         Display the running processes of a container
              unpause     Unpause all processes within one or more containers
              wait        Block until one or more containers stop, then print their exit codes

            Run 'kist container COMMAND --help' for more information on a command.
            """;

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

    private static int run(String[] args) throws IOException {
        var flags = new Flags("", "COMMAND [ARG...]", "One engine for every kind of container")
                .stopAtFirstArgument()
                .text("config", 0, "string", "")
                .text("host", 'H', "string", "")
                .text("policy-file", 0, "string", "")
                .text("registries-dir", 0, "string", "")
                .text("root", 0, "string", "")
                .text("run-dir", 0, "string", "")
                .text("storage-driver", 0, "string", "")
                .bool("help", 'h', "")
                .bool("version", 'v', "");
        Flags.Parsed parsed;
        Context context;
        try {
            parsed = flags.parse(List.of(args));
            var given = new HashMap<String, String>();
            for (var name : Settings.FLAGS) {
                parsed.text(name).ifPresent(value -> given.put(name, value));
            }
            context = Context.ofProcess(Settings.resolve(given, System.getenv()));
        } catch (Failure e) {
            System.err.println(e.text());
            return e.status();
        } catch (IllegalArgumentException e) {
            System.err.println("kist: " + e.getMessage());
            return 125;
        }
        if (parsed.on("version")) {
            context.line("Kist version " + VERSION);
            return 0;
        }
        var arguments = parsed.arguments();
        if (parsed.on("help") || arguments.isEmpty()) {
            context.print(HELP);
            return 0;
        }
        return guarded(context, arguments);
    }

    /** Runs one command and turns whatever stops it into its last words and its status. */
    static int guarded(Context context, List<String> command) throws IOException {
        try {
            return dispatch(context, command.getFirst(), command.subList(1, command.size()));
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

    /** A switch, so that only the classes of the command typed are loaded. */
    private static int dispatch(Context context, String name, List<String> args) throws IOException {
        return switch (name) {
            case "run" -> new RunCommand(context).run(args);
            case "create" -> new RunCommand(context).create(args);
            case "start" -> new RunCommand(context).start(args);
            case "exec" -> new RunCommand(context).exec(args);
            case "attach" -> new RunCommand(context).attach(args);
            case "stop" -> new ContainerCommands(context).stop(args);
            case "restart" -> new ContainerCommands(context).restart(args);
            case "kill" -> new ContainerCommands(context).kill(args);
            case "rm" -> new ContainerCommands(context).remove(args);
            case "pause" -> new ContainerCommands(context).pause(args);
            case "unpause" -> new ContainerCommands(context).unpause(args);
            case "rename" -> new ContainerCommands(context).rename(args);
            case "wait" -> new ContainerCommands(context).await(args);
            case "top" -> new ContainerCommands(context).top(args);
            case "inspect" -> new ContainerCommands(context).inspect(args);
            case "ps" -> new ListCommands(context).containers(args);
            case "images" -> new ListCommands(context).images(args);
            case "rmi" -> new ImageCommands(context).remove(args);
            case "tag" -> new ImageCommands(context).tag(args);
            case "history" -> new ImageCommands(context).history(args);
            case "diff" -> new ImageCommands(context).changes(args);
            case "distribution" -> new ImageCommands(context).distribution(args);
            case "manifest" -> new ImageCommands(context).manifest(args);
            case "import" -> new ArchiveCommands(context).importTar(args);
            case "load" -> new ArchiveCommands(context).load(args);
            case "save" -> new ArchiveCommands(context).save(args);
            case "export" -> new ArchiveCommands(context).export(args);
            case "commit" -> new ArchiveCommands(context).commit(args);
            case "pull" -> new TransferCommands(context).pull(args);
            case "push" -> new TransferCommands(context).push(args);
            case "search" -> new TransferCommands(context).search(args);
            case "login" -> new LoginCommands(context).login(args);
            case "logout" -> new LoginCommands(context).logout(args);
            case "registry" -> new RegistryCommands(context).registry(args);
            case "logs" -> new StreamCommands(context).logs(args);
            case "events" -> new StreamCommands(context).events(args);
            case "version" -> new SystemCommands(context).version(args);
            case "info" -> new SystemCommands(context).info(args);
            case "env" -> new SystemCommands(context).env(args);
            case "system" -> new SystemCommands(context).system(args);
            case "container", "image" -> grouped(context, name, args);
            case "help" -> help(context, args);
            case "engine" ->
                throw new Failure(1, "kist: 'kist engine' is started by the kist launcher, not by this program");
            case "build", "compose", "cp", "network", "plugin", "port", "stats", "swarm", "update", "volume" ->
                throw later(name);
            default ->
                throw new Failure(
                        1, "kist: unknown command: kist " + name + "\n\nRun 'kist --help' for more information");
        };
    }

    private static Failure later(String name) {
        return new Failure(1, "kist: 'kist " + name + "' is not supported by this version of Kist");
    }

    private static int help(Context context, List<String> args) throws IOException {
        if (args.isEmpty()) {
            context.print(HELP);
            return 0;
        }
        var command = new ArrayList<>(args);
        command.add("--help");
        return guarded(context, command);
    }

    /** {@code kist container ls} and {@code kist image rm}, for hands that type them so. */
    private static int grouped(Context context, String group, List<String> args) throws IOException {
        boolean image = group.equals("image");
        if (args.isEmpty()
                || args.getFirst().equals("--help")
                || args.getFirst().equals("-h")) {
            context.print(image ? IMAGE_HELP : CONTAINER_HELP);
            return 0;
        }
        var name = args.getFirst();
        var rest = args.subList(1, args.size());
        var plain = switch (name) {
            case "ls", "list" -> image ? "images" : "ps";
            case "rm", "remove" -> image ? "rmi" : "rm";
            default -> name;
        };
        if (image && name.equals("prune")) {
            return new ImageCommands(context).prune(rest);
        }
        if (image && name.equals("diff")) {
            return new ImageCommands(context).diff(rest);
        }
        if (name.equals("inspect")) {
            rest = new ArrayList<>(rest);
            rest.addFirst("--type=" + group);
        } else if (!GROUPS.getOrDefault(group, List.of()).contains(plain)) {
            throw new Failure(
                    1,
                    "kist: unknown command: kist " + group + " " + name + "\n\nRun 'kist " + group
                            + " --help' for more information");
        }
        return dispatch(context, plain, rest);
    }

    private static final Map<String, List<String>> GROUPS = Map.of(
            "image", List.of("images", "rmi", "import", "load", "save", "tag", "history", "pull", "push"),
            "container",
                    List.of(
                            "ps", "rm", "run", "create", "start", "stop", "restart", "kill", "logs", "exec", "attach",
                            "wait", "rename", "pause", "unpause", "top", "commit", "diff", "export"));
}

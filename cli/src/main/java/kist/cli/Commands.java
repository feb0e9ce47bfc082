package kist.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Which class runs which command. A command of its own is a case of {@link #run} and a line of {@link #HELP}; commands after
 * one name are a {@link Group} in the class that has them. It is a switch, so that only the classes of the command typed are
 * loaded.
 */
final class Commands {
    static final String HELP = """
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
              inspect     Return low-level information on containers, images, networks and volumes
              rename      Rename a container
              commit      Create a new image from a container's changes
              cp          Copy files/folders between a container and the local filesystem
              diff        Inspect changes to files or directories on a container's filesystem
              export      Export a container's filesystem as a tar archive
              pause       Pause all processes within one or more containers
              unpause     Unpause all processes within one or more containers
              port        List port mappings or a specific mapping for the container
              stats       Display a live stream of container(s) resource usage statistics
              top         Display the running processes of a container, or all containers on a full screen
              update      Update configuration of one or more containers
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
              volume      Manage volumes
              network     Manage networks
              events      Get real time events from the engine
              version     Show the Kist version information
              info        Display system-wide information
              completion  Print the completion script for a shell: bash, fish or zsh
              env         Print the line that points the docker command at this engine
              system      Manage the engine: start, status, shutdown, df, prune, info, events
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
                  --tls              Use TLS to a tcp:// engine, whoever it is (KIST_TLS)
                  --tlscacert string  Trust certificates signed by these only (KIST_TLS_CACERT; default ca.pem)
                  --tlscert string   The client's own certificate (KIST_TLS_CERT; default cert.pem)
                  --tlskey string    Its key (KIST_TLS_KEY; default key.pem)
                  --tlsverify        Use TLS to a tcp:// engine and verify who it is (KIST_TLS_VERIFY)
              -v, --version          Print version information and quit

            The files of TLS are looked for in KIST_CERT_PATH (default ~/.docker).

            Run 'kist COMMAND --help' for more information on a command.
            """;

    private Commands() {}

    /** Runs a command of the first level with what was typed after its name; returns the exit status. */
    static int run(Context context, String name, List<String> args) throws IOException {
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
            case "inspect" -> new InspectCommand(context).run(args);
            case "update" -> new ContainerCommands(context).update(args);
            case "port" -> new ContainerCommands(context).port(args);
            case "stats" -> new StatsCommand(context).run(args);
            case "completion" -> new CompletionCommand(context).script(args);
            case "__complete" -> new CompletionCommand(context).complete(args);
            case "cp" -> new CopyCommand(context).run(args);
            case "ps" -> new PsCommand(context).run(args);
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
            case "container" -> container(context, args);
            case "image" -> image(context, args);
            case "volume" -> new VolumeCommands(context).run(args);
            case "network" -> new NetworkCommands(context).run(args);
            case "help" -> help(context, args);
            case "engine" ->
                throw new Failure(1, "kist: 'kist engine' is started by the kist launcher, not by this program");
            case "build", "compose", "plugin", "swarm" -> throw later(name);
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
        return Main.guarded(context, command);
    }

    /** {@code kist container ls}, for hands that type it so. */
    private static int container(Context context, List<String> args) throws IOException {
        var group = new Group("container", "Manage containers");
        for (var command : CONTAINER) {
            add(group, context, command[0], command[1], command[0].equals("ls") ? "ps" : command[0]);
        }
        group.add(
                        "inspect",
                        "Display detailed information on one or more containers",
                        rest -> new InspectCommand(context).run("container", rest))
                .add("prune", "Remove all stopped containers", rest -> new PruneCommands(context).containers(rest));
        return group.also("list", "ls").also("ps", "ls").also("remove", "rm").run(context, args);
    }

    private static int image(Context context, List<String> args) throws IOException {
        var group = new Group("image", "Manage images");
        for (var command : IMAGE) {
            var name = command[0];
            add(group, context, name, command[1], name.equals("ls") ? "images" : name.equals("rm") ? "rmi" : name);
        }
        group.add(
                        "inspect",
                        "Display detailed information on one or more images",
                        rest -> new InspectCommand(context).run("image", rest))
                .add("prune", "Remove unused images", rest -> new ImageCommands(context).prune(rest))
                .add(
                        "diff",
                        "Show what differs between the files of two images",
                        rest -> new ImageCommands(context).diff(rest));
        return group.also("list", "ls").also("remove", "rm").run(context, args);
    }

    private static void add(Group group, Context context, String name, String help, String plain) {
        group.add(name, help, rest -> run(context, plain, rest));
    }

    /** Names and lines of help of what the group shares with the first level. */
    private static final String[][] CONTAINER = {
        {"attach", "Attach local standard input, output, and error streams to a running container"},
        {"commit", "Create a new image from a container's changes"},
        {"cp", "Copy files/folders between a container and the local filesystem"},
        {"create", "Create a new container"},
        {"diff", "Inspect changes to files or directories on a container's filesystem"},
        {"exec", "Execute a command in a running container"},
        {"export", "Export a container's filesystem as a tar archive"},
        {"kill", "Kill one or more running containers"},
        {"logs", "Fetch the logs of a container"},
        {"ls", "List containers"},
        {"port", "List port mappings or a specific mapping for the container"},
        {"pause", "Pause all processes within one or more containers"},
        {"rename", "Rename a container"},
        {"restart", "Restart one or more containers"},
        {"rm", "Remove one or more containers"},
        {"run", "Create and run a new container from an image"},
        {"start", "Start one or more stopped containers"},
        {"stats", "Display a live stream of container(s) resource usage statistics"},
        {"stop", "Stop one or more running containers"},
        {"top", "Display the running processes of a container"},
        {"unpause", "Unpause all processes within one or more containers"},
        {"update", "Update configuration of one or more containers"},
        {"wait", "Block until one or more containers stop, then print their exit codes"},
    };

    private static final String[][] IMAGE = {
        {"history", "Show the history of an image"},
        {"import", "Import the contents from a tarball to create a filesystem image"},
        {"load", "Load an image from a tar archive or STDIN"},
        {"ls", "List images"},
        {"pull", "Download an image from a registry"},
        {"push", "Upload an image to a registry"},
        {"rm", "Remove one or more images"},
        {"save", "Save one or more images to a tar archive"},
        {"tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"},
    };
}

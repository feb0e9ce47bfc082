package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A day with the docker command: each line is typed at the engine under test and at dockerd, and what comes back is
 * compared, exit statuses with it. Only what no two runs have in common is made alike first: ids, addresses, times. Where
 * the engine under test is dockerd itself, this shows that two runs do read the same.
 */
@Tag("peer")
@ParameterizedClass
@MethodSource("kist.acceptance.Engine#clients")
class EverydayTest {
    /** What is typed, line by line, in a directory with a few files. */
    private static final String DAY = """
            date +%s.%N >begun
            docker run --rm busybox echo hello
            docker run --name greeter busybox sh -c 'echo out; echo err >&2; exit 3'
            docker ps -a --filter name=greeter --format '{{.Names}} {{.Image}} {{.Command}} {{.State}}'
            docker logs greeter
            docker start -a greeter
            docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}}' greeter
            docker rm greeter
            docker volume create --label tier=back data
            docker volume create data
            docker network create --subnet 10.231.7.0/24 --label tier=front backend
            docker network create backend
            docker run -d --name web --hostname web --network backend --network-alias www -p 127.0.0.1:28431:80 -e COLOR=green -l tier=front -l "note=two words" -v data:/data -w /data --restart on-failure:3 busybox sh -c 'trap "exit 0" TERM; echo serving $COLOR; sleep 0.2; echo ready >&2; sleep 600 & wait'
            docker run -d --name web busybox true
            docker ps --filter name=web
            docker ps --no-trunc --filter label=tier=front
            docker ps -a -s --filter name=web --format '{{.Names}}|{{.Command}}|{{.Ports}}|{{.Labels}}|{{.Mounts}}|{{.Networks}}|{{.LocalVolumes}}'
            docker ps --filter name=web --format json
            docker ps --filter nonesuch=1
            docker port web
            docker port web 80/tcp
            docker port web 81
            docker exec web cat /proc/sys/kernel/hostname /proc/1/cmdline
            docker exec -e SIZE=big -w / -u tester web sh -c 'echo $COLOR $SIZE; pwd; id'
            docker exec web sh -c 'exit 5'
            docker exec web nonesuch
            docker exec nonesuch true
            echo typed | docker exec -i web sh -c 'cat >/data/typed; wc -c /data/typed'
            docker run --rm --network backend busybox sh -c 'ping -c 1 -W 2 www >/dev/null && echo www answers'
            docker run --rm -v data:/elsewhere:ro busybox sh -c 'cat /elsewhere/typed; touch /elsewhere/no'
            docker logs --since 1h web
            docker logs --tail 1 web
            docker logs --since 1h --until 1h web
            docker logs nonesuch
            docker top web -o pid,comm | awk 'NR == 1 { print } NR > 1 { print $2 }'
            docker top web -o nonsense
            docker stats --no-stream --format '{{.Name}} {{.PIDs}}' web
            docker stats --no-stream --format '{{.Container}}' web nonesuch
            docker cp letter.txt web:/data/
            docker cp folder web:/data
            docker cp letter.txt web:/nowhere/at/all/ >/dev/null 2>&1; echo $?
            docker cp web:/data/letter.txt - | tar -tf -
            docker cp web:/data back && ls -R back
            docker cp web:/nonesuch .
            docker exec web ls -R /data
            docker exec web sh -c 'echo more >>/etc/data; rm /etc/group; touch /new'
            docker diff web | sort
            docker rename web www
            docker rename www www
            docker inspect web
            docker inspect --format '{{.Name}} {{.Config.Hostname}} {{json .Config.Env}} {{json .Config.Labels}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' www
            docker inspect --format '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.Driver}} {{.Mode}} {{.RW}} {{.Propagation}}{{end}}' www
            docker inspect --format '{{range $name, $one := .NetworkSettings.Networks}}{{$name}} {{$one.IPAddress}} {{$one.Gateway}} {{$one.IPPrefixLen}} {{json $one.DriverOpts}}{{end}} {{json .NetworkSettings.Ports}}' www
            docker inspect --format '{{.Nonesuch}}' www
            docker update --memory 64m --memory-swap 64m --restart no www
            docker inspect --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.RestartPolicy.Name}}' www
            docker update --memory 1k www
            docker pause www
            docker pause www
            docker exec www true
            docker ps --filter status=paused --format '{{.Names}} {{.Status}}'
            docker unpause www
            docker unpause www
            docker network ls --filter label=tier=front --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}'
            docker network inspect --format '{{.Name}} {{.Driver}} {{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}} {{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}} {{.Internal}} {{json .Labels}}' backend
            docker network connect bridge www
            docker network connect bridge www
            docker network disconnect bridge www
            docker network disconnect bridge www
            docker network rm backend
            docker volume ls --filter label=tier=back --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}'
            docker volume inspect --format '{{.Name}} {{.Driver}} {{json .Labels}} {{json .Options}} {{.Scope}}' data
            docker volume rm data
            docker volume rm nonesuch
            docker restart -t 5 www
            docker stop www
            docker stop www
            docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.Running}} {{.State.Pid}}' www
            docker wait www
            docker kill www
            docker kill --signal NONESUCH www
            docker start www
            docker kill --signal KILL www
            docker wait www
            docker ps -a --filter name=www --format '{{.Status}}'
            docker start nonesuch
            docker create --name created --memory 32m --read-only --tmpfs /scratch:size=1m busybox sh -c 'echo x >/scratch/x && touch /y'
            docker ps -a --filter status=created --format '{{.Names}} {{.Status}}'
            docker start -a created
            docker commit --change 'ENV A=1' -m noted www kept
            docker run --rm kept sh -c 'echo $A $COLOR; pwd; cat /etc/data; ls /new'
            docker history --format '{{.Comment}}' --no-trunc kept
            docker tag kept kept:two
            docker images --format '{{.Repository}}:{{.Tag}}' kept
            docker rmi kept kept:two
            docker rmi nonesuch
            docker export created | tar -tf - | grep '^etc'
            docker run -d --rm --name brief --network none busybox sleep 600
            docker run --rm --network container:brief busybox ls /sys/class/net
            docker rm brief
            docker rm -f brief
            docker container prune -f --filter label=tier=front
            docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}' | grep -v Images
            docker system df -v --format '{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}}{{end}}'
            docker rm created nonesuch
            docker run -d --name clash -p 28432:80 --network none busybox true
            docker run -d --name other -p 28432:80 --network container:nonesuch busybox true
            docker run --rm --memory 1k busybox true
            docker run --rm --entrypoint /nonesuch busybox
            docker run --rm -v relative:/x:ro,nonsense busybox true
            docker run --rm -w relative busybox true
            docker run --rm -u nobodyknows busybox true
            docker run --rm --network nonesuch busybox true
            docker run --rm --env-file settings.env --read-only -m 64m --pids-limit 50 busybox sh -c 'env | grep -E "^(ONE|TWO)"'
            docker run --cidfile id.txt --name filed busybox true && wc -c <id.txt
            docker rm $(cat id.txt)
            docker container prune -f
            docker network rm backend
            docker volume rm data
            docker volume prune -f
            docker network prune -f
            docker ps -aq
            docker events --since $(cat begun) --until $(date +%s.%N) --filter type=container --format '{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}' | grep -E ' (greeter|web|www|created|brief|filed) ' | grep -v '^exec_.*nonesuch'
            docker events --since $(cat begun) --until $(date +%s.%N) --filter type=volume --format '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.destination}}' | sort -u
            docker events --since $(cat begun) --until $(date +%s.%N) --filter type=network --filter network=backend --format '{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}'
            docker events --since $(cat begun) --until $(date +%s.%N) --filter type=image --format '{{.Action}} {{.Actor.Attributes.name}}'
            """;

    /** A line that reads otherwise on Kist, what it has to say then, and why. */
    private record Difference(String line, String here, String reason) {}

    private static final List<Difference> DIFFERENCES = List.of(
            new Difference(
                    "docker exec web nonesuch",
                    "exit status 127\n(?s).*exec: \"nonesuch\": executable file not found in \\$PATH.*",
                    "127 is what a shell says of it, and what dockerd says since version 23"),
            new Difference(
                    "docker run --rm --entrypoint /nonesuch busybox",
                    "exit status 127\n(?s).*exec: \"/nonesuch\": stat /nonesuch: no such file or directory.*",
                    "there is neither a shim nor runc to be named"),
            new Difference(
                    "docker rm brief",
                    "exit status 1\n(?s).*cannot remove container \"/brief\": container is running.*",
                    "the sentence of newer versions of dockerd"),
            new Difference(
                    "docker run --rm -v relative:/x:ro,nonsense busybox true",
                    "exit status 125\n(?s).*nonsense.*",
                    "names the option alone, not all of the mode"),
            new Difference(
                    "docker run --rm -u nobodyknows busybox true",
                    "exit status 125\n(?s).*unable to find user nobodyknows: no matching entries in passwd file.*",
                    "names the field as well"),
            new Difference(
                    "docker export created | tar -tf - | grep '^etc'",
                    "exit status 0\netc/\netc/data\netc/group\netc/hostname\netc/hosts\netc/passwd\netc/resolv.conf",
                    "dockerd makes a link /etc/mtab in every container; Kist leaves that to the image"),
            new Difference(
                    DAY.lines()
                            .filter(line -> line.startsWith("docker network inspect"))
                            .findFirst()
                            .orElseThrow(),
                    "exit status 0\nbackend bridge 10.231.7.0/24 10.231.7.1 www 10.231.7.2/24 false .*",
                    "dockerd 20.10 does not tell a gateway that it chose itself"));

    /** Members of documents of the API, as patterns of their paths, that are not the same, and why that is right. */
    private static final Map<String, String> MEMBERS = Map.ofEntries(
            Map.entry("(info|version)\\..*", "the engines have other parts, and the versions are not the same"),
            Map.entry(".*\\.(Driver|GraphDriver.*)", "layers are kept in another way"),
            Map.entry(".*\\.(HostnamePath|HostsPath|LogPath|ResolvConfPath)", "places of the engine's own"),
            Map.entry(".*\\.(SandboxID|SandboxKey|Mountpoint)", "places of the engine's own"),
            Map.entry(".*\\.Mounts\\[\\d\\]\\.Source", "volumes are in a place of the engine's own"),
            Map.entry(".*\\.HostConfig\\.Runtime", "a runtime of its own"),
            Map.entry(".*\\.HostConfig\\.MaskedPaths.*", "more is masked, as newer versions of dockerd do"),
            Map.entry(".*\\.HostConfig\\.KernelMemory.*", "gone from the API since version 1.42"),
            Map.entry(".*\\.Networks\\.\\w+\\.(DNSNames|GwPriority)", "newer members are told to all clients"),
            Map.entry("df\\.Containers.*\\.SizeRw", "told of those that are empty as well"),
            Map.entry("image\\.(Container|ContainerConfig.*|DockerVersion)", "gone from the API since version 1.45"),
            Map.entry("image\\.VirtualSize", "the file system rounds in another way"),
            Map.entry("stats\\.(memory_stats\\..*|os_type)", "what this kernel counts beside the rest"),
            Map.entry("network\\.IPAM\\.Config\\[0\\]\\.Gateway", "dockerd 20.10 does not tell what it chose itself"),
            Map.entry(".*\\.HostConfig\\.CgroupnsMode", "control groups are the container's own on cgroup v1 too"),
            Map.entry("df\\.BuildCache", "there is none, which newer versions say so"),
            Map.entry("network\\.Options.*", "the bridge has a name of its own"));

    @RegisterExtension
    static final Engine engine = Engine.underTest();

    @RegisterExtension
    static final PeerEngine peer = new PeerEngine();

    @Parameter
    String client;

    @TempDir
    Path directory;

    /** Makes what no two runs have in common alike: the same id, say, becomes the same word each time. */
    private static final class Alike {
        private static final Pattern ID = Pattern.compile("\\b([0-9a-f]{64}|[0-9a-f]{12})\\b");
        /** As made up by engines for containers that nobody named. */
        private static final Pattern NAME =
                Pattern.compile("(?m)(?<=^(attach|create|destroy|die|kill|start|stop) )[a-z]+_[a-z]+\\b");

        private static final Pattern ERROR = Pattern.compile("Error response from daemon: .*");
        private final Map<String, String> ids = new HashMap<>();

        String text(String text) {
            // newer versions of dockerd begin their sentences with small letters
            var sentences = ERROR.matcher(text)
                    .replaceAll(found -> Matcher.quoteReplacement(found.group().toLowerCase(Locale.ROOT)));
            return ID.matcher(NAME.matcher(sentences).replaceAll("A_NAME"))
                    .replaceAll(
                            found -> ids.computeIfAbsent(found.group().substring(0, 12), id -> "ID" + (ids.size() + 1)))
                    .replaceAll("\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z| [-+]\\d{4} \\w+)?", "TIME")
                    .replaceAll("(Less than a second|About a minute|\\d+ (seconds?|minutes?))", "A WHILE")
                    .replaceAll("\\b172\\.\\d+\\.\\d+\\.\\d+", "ADDRESS")
                    .replaceAll("([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC")
                    .replaceAll("\\b(\\d+(\\.\\d+)?)(B|kB|MB|GB|KiB|MiB|GiB)\\b", "SIZE")
                    .replaceAll(" {2,}", "  ")
                    .replaceAll("-{3,}", "---");
        }
    }

    /** What a line brought. */
    private record Answer(String line, String text) {}

    private List<Answer> spend(Engine at, String command) {
        clear(at);
        try {
            var here = Files.createTempDirectory(directory, "day");
            Files.writeString(here.resolve("letter.txt"), "dear reader\n");
            Files.createDirectories(here.resolve("folder/deep"));
            Files.writeString(here.resolve("folder/deep/note"), "deep\n");
            Files.writeString(here.resolve("settings.env"), "# settings\nONE=1\nTWO=2 3\n");
            var alike = new Alike();
            var answers = new ArrayList<Answer>();
            for (var line : DAY.strip().split("\n")) {
                // the two commands have the same words
                var typed = "docker() { command " + command + " \"$@\"; }; cd '" + here + "'; " + line;
                var environment = at.client(command.equals("docker") ? "docker" : "kist");
                var shell = Command.of("sh", "-c", typed);
                for (var variable : environment.environment().entrySet()) {
                    shell = shell.env(variable.getKey(), variable.getValue());
                }
                var result = shell.run();
                answers.add(new Answer(
                        line,
                        alike.text("exit status " + result.exit() + "\n" + result.out()
                                        + (result.err().isEmpty() ? "" : "\nstandard error:\n" + result.err()))
                                .strip()));
            }
            return answers;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            clear(at);
        }
    }

    private static void clear(Engine at) {
        at.removeContainers();
        at.api().post("/v1.41/volumes/prune", "").expect(200);
        at.api().post("/v1.41/networks/prune", "").expect(200);
    }

    @Test
    @Timeout(300)
    void every_line_of_the_day_reads_as_it_does_on_dockerd() {
        var expected = spend(peer, "docker");
        var actual = spend(engine, client.equals("kist") ? Engine.dist("bin/kist") : "docker");
        var faults = new ArrayList<String>();
        for (int i = 0; i < expected.size(); i++) {
            var there = expected.get(i);
            var here = actual.get(i);
            boolean meant = engine.isKist()
                    && DIFFERENCES.stream().anyMatch(one -> one.line.equals(there.line) && here.text.matches(one.here));
            if (!meant && !comparable(there.text).equals(comparable(here.text))) {
                faults.add("$ " + there.line + "\n--- dockerd: " + there.text + "\n--- here: " + here.text);
            }
        }
        write("everyday-" + client + (engine.isKist() ? "" : "-peer") + ".txt", actual);
        assertTrue(
                faults.isEmpty(),
                faults.size() + " of " + expected.size() + " lines differ:\n\n" + String.join("\n\n", faults));
    }

    /** The documents that clients read, member by member. */
    @Test
    void documents_have_the_members_and_values_that_they_have_on_dockerd() {
        var expected = documents(peer);
        var actual = documents(engine);
        var faults = new ArrayList<String>();
        for (var document : expected.keySet()) {
            var there = new TreeMap<String, String>();
            var here = new TreeMap<String, String>();
            members(expected.get(document), document, there, new Alike());
            members(actual.get(document), document, here, new Alike());
            var names = new TreeSet<>(there.keySet());
            names.addAll(here.keySet());
            for (var name : names) {
                var one = there.getOrDefault(name, "missing");
                var other = here.getOrDefault(name, "missing");
                boolean meant = engine.isKist() && MEMBERS.keySet().stream().anyMatch(name::matches);
                if (!meant && !one.equals(other)) {
                    faults.add(name + ": " + one + " on dockerd, here " + other);
                }
            }
        }
        assertTrue(faults.isEmpty(), faults.size() + " members differ:\n" + String.join("\n", faults));
    }

    private Map<String, Json> documents(Engine at) {
        clear(at);
        try {
            at.docker(
                            "run",
                            "-d",
                            "--name",
                            "rich",
                            "--hostname",
                            "rich",
                            "-p",
                            "127.0.0.1:28433:80",
                            "-e",
                            "A=1",
                            "-l",
                            "tier=front",
                            "-v",
                            "kept:/kept:ro",
                            "-v",
                            "/usr/share:/host",
                            "--tmpfs",
                            "/scratch",
                            "--restart",
                            "on-failure:2",
                            "-m",
                            "64m",
                            "--cpus",
                            "0.5",
                            "--cap-add",
                            "NET_ADMIN",
                            "--security-opt",
                            "no-new-privileges",
                            "--sysctl",
                            "net.ipv4.ip_forward=1",
                            "--ulimit",
                            "nofile=100:200",
                            "--device",
                            "/dev/kmsg",
                            "--dns",
                            "10.9.9.9",
                            "--add-host",
                            "other:10.8.8.8",
                            "--init",
                            "--health-cmd",
                            "true",
                            "--stop-signal",
                            "USR1",
                            "busybox",
                            "sleep",
                            "600")
                    .ok();
            at.docker("create", "--name", "plain", "--network", "none", "busybox", "true")
                    .ok();
            var exec = at.api()
                    .post("/v1.41/containers/rich/exec", "{\"Cmd\":[\"true\"],\"AttachStdout\":true}")
                    .expect(201)
                    .json()
                    .text("Id");
            var all = new TreeMap<String, Json>();
            all.put(
                    "container",
                    at.api().get("/v1.41/containers/rich/json").expect(200).json());
            all.put(
                    "plain container",
                    at.api().get("/v1.41/containers/plain/json").expect(200).json());
            all.put(
                    "list",
                    at.api().get("/v1.41/containers/json?all=1").expect(200).json());
            all.put(
                    "exec",
                    at.api().get("/v1.41/exec/" + exec + "/json").expect(200).json());
            all.put(
                    "image",
                    at.api().get("/v1.41/images/busybox/json").expect(200).json());
            all.put("volume", at.api().get("/v1.41/volumes/kept").expect(200).json());
            all.put(
                    "network",
                    at.api().get("/v1.41/networks/bridge").expect(200).json());
            all.put("none", at.api().get("/v1.41/networks/none").expect(200).json());
            all.put("df", at.api().get("/v1.41/system/df").expect(200).json());
            all.put(
                    "stats",
                    at.api()
                            .get("/v1.41/containers/rich/stats?stream=0&one-shot=1")
                            .expect(200)
                            .json());
            all.put("info", at.api().get("/v1.41/info").expect(200).json());
            all.put("version", at.api().get("/v1.41/version").expect(200).json());
            return all;
        } finally {
            clear(at);
        }
    }

    /** Of what is measured or told about the machine, only the kind of the value counts. */
    private static final List<String> MEASURED = List.of("stats", "info", "version", "df.Images", "df.LayersSize");

    private static void members(Json at, String path, Map<String, String> into, Alike alike) {
        if (at.value() instanceof Map<?, ?> map) {
            into.put(path, "{}");
            if (!path.startsWith("df.Images")) {
                for (var key : at.keys()) {
                    members(at.at(key), path + "." + alike.text(key), into, alike);
                }
            }
        } else if (at.value() instanceof List<?> list) {
            boolean measured = MEASURED.stream().anyMatch(path::startsWith);
            into.put(path, measured ? "[]" : "[] of " + list.size());
            var entries = new ArrayList<>(at.list());
            if (path.endsWith(".Binds") || path.endsWith(".Mounts")) {
                // in any order
                entries.sort(Comparator.comparing(Json::toString));
            }
            for (int i = 0; i < entries.size() && !measured; i++) {
                members(entries.get(i), path + "[" + i + "]", into, alike);
            }
        } else if (MEASURED.stream().anyMatch(path::startsWith)) {
            into.put(path, !at.present() ? "null" : at.value() instanceof Number ? "a number" : "a text");
        } else if (at.value() instanceof Number && path.matches(".*\\.(Pid|Created|Size\\w*|RefCount)")) {
            into.put(path, "a number");
        } else {
            into.put(path, alike.text(at.present() ? "" + at : "null").replaceAll("\\bID\\d+", "ID"));
        }
    }

    /** The kist command has words of its own for what fails: of those it only counts that there are some. */
    private String comparable(String text) {
        int error = text.indexOf("\nstandard error:\n");
        return client.equals("docker") || error < 0 ? text : text.substring(0, error) + "\nstandard error";
    }

    private static void write(String file, List<Answer> answers) {
        var text = new StringBuilder();
        for (var answer : answers) {
            text.append("$ ")
                    .append(answer.line)
                    .append('\n')
                    .append(answer.text)
                    .append("\n\n");
        }
        try {
            Files.writeString(Path.of(System.getProperty("kist.target", "target"), file), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

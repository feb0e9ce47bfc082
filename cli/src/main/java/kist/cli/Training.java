package kist.cli;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import kist.config.Settings;

/**
 * Runs the usual commands once, against an engine of canned answers, in the one process whose classes the build writes to
 * the AOT cache (JEP 514). Not part of any command.
 */
public final class Training {
    private static final String CONTAINER = """
            {"Id":"0123456789abcdef0123456789abcdef","Names":["/trained"],"Image":"hello","Command":"true","Created":1,\
            "State":"running","Status":"Up 1 second","Ports":[{"PrivatePort":80,"Type":"tcp"}],"Labels":{"a":"b"},\
            "Config":{"Tty":false,"OpenStdin":true},"HostConfig":{"AutoRemove":false},"Mounts":[],\
            "NetworkSettings":{"Networks":{"bridge":{}}}}""";

    private static final List<List<String>> COMMANDS = List.of(
            List.of("ps"),
            List.of("ps", "-q"),
            List.of("ps", "-a", "-s", "--format", "{{.ID}} {{json .Names}}"),
            List.of("ps", "--format", "table {{.ID}}\t{{upper .Names}}\t{{if .Ports}}{{.Ports}}{{else}}-{{end}}"),
            List.of("inspect", "-f", "{{range $k, $v := .Config}}{{$k}}={{$v}} {{end}}{{.State}}", "trained"),
            List.of("stats", "--no-stream"),
            List.of("top", "trained"),
            List.of("port", "trained"),
            List.of("update", "--memory=64m", "trained"),
            List.of("start", "trained"),
            List.of("container", "ls"),
            List.of("container", "prune", "-f"),
            List.of("system", "df"),
            List.of("events"),
            List.of("diff", "trained"),
            List.of("__complete", "run", "--na"),
            List.of("__complete", "stop", ""),
            List.of("images"),
            List.of("pull", "-q", "hello"),
            List.of("pull", "hello"),
            List.of("history", "hello"),
            List.of("run", "--rm", "-i", "-e", "A=B", "-v", "/a:/b", "-m", "64m", "--cpus", "0.5", "hello", "true"),
            List.of(
                    "run",
                    "-d",
                    "-p",
                    "8080:80",
                    "--network",
                    "web",
                    "--mount",
                    "type=tmpfs,dst=/t",
                    "--restart=always",
                    "hello"),
            List.of("run", "-d", "--name=x", "hello"),
            List.of("exec", "-i", "trained", "true"),
            List.of("logs", "trained"),
            List.of("inspect", "trained"),
            List.of("stop", "-t", "1", "trained"),
            List.of("rm", "-f", "trained"),
            List.of("wait", "trained"),
            List.of("version"),
            List.of("info"),
            List.of("env"),
            List.of("system", "status"),
            List.of("run", "--help"),
            List.of("run", "--wrong"),
            List.of("nothing"));

    private Training() {}

    /** Trains; takes no arguments that matter. */
    public static void main(String[] args) throws IOException {
        var directory = Files.createTempDirectory("kist-training");
        var socket = directory.resolve("s");
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            var thread = new Thread(() -> serve(server), "canned engine");
            thread.setDaemon(true);
            thread.start();
            var settings = Settings.resolve(Map.of("host", "unix://" + socket, "config", config(directory)), Map.of());
            for (var command : COMMANDS) {
                Main.guarded(
                        new Context(
                                settings,
                                new ByteArrayInputStream(new byte[] {'x'}),
                                OutputStream.nullOutputStream(),
                                OutputStream.nullOutputStream(),
                                System.getenv(),
                                "",
                                ""),
                        command);
            }
        } finally {
            Files.deleteIfExists(socket);
            Files.deleteIfExists(directory.resolve("config.json"));
            Files.deleteIfExists(directory);
        }
        Runtime.getRuntime().exit(0);
    }

    private static String config(Path directory) throws IOException {
        return Files.writeString(directory.resolve("config.json"), "{\"root\": \"/var/lib/kist\"}")
                .toString();
    }

    private static void serve(ServerSocketChannel server) {
        try {
            while (true) {
                var channel = server.accept();
                var thread = new Thread(() -> answerAll(channel), "canned connection");
                thread.setDaemon(true);
                thread.start();
            }
        } catch (IOException e) {
            // closed: the training is over
            return;
        }
    }

    private static void answerAll(SocketChannel channel) {
        try (channel) {
            var buffer = ByteBuffer.allocate(16 * 1024);
            while (channel.read(buffer) > 0) {
                var request = new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8);
                if (request.contains("\r\n\r\n")) {
                    buffer.clear();
                    channel.write(ByteBuffer.wrap(answer(request).getBytes(StandardCharsets.ISO_8859_1)));
                    if (request.contains("Upgrade:")) {
                        return;
                    }
                }
            }
        } catch (IOException e) {
            // a command that had enough
            return;
        }
    }

    private static String answer(String request) {
        var target = request.substring(request.indexOf(' ') + 1, request.indexOf(" HTTP/"));
        if (request.contains("Upgrade:")) {
            return "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n\1\0\0\0\0\0\0\2hi\2\0\0\0\0\0\0\2ho";
        }
        String body;
        if (target.endsWith("/wait") || target.contains("/wait?")) {
            body = "{\"StatusCode\":0}";
        } else if (target.startsWith("/images/create")) {
            body = """
                    {"status":"Pulling from library/hello","id":"latest"}
                    {"status":"Downloading","progressDetail":{"current":1,"total":2},"progress":"1","id":"abc"}
                    {"status":"Pull complete","progressDetail":{},"id":"abc"}
                    {"status":"Status: Downloaded newer image for hello:latest"}
                    """;
        } else if (target.endsWith("/history")) {
            body = "[{\"Id\":\"sha256:0123456789abcdef\",\"Created\":1,\"CreatedBy\":\"x\",\"Size\":1}]";
        } else if (target.endsWith("/create") || target.contains("/create?") || target.endsWith("/exec")) {
            body = "{\"Id\":\"0123456789abcdef\",\"Warnings\":[\"none\"]}";
        } else if (target.startsWith("/containers/json")) {
            body = "[" + CONTAINER + "]";
        } else if (target.startsWith("/images/json")) {
            body =
                    "[{\"Id\":\"sha256:0123456789abcdef\",\"RepoTags\":[\"hello:latest\"],\"Created\":1,\"Size\":4260000}]";
        } else if (target.contains("/logs")) {
            body = "\1\0\0\0\0\0\0\2hi";
        } else if (target.startsWith("/events") || target.endsWith("/changes")) {
            body = target.startsWith("/events")
                    ? "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"1\"},\"timeNano\":1}"
                    : "[{\"Kind\":1,\"Path\":\"/a\"}]";
        } else if (target.contains("/stats")) {
            body =
                    "{\"name\":\"/trained\",\"memory_stats\":{\"usage\":5,\"limit\":10},\"cpu_stats\":{\"online_cpus\":1}}";
        } else if (target.contains("/top")) {
            body = "{\"Titles\":[\"PID\"],\"Processes\":[[\"1\"]]}";
        } else if (target.contains("/prune") || target.endsWith("/update") || target.startsWith("/system/df")) {
            body = "{\"SpaceReclaimed\":1000,\"Warnings\":[]}";
        } else if (target.startsWith("/info") || target.startsWith("/version")) {
            body = "{\"Version\":\"0\",\"MemTotal\":1000000,\"Platform\":{\"Name\":\"Kist\"}}";
        } else if (request.startsWith("POST") || request.startsWith("DELETE")) {
            return "HTTP/1.1 204 No Content\r\n\r\n";
        } else {
            body = CONTAINER;
        }
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                + Integer.toHexString(body.length()) + "\r\n" + body + "\r\n0\r\n\r\n";
    }
}

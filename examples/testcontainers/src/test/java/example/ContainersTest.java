package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.Event;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Statistics;
import com.github.dockerjava.api.model.Volume;
import com.github.dockerjava.api.command.WaitContainerResultCallback;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.output.ToStringConsumer;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.utility.MountableFile;

/** What projects do with Testcontainers, and with docker-java below it. */
class ContainersTest {
    private static GenericContainer<?> busybox(String script) {
        return new GenericContainer<>("busybox:latest").withCommand("sh", "-c", script);
    }

    private static GenericContainer<?> web() {
        return busybox("mkdir -p /www && echo \"hello from $(hostname)\" >/www/index.html && httpd -f -v -p 80 -h /www")
                .withExposedPorts(80);
    }

    private static String get(GenericContainer<?> web, String path) throws Exception {
        var address = URI.create("http://" + web.getHost() + ":" + web.getMappedPort(80) + path);
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    @Test
    void a_port_is_mapped_and_waited_for() throws Exception {
        try (var web = web()) {
            web.start();
            assertTrue(get(web, "/index.html").startsWith("hello from "));
            assertTrue(web.isRunning());
        }
    }

    @Test
    void waits_for_http_for_a_line_of_the_log_and_for_health() throws Exception {
        try (var web = web().waitingFor(Wait.forHttp("/index.html").forStatusCode(200))) {
            web.start();
        }
        try (var slow = busybox("sleep 1; echo ready to serve; sleep 600")
                .waitingFor(Wait.forLogMessage(".*ready to serve.*\\n", 1))) {
            slow.start();
            assertTrue(slow.getLogs().contains("ready to serve"));
        }
        try (var healthy = busybox("sleep 1; touch /tmp/well; sleep 600")
                .withCreateContainerCmdModifier(create -> create.withHealthcheck(
                        new com.github.dockerjava.api.model.HealthCheck()
                                .withTest(List.of("CMD", "test", "-e", "/tmp/well"))
                                .withInterval(TimeUnit.MILLISECONDS.toNanos(200))
                                .withRetries(50)))
                .waitingFor(Wait.forHealthcheck())) {
            healthy.start();
            assertTrue(healthy.isHealthy());
        }
    }

    @Test
    void commands_run_in_it_and_their_output_and_exit_code_come_back() throws Exception {
        try (var container = busybox("sleep 600").withEnv("GREETING", "good evening").withWorkingDirectory("/tmp")) {
            container.start();
            var result = container.execInContainer("sh", "-c", "echo $GREETING; pwd; echo oops >&2; exit 3");
            assertEquals("good evening\n/tmp\n", result.getStdout());
            assertEquals("oops\n", result.getStderr());
            assertEquals(3, result.getExitCode());
        }
    }

    @Test
    void files_are_copied_in_and_out(@TempDir Path directory) throws Exception {
        var file = Files.writeString(directory.resolve("in.txt"), "from the host\n");
        try (var container = busybox("cat /data/in.txt; sleep 600")
                .withCopyFileToContainer(MountableFile.forHostPath(file), "/data/in.txt")
                .waitingFor(Wait.forLogMessage(".*from the host.*\\n", 1))) {
            container.start();
            container.copyFileToContainer(Transferable.of("while it runs"), "/data/more.txt");
            assertEquals("while it runs", container.execInContainer("cat", "/data/more.txt").getStdout());
            container.execInContainer("sh", "-c", "seq 1 100000 >/data/out.txt");
            container.copyFileFromContainer("/data/out.txt", directory.resolve("out.txt").toString());
            assertEquals(100000, Files.readAllLines(directory.resolve("out.txt")).size());
        }
    }

    @Test
    @SuppressWarnings("deprecation")
    void directories_of_the_host_are_mounted(@TempDir Path directory) throws Exception {
        Files.writeString(directory.resolve("f"), "mounted");
        try (var container = busybox("sleep 600").withFileSystemBind(directory.toString(), "/mnt", BindMode.READ_ONLY)) {
            container.start();
            assertEquals("mounted", container.execInContainer("cat", "/mnt/f").getStdout());
            assertNotEquals(0, container.execInContainer("touch", "/mnt/g").getExitCode());
        }
    }

    @Test
    void containers_of_a_network_find_each_other_by_name() throws Exception {
        try (var network = Network.newNetwork();
                var server = web().withNetwork(network).withNetworkAliases("server", "www");
                var client = busybox("sleep 600").withNetwork(network)) {
            server.start();
            client.start();
            for (var name : List.of("server", "www")) {
                var result = client.execInContainer("wget", "-q", "-O", "-", "http://" + name + "/");
                assertTrue(result.getStdout().startsWith("hello from "), result.toString());
            }
        }
    }

    @Test
    void a_container_that_does_one_thing_is_waited_for_and_its_output_followed() {
        var output = new ToStringConsumer();
        try (var once = busybox("for i in 1 2 3; do echo line $i; done; echo err >&2")
                .withLogConsumer(output)
                .withStartupCheckStrategy(new OneShotStartupCheckStrategy().withTimeout(Duration.ofSeconds(30)))) {
            once.start();
            assertTrue(once.getLogs().contains("line 3"));
        }
        assertTrue(output.toUtf8String().contains("line 1\nline 2\nline 3\n"), output.toUtf8String());
    }

    @Test
    void many_at_once_start_and_stop() {
        var all = java.util.stream.IntStream.range(0, 10).mapToObj(i -> web()).toList();
        try {
            org.testcontainers.lifecycle.Startables.deepStart(all).join();
            assertEquals(10, all.stream().map(c -> c.getMappedPort(80)).distinct().count());
        } finally {
            all.forEach(GenericContainer::stop);
        }
    }

    /** docker-java without Testcontainers around it. */
    @Test
    void docker_java_drives_the_whole_life_of_a_container() throws Exception {
        DockerClient docker = DockerClientFactory.lazyClient();
        var seen = new java.util.concurrent.ConcurrentLinkedQueue<String>();
        var destroyed = new CountDownLatch(1);
        try (var events = docker.eventsCmd().withEventTypeFilter("container").exec(new ResultCallback.Adapter<Event>() {
            @Override
            public void onNext(Event event) {
                seen.add(event.getAction());
                if ("destroy".equals(event.getAction())) {
                    destroyed.countDown();
                }
            }
        })) {
            var volume = docker.createVolumeCmd().withName("docker-java").withLabels(Map.of("of", "example")).exec();
            var id = docker.createContainerCmd("busybox:latest")
                    .withCmd("sh", "-c", "echo kept >/data/f; trap 'exit 5' TERM; while :; do sleep 0.1; done")
                    .withLabels(Map.of("a", "b"))
                    .withHostConfig(HostConfig.newHostConfig()
                            .withMemory(64L << 20)
                            .withBinds(new com.github.dockerjava.api.model.Bind(volume.getName(), new Volume("/data"))))
                    .exec()
                    .getId();
            docker.startContainerCmd(id).exec();
            assertEquals(64L << 20, docker.inspectContainerCmd(id).exec().getHostConfig().getMemory());
            docker.renameContainerCmd(id).withName("renamed-by-docker-java").exec();
            docker.updateContainerCmd(id).withMemory(128L << 20).withMemorySwap(-1L).exec();
            assertEquals(128L << 20, docker.inspectContainerCmd(id).exec().getHostConfig().getMemory());
            var stats = new ResultCallback.Adapter<Statistics>() {
                final CountDownLatch two = new CountDownLatch(2);

                @Override
                public void onNext(Statistics s) {
                    if (s.getMemoryStats().getUsage() != null && s.getMemoryStats().getUsage() > 0) {
                        two.countDown();
                    }
                }
            };
            try (var stream = docker.statsCmd(id).exec(stats)) {
                assertTrue(stats.two.await(20, TimeUnit.SECONDS), "two samples");
            }
            docker.pauseContainerCmd(id).exec();
            assertTrue(docker.inspectContainerCmd(id).exec().getState().getPaused());
            docker.unpauseContainerCmd(id).exec();
            assertTrue(docker.topContainerCmd(id).exec().getProcesses().length > 0);
            assertTrue(docker.containerDiffCmd(id).exec().stream().anyMatch(d -> d.getPath().equals("/data")));
            assertEquals(
                    List.of(id),
                    docker.listContainersCmd().withLabelFilter(Map.of("a", "b")).exec().stream().map(c -> c.getId()).toList());
            docker.stopContainerCmd(id).withTimeout(5).exec();
            assertEquals(5, docker.waitContainerCmd(id).exec(new WaitContainerResultCallback()).awaitStatusCode());
            docker.removeContainerCmd(id).exec();
            assertTrue(destroyed.await(10, TimeUnit.SECONDS), seen.toString());
            docker.removeVolumeCmd(volume.getName()).exec();
        }
        for (var action : List.of("create", "start", "pause", "unpause", "kill", "die", "stop", "destroy")) {
            assertTrue(seen.contains(action), action + " in " + seen);
        }
    }
}

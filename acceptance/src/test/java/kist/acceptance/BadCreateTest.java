package kist.acceptance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Create requests that ask for what cannot be: each is refused with a sentence that names the field, and makes nothing. */
class BadCreateTest {
    @RegisterExtension
    static final Engine engine = Engine.underTest();

    /** A request body, or part of one, and words of the sentence that refuses it. */
    private record Case(String body, String... words) {}

    private static Case config(String fields, String... words) {
        return new Case("{\"Image\":\"busybox\"," + fields + "}", words);
    }

    private static Case host(String fields, String... words) {
        return config("\"HostConfig\":{" + fields + "}", words);
    }

    private static void refused(List<Case> cases, boolean named) {
        var faults = new ArrayList<String>();
        for (var one : cases) {
            var answer = engine.api().post("/containers/create", one.body);
            var said = answer.text().toLowerCase(Locale.ROOT);
            // dockerd 20.10 takes many of them for faults of its own, and Kist says 501 of what it has not
            if (answer.status() != 400 && answer.status() != (engine.isKist() ? 501 : 500)) {
                faults.add("status " + answer.status() + " for " + one.body + ": "
                        + answer.text().strip());
            } else if (named) {
                for (var word : one.words) {
                    if (!said.contains(word.toLowerCase(Locale.ROOT))) {
                        faults.add("\"" + word + "\" is missing for " + one.body + ": "
                                + answer.text().strip());
                    }
                }
            }
            for (var made : engine.containers()) {
                faults.add("made by " + one.body + ": " + made.text("Id"));
                engine.removeContainers();
            }
        }
        assertTrue(faults.isEmpty(), faults.size() + " faults:\n" + String.join("\n", faults));
    }

    @Test
    @Tag("peer")
    void a_value_of_the_wrong_type_is_refused_and_its_field_named() {
        var cases = new ArrayList<Case>();
        for (var field : List.of(
                "Hostname:{}",
                "User:5",
                "Tty:'yes'",
                "Env:'A=1'",
                "Labels:[]",
                "WorkingDir:[]",
                "ExposedPorts:[]",
                "Volumes:[]",
                "Healthcheck:[]",
                "StopTimeout:'soon'",
                "OpenStdin:1",
                "MacAddress:7",
                "StopSignal:9")) {
            int colon = field.indexOf(':');
            cases.add(config(
                    "\"" + field.substring(0, colon) + "\":"
                            + field.substring(colon + 1).replace('\'', '"'),
                    field.substring(0, colon)));
        }
        for (var field : List.of(
                "Memory:'1g'",
                "Memory:1.5",
                "Memory:1e30",
                "Memory:9223372036854775808",
                "NanoCpus:'1'",
                "PidsLimit:'5'",
                "Binds:'/a:/b'",
                "Devices:{}",
                "Ulimits:[5]",
                "RestartPolicy:'always'",
                "PortBindings:[]",
                "Privileged:1",
                "Sysctls:[]",
                "Tmpfs:[]",
                "Mounts:{}",
                "LogConfig:[]",
                "ShmSize:'8m'",
                "Init:'yes'",
                "Dns:'10.0.0.1'",
                "ExtraHosts:{}",
                "SecurityOpt:'x'",
                "GroupAdd:[1]",
                "OomScoreAdj:'1'",
                "NetworkMode:[]",
                "BlkioWeight:'x'",
                "MaskedPaths:'/x'",
                "StorageOpt:[]",
                "AutoRemove:'yes'")) {
            int colon = field.indexOf(':');
            cases.add(host(
                    "\"" + field.substring(0, colon) + "\":"
                            + field.substring(colon + 1).replace('\'', '"'),
                    field.substring(0, colon)));
        }
        refused(cases, true);
    }

    @Test
    @Tag("peer")
    void lists_that_may_be_texts_are_neither() {
        refused(
                List.of(
                        config("\"Cmd\":{}", "Cmd"),
                        config("\"Cmd\":[1]", "Cmd"),
                        config("\"Entrypoint\":{}", "Entrypoint"),
                        host("\"CapAdd\":{}", "CapAdd")),
                engine.isKist());
    }

    @Test
    @Tag("peer")
    void limits_that_cannot_be() {
        refused(
                List.of(
                        host("\"Memory\":1000", "Minimum memory limit allowed is 6MB"),
                        host("\"MemorySwap\":100000000", "always set the Memory limit when using Memoryswap limit"),
                        host(
                                "\"Memory\":100000000,\"MemorySwap\":50000000",
                                "Minimum memoryswap limit should be larger than memory limit"),
                        host(
                                "\"Memory\":50000000,\"MemoryReservation\":100000000",
                                "Minimum memory limit can not be less than memory reservation limit"),
                        host("\"MemorySwappiness\":200", "200", "memory swappiness range is 0-100"),
                        host("\"NanoCpus\":1000000000000000", "Range of CPUs is from 0.01 to"),
                        host("\"NanoCpus\":500000000,\"CpuQuota\":50000", "Nano CPUs and CPU Quota cannot both be set"),
                        host(
                                "\"NanoCpus\":500000000,\"CpuPeriod\":50000",
                                "Nano CPUs and CPU Period cannot both be set"),
                        host("\"CpuPeriod\":5", "CPU cfs period can not be less than 1ms"),
                        host("\"CpuQuota\":5", "CPU cfs quota can not be less than 1ms"),
                        host("\"CpusetCpus\":\"x\"", "Invalid value x for cpuset cpus"),
                        host("\"CpusetMems\":\"x\"", "Invalid value x for cpuset mems"),
                        host("\"CpusetCpus\":\"999\"", "Requested CPUs are not available", "999"),
                        host("\"OomScoreAdj\":5000", "5000", "oom score adj is [-1000, 1000]"),
                        host("\"ShmSize\":-1", "SHM size can not be less than 0")),
                true);
    }

    @Test
    @Tag("peer")
    void modes_that_are_none_or_contradict_each_other() {
        refused(
                List.of(
                        host("\"CgroupnsMode\":\"nonesuch\"", "invalid cgroup namespace mode: nonesuch"),
                        config("\"Hostname\":\"x\",\"HostConfig\":{\"UTSMode\":\"host\"}", "hostname", "UTS mode"),
                        config(
                                "\"Hostname\":\"x\",\"HostConfig\":{\"NetworkMode\":\"container:other\"}",
                                "hostname",
                                "network mode"),
                        host("\"NetworkMode\":\"container:other\",\"Links\":[\"a:b\"]", "link"),
                        host("\"NetworkMode\":\"container:other\",\"Dns\":[\"10.0.0.1\"]", "dns"),
                        host("\"NetworkMode\":\"container:other\",\"ExtraHosts\":[\"a:10.0.0.1\"]", "host", "mapping"),
                        host(
                                "\"NetworkMode\":\"container:other\",\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]}",
                                "port"),
                        host("\"NetworkMode\":\"host\",\"Links\":[\"a:b\"]", "host", "links"),
                        host("\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}", "AutoRemove", "restart"),
                        host("\"RestartPolicy\":{\"Name\":\"sometimes\"}", "invalid restart policy", "sometimes"),
                        host("\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":3}", "maximum retry count"),
                        host("\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":-1}", "negative")),
                true);
    }

    @Test
    @Tag("peer")
    void texts_that_are_not_what_they_should_be() {
        refused(
                List.of(
                        config("\"Env\":[\"=x\"]", "invalid environment variable: =x"),
                        config("\"Env\":[\"\"]", "invalid environment variable"),
                        config("\"WorkingDir\":\"relative\"", "relative", "absolute"),
                        config("\"StopSignal\":\"NONESUCH\"", "NONESUCH"),
                        host("\"CapAdd\":[\"NONESUCH\"]", "NONESUCH"),
                        host("\"CapDrop\":[\"NONESUCH\"]", "NONESUCH"),
                        host("\"ExtraHosts\":[\"nonsense\"]", "nonsense"),
                        host("\"ExtraHosts\":[\"a:nonsense\"]", "nonsense"),
                        host("\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"99999\"}]}", "99999"),
                        host("\"PortBindings\":{\"nonsense/tcp\":[{\"HostPort\":\"80\"}]}", "port"),
                        host("\"Binds\":[\"a:relative\"]", "relative"),
                        host("\"Binds\":[\"/a:/b:nonsense\"]", "nonsense"),
                        host("\"Binds\":[\"/a:/\"]", "/"),
                        host("\"Runtime\":\"nonesuch\"", "nonesuch"),
                        host("\"VolumesFrom\":[\"\"]", "volumes")),
                true);
    }

    @Test
    @Tag("peer")
    void mounts_that_cannot_be() {
        refused(
                List.of(
                        host("\"Mounts\":[{\"Type\":\"nonesuch\",\"Target\":\"/x\"}]", "nonesuch"),
                        host("\"Mounts\":[{\"Type\":\"volume\"}]", "Target"),
                        host("\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/x\"}]", "Source"),
                        host(
                                "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/nonesuch/at/all\",\"Target\":\"/x\"}]",
                                "bind source path does not exist: /nonesuch/at/all"),
                        host("\"Mounts\":[{\"Type\":\"tmpfs\",\"Source\":\"x\",\"Target\":\"/x\"}]", "Source"),
                        host("\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"relative\"}]", "relative", "absolute"),
                        host(
                                "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/var/tmp\",\"Target\":\"/x\",\"VolumeOptions\":{}}]",
                                "VolumeOptions"),
                        host(
                                "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/var/tmp\",\"Target\":\"/x\","
                                        + "\"BindOptions\":{\"Propagation\":\"nonesuch\"}}]",
                                "nonesuch"),
                        host("\"Tmpfs\":{\"relative\":\"\"}", "relative")),
                true);
    }

    @Test
    @Tag("peer")
    void names_that_are_none_or_taken() {
        for (var name : List.of("a", "../x", "a%20b", "-a", "a%2Fb", "%C3%A4%C3%B6", "a%00b", "a%0Ab")) {
            var answer = engine.api().post("/containers/create?name=" + name, "{\"Image\":\"busybox\"}");
            assertEquals(400, answer.status(), name + ": " + answer.text());
            assertTrue(name.contains("%00") || answer.message().contains("Invalid container name"), answer.text());
        }
        assertEquals(List.of(), engine.containers());
        engine.api()
                .post("/containers/create?name=taken", "{\"Image\":\"busybox\"}")
                .expect(201);
        var answer = engine.api()
                .post("/containers/create?name=taken", "{\"Image\":\"busybox\"}")
                .expect(409);
        assertTrue(
                answer.message().contains("The container name \"/taken\" is already in use by container"),
                answer.text());
    }

    @Test
    @Tag("peer")
    void bodies_that_are_none() {
        for (var body : List.of("{", "[]", "5", "\"x\"", "nonsense", "{\"Image\":\"busybox\"", "null", "{}")) {
            var answer = engine.api().post("/containers/create", body);
            assertTrue(
                    answer.status() == 400 || answer.status() == 500 && !engine.isKist(), body + ": " + answer.text());
        }
        var without = engine.api().call("POST", "/containers/create", "");
        assertTrue(without.status() == 400 || without.status() == 500 && !engine.isKist(), without.text());
        assertEquals(List.of(), engine.containers());
    }

    @Test
    void bytes_that_no_system_call_takes_are_refused_at_once() {
        refused(
                List.of(
                        config("\"Cmd\":[\"a\\u0000b\"]", "Cmd", "NUL"),
                        config("\"Env\":[\"A=\\u0000\"]", "Env", "NUL"),
                        config("\"WorkingDir\":\"/a\\u0000b\"", "WorkingDir", "NUL"),
                        config("\"User\":\"a\\u0000b\"", "User"),
                        config("\"Hostname\":\"a\\nb\"", "Hostname"),
                        config("\"Labels\":{\"a\\u0000\":\"b\"}", "Labels"),
                        host("\"Binds\":[\"/a\\u0000:/b\"]", "Binds"),
                        host("\"ExtraHosts\":[\"a\\nb:10.0.0.1\"]", "extra", "host"),
                        host("\"Dns\":[\"10.0.0.1\\nnameserver 10.0.0.2\"]", "Dns"),
                        host("\"DnsSearch\":[\"a\\nb\"]", "dns", "search")),
                true);
    }

    @Test
    void what_this_machine_or_engine_cannot_do_is_refused_by_name() {
        refused(
                List.of(
                        host(
                                "\"Tmpfs\":{\"/x\":\"\"},\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/x\"}]",
                                "Duplicate mount point"),
                        host("\"BlkioWeight\":5", "blkio"),
                        host("\"IpcMode\":\"nonesuch\"", "nonesuch"),
                        host("\"PidMode\":\"nonesuch\"", "nonesuch"),
                        host("\"UTSMode\":\"nonesuch\"", "nonesuch"),
                        host("\"UsernsMode\":\"nonesuch\"", "nonesuch"),
                        host("\"SecurityOpt\":[\"nonesuch=1\"]", "nonesuch"),
                        host("\"SecurityOpt\":[\"seccomp={\"]", "seccomp"),
                        host("\"StorageOpt\":{\"nonesuch\":\"1\"}", "nonesuch"),
                        host("\"Sysctls\":{\"vm.swappiness\":\"1\"}", "vm.swappiness"),
                        host("\"Ulimits\":[{\"Name\":\"nonesuch\",\"Soft\":1,\"Hard\":1}]", "nonesuch"),
                        host("\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":2,\"Hard\":1}]", "nofile"),
                        host("\"DeviceRequests\":[{\"Driver\":\"nvidia\",\"Count\":1}]", "nvidia"),
                        host("\"Isolation\":\"hyperv\"", "Isolation")),
                true);
    }
}

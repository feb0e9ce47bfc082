package kist.engine;

import io.avaje.jsonb.Json;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Optional;

/**
 * What is on disk of a container's run: containers/ID/state.json, written before and after each step that changes it.
 * What an older engine did not write is zero, false or empty.
 *
 * @param format version of this format
 * @param pid of the first process while it runs
 * @param network what it holds of the network while it runs
 * @param stopped whether its user stopped it, so that its policy does not start it again
 * @param restarts how often its policy has started it again since its user did
 * @param backoffNanos how long it waits, or waited last, before it is started again
 * @param health as its checks had it last: {@code starting}, {@code healthy} or {@code unhealthy}; empty without any
 * @param failingStreak checks that failed since the last success, when health was written last
 */
@Json
@RecordBuilder
record StoredState(
        int format,
        Phase phase,
        long pid,
        int exitCode,
        boolean oomKilled,
        String error,
        long startedNanos,
        long finishedNanos,
        Optional<StoredEndpoint> network,
        boolean stopped,
        int restarts,
        long backoffNanos,
        String health,
        int failingStreak) {

    static final int FORMAT = 1;
    static final StoredState NEW =
            new StoredState(FORMAT, Phase.CREATED, 0, 0, false, "", 0, 0, Optional.empty(), false, 0, 0, "", 0);

    StoredState {
        health = HostConfig.said(health);
    }

    /** Where a container is; STARTING says that a start was begun, and the keeper knows what came of it. */
    enum Phase {
        CREATED,
        STARTING,
        RUNNING,
        PAUSED,
        EXITED,
        /** It has ended, or could not be started, and will be started again. */
        RESTARTING
    }

    /** A published port, as it stands on disk. */
    @Json
    record StoredPort(String protocol, String hostAddress, int hostPort, String containerAddress, int containerPort) {}

    /**
     * An {@link kist.network.Endpoint}, as it stands on disk.
     *
     * @param others further places of the same container
     * @param ports of the container at the host
     */
    @Json
    record StoredEndpoint(
            String network,
            String networkId,
            String endpointId,
            String hostInterface,
            String address,
            int prefixLength,
            String gateway,
            String mac,
            List<StoredEndpoint> others,
            List<StoredPort> ports) {
        /** An engine that knew of one network only wrote neither others nor ports. */
        StoredEndpoint {
            others = HostConfig.all(others);
            ports = HostConfig.all(ports);
        }

        StoredEndpoint with(List<StoredEndpoint> newOthers, List<StoredPort> newPorts) {
            return new StoredEndpoint(
                    network,
                    networkId,
                    endpointId,
                    hostInterface,
                    address,
                    prefixLength,
                    gateway,
                    mac,
                    newOthers,
                    newPorts);
        }

        static StoredEndpoint of(kist.network.Endpoint e) {
            return new StoredEndpoint(
                    e.network(),
                    e.networkId(),
                    e.endpointId(),
                    e.hostInterface(),
                    e.address(),
                    e.prefixLength(),
                    e.gateway(),
                    e.mac(),
                    List.of(),
                    List.of());
        }

        kist.network.Endpoint endpoint() {
            return new kist.network.Endpoint(
                    network, networkId, endpointId, hostInterface, address, prefixLength, gateway, mac);
        }
    }

    boolean alive() {
        return phase == Phase.RUNNING || phase == Phase.PAUSED;
    }

    /** Whether it runs, or will run without anybody's doing. */
    boolean active() {
        return alive() || phase == Phase.RESTARTING;
    }

    private StoredStateBuilder with() {
        return StoredStateBuilder.builder(this);
    }

    StoredState phase(Phase next) {
        return with().phase(next).build();
    }

    StoredState starting(Optional<StoredEndpoint> places, long nanos, boolean checked) {
        return with().phase(Phase.STARTING)
                .pid(0)
                .oomKilled(false)
                .error("")
                .startedNanos(nanos)
                .network(places)
                .health(checked ? HealthView.STARTING : "")
                .failingStreak(0)
                .build();
    }

    StoredState connected(Optional<StoredEndpoint> places) {
        return with().network(places).build();
    }

    StoredState running(long newPid, long nanos) {
        return with().phase(Phase.RUNNING)
                .pid(newPid)
                .exitCode(0)
                .oomKilled(false)
                .error("")
                .startedNanos(nanos)
                .build();
    }

    StoredState failed(int code, String why) {
        return with().pid(0)
                .exitCode(code)
                .oomKilled(false)
                .error(why)
                .network(Optional.empty())
                .build();
    }

    StoredState exited(int code, boolean oom, long nanos, String why) {
        return with().phase(Phase.EXITED)
                .pid(0)
                .exitCode(code)
                .oomKilled(oom)
                .error(why)
                .finishedNanos(nanos)
                .network(Optional.empty())
                .build();
    }

    /** Its user wants it to run: what was before no longer counts. */
    StoredState wanted() {
        return with().stopped(false).restarts(0).backoffNanos(0).build();
    }

    /** Its user wants it to end. */
    StoredState unwanted() {
        return with().stopped(true).build();
    }

    /** It will be started again. */
    StoredState waiting(long backoff) {
        return with().phase(Phase.RESTARTING)
                .restarts(restarts + 1)
                .backoffNanos(backoff)
                .build();
    }

    StoredState health(String status, int streak) {
        return with().health(status).failingStreak(streak).build();
    }
}

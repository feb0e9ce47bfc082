package kist.engine;

import io.avaje.jsonb.Json;
import java.util.List;
import java.util.Optional;

/**
 * What is on disk of a container's run: containers/ID/state.json, written before and after each step that changes it.
 *
 * @param format version of this format
 * @param pid of the first process while it runs
 * @param network what it holds of the network while it runs
 */
@Json
record StoredState(
        int format,
        Phase phase,
        long pid,
        int exitCode,
        boolean oomKilled,
        String error,
        long startedNanos,
        long finishedNanos,
        Optional<StoredEndpoint> network) {

    static final int FORMAT = 1;
    static final StoredState NEW = new StoredState(FORMAT, Phase.CREATED, 0, 0, false, "", 0, 0, Optional.empty());

    /** Where a container is; STARTING says that a start was begun, and the keeper knows what came of it. */
    enum Phase {
        CREATED,
        STARTING,
        RUNNING,
        PAUSED,
        EXITED
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

    StoredState phase(Phase next) {
        return new StoredState(format, next, pid, exitCode, oomKilled, error, startedNanos, finishedNanos, network);
    }

    StoredState starting(Optional<StoredEndpoint> places, long nanos) {
        return new StoredState(format, Phase.STARTING, 0, exitCode, false, "", nanos, finishedNanos, places);
    }

    StoredState connected(Optional<StoredEndpoint> places) {
        return new StoredState(format, phase, pid, exitCode, oomKilled, error, startedNanos, finishedNanos, places);
    }

    StoredState running(long newPid, long nanos) {
        return new StoredState(format, Phase.RUNNING, newPid, 0, false, "", nanos, finishedNanos, network);
    }

    StoredState failed(int code, String why) {
        return new StoredState(format, phase, 0, code, false, why, startedNanos, finishedNanos, Optional.empty());
    }

    StoredState exited(int code, boolean oom, long nanos, String why) {
        return new StoredState(format, Phase.EXITED, 0, code, oom, why, startedNanos, nanos, Optional.empty());
    }
}

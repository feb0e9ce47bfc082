package kist.engine;

import java.util.Optional;
import java.util.OptionalInt;
import kist.kernel.Keeper;

/** A further process of a container, from its creation until the container goes. Guarded by its own monitor. */
final class Exec {
    private enum Phase {
        CREATED,
        STARTED,
        ENDED
    }

    final String id;
    final Container container;
    final ExecConfig config;
    private Phase phase = Phase.CREATED;
    private OptionalInt exitCode = OptionalInt.empty();
    private Optional<Keeper.Spawned> process = Optional.empty();
    private Optional<PipeAttachment> attachment = Optional.empty();

    /** Whether it is the engine's own doing, of which users hear nothing. */
    final boolean quiet;

    Exec(String id, Container container, ExecConfig config, boolean quiet) {
        this.id = id;
        this.container = container;
        this.config = config;
        this.quiet = quiet;
    }

    synchronized void claimStart() {
        if (phase != Phase.CREATED) {
            throw new EngineException(EngineException.Kind.CONFLICT, "Error: Exec command " + id + " has already run");
        }
        phase = Phase.STARTED;
    }

    /** It runs; where it has ended already, the attachment is told at once. */
    synchronized void started(Keeper.Spawned spawned, Optional<PipeAttachment> attached) {
        attachment = attached;
        if (phase == Phase.ENDED) {
            attached.ifPresent(PipeAttachment::exited);
            spawned.close();
        } else {
            process = Optional.of(spawned);
        }
    }

    /** It has ended, or could not be started. */
    synchronized void ended(int code) {
        phase = Phase.ENDED;
        exitCode = OptionalInt.of(code);
        process.ifPresent(Keeper.Spawned::close);
        process = Optional.empty();
        attachment.ifPresent(PipeAttachment::exited);
        attachment = Optional.empty();
    }

    synchronized Optional<Keeper.Spawned> process() {
        return process;
    }

    /** True where no process will come to its end any more. */
    synchronized boolean discard() {
        boolean never = phase == Phase.CREATED;
        phase = never ? Phase.ENDED : phase;
        return phase == Phase.ENDED;
    }

    synchronized boolean over() {
        return phase == Phase.ENDED;
    }

    synchronized ExecView view() {
        return new ExecView(
                id,
                container.id(),
                config,
                phase == Phase.STARTED,
                exitCode,
                process.map(Keeper.Spawned::pid).orElse(0L));
    }
}

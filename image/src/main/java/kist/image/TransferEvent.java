package kist.image;

/**
 * How far the transfer of a blob is.
 *
 * @param done bytes
 * @param total bytes; 0 where it is not known
 */
public record TransferEvent(String digest, State state, long done, long total) {
    /** The steps of a transfer. */
    public enum State {
        WAITING,
        DOWNLOADING,
        RETRYING,
        VERIFYING,
        DOWNLOADED,
        EXTRACTING,
        COMPLETE,
        EXISTS,
        PREPARING,
        PUSHING,
        PUSHED,
        MOUNTED
    }
}

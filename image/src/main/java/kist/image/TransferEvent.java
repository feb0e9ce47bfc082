package kist.image;

/**
 * A step in the transfer of a blob.
 *
 * @param digest of the blob
 * @param done bytes so far; 0 where the state has none
 * @param total bytes in all; 0 where it is not known
 * @param from repository that it was mounted from; otherwise empty
 */
public record TransferEvent(String digest, State state, long done, long total, String from) {
    /** A step that has to do with one repository only. */
    public TransferEvent(String digest, State state, long done, long total) {
        this(digest, state, done, total, "");
    }

    /** What goes on with a blob. */
    public enum State {
        /** Its turn has not come. */
        WAITING,
        /** Bytes arrive. */
        DOWNLOADING,
        /** The transfer broke and goes on soon. */
        RETRYING,
        /** All is there and is compared with the digest. */
        VERIFYING,
        /** It is in the store. */
        DOWNLOADED,
        /** It is unpacked. */
        EXTRACTING,
        /** It is unpacked and right. */
        COMPLETE,
        /** It was there already. */
        EXISTS,
        /** A layer is brought into the form that it is sent in; the digest is that of its plain bytes. */
        COMPRESSING,
        /** A layer is in the form that it is sent in; the digest is that of its plain bytes. */
        COMPRESSED,
        /** It is made ready to be sent. */
        PREPARING,
        /** Bytes are sent. */
        PUSHING,
        /** The registry has it. */
        PUSHED,
        /** The registry had it in another repository. */
        MOUNTED
    }
}

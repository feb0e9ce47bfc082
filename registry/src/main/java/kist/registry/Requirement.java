package kist.registry;

import java.security.PublicKey;
import java.util.List;
import java.util.function.BiPredicate;
import kist.image.Reference;

/** What an image must show to be trusted. */
sealed interface Requirement {
    /** Nothing. */
    record Anything() implements Requirement {}

    /** Nothing is good enough. */
    record Reject() implements Requirement {}

    /** A signature that this version cannot check. */
    record Unsupported(String type) implements Requirement {}

    /**
     * A signature of the sigstore kind.
     *
     * @param keys one of them must have signed
     * @param identity whether the name that was signed (second) may stand for the one that is asked for (first)
     */
    record Signed(List<PublicKey> keys, BiPredicate<Reference, String> identity) implements Requirement {}
}

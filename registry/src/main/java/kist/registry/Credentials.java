package kist.registry;

/**
 * What a user shows to a registry; fields that are not known are empty.
 *
 * @param identityToken stands for user and password at the registry's token server (OAuth 2 refresh token)
 * @param registryToken shown to the registry as it is
 * @param serverAddress the registry that they are for, as {@code docker login} writes it
 */
public record Credentials(
        String username, String password, String identityToken, String registryToken, String serverAddress) {
    /** Nobody. */
    public static final Credentials NONE = new Credentials("", "", "", "", "");

    /** A user with a password. */
    public static Credentials of(String username, String password) {
        return new Credentials(username, password, "", "", "");
    }

    boolean hasPassword() {
        return !username.isEmpty() && !password.isEmpty();
    }

    /** Without anything that is secret. */
    @Override
    public String toString() {
        return "Credentials[username=" + username + ", serverAddress=" + serverAddress + "]";
    }
}

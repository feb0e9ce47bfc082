package kist.docker;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import kist.registry.Credentials;

/** The header field X-Registry-Auth: an object with what a user shows to a registry, in base64url (Docker API, authentication). */
final class RegistryAuth {
    private RegistryAuth() {}

    static Credentials of(Call call) {
        String text = call.request().header("x-registry-auth").strip();
        if (text.isEmpty()) {
            return Credentials.NONE;
        }
        byte[] json;
        try {
            json = Base64.getUrlDecoder().decode(text.replace('+', '-').replace('/', '_'));
        } catch (IllegalArgumentException e) {
            throw Errors.invalid("invalid X-Registry-Auth header: it is not base64url");
        }
        if (new String(json, StandardCharsets.UTF_8).isBlank()) {
            return Credentials.NONE;
        }
        return of(new Fields("X-Registry-Auth", Json.parse(json)));
    }

    /** An AuthConfig. Fields of other clients' are left to them; none is ever named with its value. */
    static Credentials of(Fields fields) {
        String user = fields.string("username");
        String password = fields.string("password");
        String both = fields.string("auth");
        if (!both.isEmpty() && user.isEmpty()) {
            String plain = decoded(both);
            int colon = plain.indexOf(':');
            user = colon < 0 ? plain : plain.substring(0, colon);
            password = colon < 0 ? "" : plain.substring(colon + 1);
        }
        return new Credentials(
                user,
                password,
                fields.string("identitytoken"),
                fields.string("registrytoken"),
                fields.string("serveraddress"));
    }

    private static String decoded(String base64) {
        try {
            return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw Errors.invalid("the field auth of the credentials is not base64");
        }
    }
}

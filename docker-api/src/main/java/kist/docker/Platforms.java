package kist.docker;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kist.image.ImageException;
import kist.image.Platform;
import org.jspecify.annotations.Nullable;

/** Platforms as clients write them: {@code os/architecture/variant} in some requests, an object in others. */
final class Platforms {
    private Platforms() {}

    /** The parameter {@code platform} in either form; empty where it is not given. */
    static Optional<Platform> of(Call call) {
        return Optional.of(call.parameter("platform")).filter(p -> !p.isEmpty()).map(Platforms::parse);
    }

    /** Every value of a parameter. */
    static List<Platform> all(Call call, String parameter) {
        List<Platform> platforms = new ArrayList<>();
        for (String text : call.request().parameters(parameter)) {
            if (!text.isEmpty()) {
                platforms.add(parse(text));
            }
        }
        return platforms;
    }

    /** At most one, for requests that take a list but whose clients send one. */
    static Optional<Platform> one(Call call) {
        List<Platform> platforms = all(call, "platform");
        if (platforms.size() > 1) {
            throw Errors.unsupported("more than one platform in a request");
        }
        return platforms.stream().findFirst();
    }

    private static Platform parse(String text) {
        try {
            if (!text.startsWith("{")) {
                return Platform.parse(text);
            }
            Fields fields = new Fields("platform", Json.parse(text.getBytes(StandardCharsets.UTF_8)));
            String variant = fields.string("variant");
            String os = fields.string("os");
            String architecture = fields.string("architecture");
            return Platform.parse(
                    architecture.isEmpty() ? os : os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant));
        } catch (ImageException e) {
            throw Errors.invalid(String.valueOf(e.getMessage()));
        }
    }

    /** As an object. */
    static Map<String, @Nullable Object> json(Platform platform) {
        Map<String, @Nullable Object> json = Json.object("architecture", platform.architecture(), "os", platform.os());
        if (!platform.osVersion().isEmpty()) {
            json.put("os.version", platform.osVersion());
        }
        if (!platform.variant().isEmpty()) {
            json.put("variant", platform.variant());
        }
        return json;
    }
}

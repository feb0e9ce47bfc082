package kist.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;

/** {@code kist registry serve}. */
final class RegistryCommands {
    private final Context context;

    RegistryCommands(Context context) {
        this.context = context;
    }

    int registry(List<String> args) throws IOException {
        return new Group("registry", "A registry of the engine's own")
                .add("serve", "Serve a registry from the engine's store until interrupted", this::serve)
                .run(context, args);
    }

    private int serve(List<String> args) throws IOException {
        var parsed = new Flags("registry serve", "", "Serve a registry from the engine's store until interrupted")
                .text("anonymous", 0, "string", "What those without a password may do: none, read or write")
                .text("htpasswd", 0, "file", "Users and their passwords, as htpasswd -B writes them")
                .bool("images", 0, "Also serve the engine's own images, read-only")
                .text("listen", 0, "address", "Where to listen (default 127.0.0.1:5000)")
                .text("tls-cert", 0, "file", "Certificates for TLS in PEM, the server's own first")
                .text("tls-key", 0, "file", "Its private key in PEM")
                .parse(args)
                .expect(0, 0);
        if (parsed.given("tls-cert") != parsed.given("tls-key")) {
            throw parsed.wrong("--tls-cert and --tls-key belong together");
        }
        var body = new LinkedHashMap<String, Object>();
        body.put("Listen", parsed.text("listen").orElse("127.0.0.1:5000"));
        // the engine reads the files, and it has another working directory
        file(body, "TLSCertificate", parsed, "tls-cert");
        file(body, "TLSKey", parsed, "tls-key");
        file(body, "Htpasswd", parsed, "htpasswd");
        parsed.text("anonymous").ifPresent(what -> body.put("Anonymous", what));
        body.put("Images", parsed.on("images"));
        try (var answer = context.engine().stream("/kist/registry/serve", body)) {
            Lines.each(answer.response(), line -> {
                var said = Doc.parse(line);
                if (said.at("error").present()) {
                    throw new Failure(1, "kist: " + said.text("error"));
                }
                context.line("The registry is at " + said.text("Address") + "; it closes with this command");
            });
        }
        // until here only if the engine has gone
        throw new Failure(1, "kist: the engine has closed the registry");
    }

    private static void file(LinkedHashMap<String, Object> body, String field, Flags.Parsed parsed, String flag) {
        parsed.text(flag)
                .ifPresent(
                        name -> body.put(field, Path.of(name).toAbsolutePath().toString()));
    }
}

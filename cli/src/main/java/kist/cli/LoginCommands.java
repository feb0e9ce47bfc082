package kist.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;

/** {@code kist login} and {@code kist logout}. */
final class LoginCommands {
    /** A password that is longer is a file given by mistake. */
    private static final int LONGEST = 64 << 10;

    private final Context context;

    LoginCommands(Context context) {
        this.context = context;
    }

    int login(List<String> args) throws IOException {
        var parsed = new Flags("login", "[SERVER]", "Authenticate to a registry")
                .text("password", 'p', "string", "Password or Personal Access Token (PAT)")
                .bool("password-stdin", 0, "Take the Password or Personal Access Token (PAT) from stdin")
                .text("username", 'u', "string", "Username")
                .parse(args)
                .expect(0, 1);
        var server = parsed.arguments().isEmpty() ? "" : parsed.arguments().getFirst();
        var key = Logins.key(server);
        var logins = new Logins(context);
        var user = parsed.text("username").orElse("");
        var password = parsed.text("password").orElse("");
        if (parsed.given("password")) {
            if (parsed.on("password-stdin")) {
                throw new Failure(1, "kist: --password and --password-stdin are mutually exclusive");
            }
            context.error("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
        }
        if (parsed.on("password-stdin")) {
            if (user.isEmpty()) {
                throw new Failure(1, "kist: the --password-stdin option requires --username");
            }
            password = line(true);
        } else if (user.isEmpty() && password.isEmpty()) {
            var known = logins.find(server);
            if (known.isPresent() && again(known.get())) {
                return 0;
            }
        }
        if (user.isEmpty() || password.isEmpty()) {
            if (!context.stdinIsTerminal()) {
                throw new Failure(
                        1,
                        "Error: Cannot perform an interactive login from a non TTY device; use --username and"
                                + " --password-stdin");
            }
            if (user.isEmpty()) {
                context.print("Username: ");
                user = line(false);
                if (user.isBlank()) {
                    throw new Failure(1, "kist: username is required");
                }
            }
            password = secret();
        }
        if (password.isEmpty()) {
            throw new Failure(1, "kist: password is required");
        }
        var answer = authenticate(new Logins.Login(key, user, password, "", ""));
        var token = answer.text("IdentityToken");
        boolean readable = logins.store(new Logins.Login(key, user, token.isEmpty() ? password : "", token, ""));
        if (readable) {
            context.error("\nWARNING! Your credentials are stored unencrypted in '" + logins.file() + "'.\n"
                    + "Configure a credential helper to remove this warning.\n");
        }
        context.line(status(answer));
        return 0;
    }

    /** Tries what is known already; false where it is no longer good. */
    private boolean again(Logins.Login known) throws IOException {
        context.line("Authenticating with existing credentials...");
        try {
            context.line(status(authenticate(known)));
            return true;
        } catch (EngineError e) {
            if (e.status() != 401 || !context.stdinIsTerminal()) {
                throw e;
            }
            context.line("Login did not succeed, error: " + e.line());
            return false;
        }
    }

    private static String status(Doc answer) {
        var status = answer.text("Status");
        return status.isEmpty() ? "Login Succeeded" : status;
    }

    private Doc authenticate(Logins.Login login) throws IOException {
        var body = new LinkedHashMap<String, Object>();
        body.put("username", login.user());
        body.put("password", login.password());
        body.put("identitytoken", login.identityToken());
        body.put("serveraddress", login.server());
        return context.engine().post("/auth", body);
    }

    private String secret() throws IOException {
        context.print("Password: ");
        try (var terminal = Terminal.silent()) {
            return line(false);
        } finally {
            context.print("\n");
        }
    }

    /** A line without its end, or with {@code all} everything there is without the last line's end. */
    private String line(boolean all) throws IOException {
        var bytes = new java.io.ByteArrayOutputStream();
        for (int b = context.in().read();
                b >= 0 && (all || b != '\n');
                b = context.in().read()) {
            bytes.write(b);
            if (bytes.size() > LONGEST) {
                throw new Failure(1, "kist: more than " + LONGEST + " bytes on standard input are no password");
            }
        }
        var text = bytes.toString(StandardCharsets.UTF_8);
        text = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    int logout(List<String> args) throws IOException {
        var parsed = new Flags("logout", "[SERVER]", "Log out from a registry")
                .parse(args)
                .expect(0, 1);
        var server = parsed.arguments().isEmpty() ? "" : parsed.arguments().getFirst();
        var key = Logins.key(server);
        if (new Logins(context).erase(server)) {
            context.line("Removing login credentials for " + key);
        } else {
            context.line("Not logged in to " + key);
        }
        return 0;
    }
}

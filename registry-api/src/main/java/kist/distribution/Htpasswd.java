package kist.distribution;

import at.favre.lib.crypto.bcrypt.BCrypt;
import at.favre.lib.crypto.bcrypt.LongPasswordStrategies;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Users and their bcrypt hashes in a file as {@code htpasswd -B} of Apache writes it, read again when it changes. A password
 * that was right is remembered for a minute, as a keyed digest, because bcrypt takes tenths of a second on purpose. Thread-safe.
 */
final class Htpasswd {
    private static final int MAXIMUM = 4 << 20;
    private static final long REMEMBER_NANOS = 60_000_000_000L;
    private static final int MOST_REMEMBERED = 1000;
    private static final long LOOK_NANOS = 1_000_000_000;
    /** Costs above this take longer than a client waits, and let anybody keep a processor busy. */
    private static final int HIGHEST_COST = 16;

    private static final Pattern HASH = Pattern.compile("\\$2[aby]\\$(\\d\\d)\\$[./A-Za-z0-9]{53}");
    /** Compared with where the user is not known, so that the time taken does not tell who is. */
    private static final byte[] NOBODY =
            "$2y$10$7EqJtq98hPqEX7fNZaFWoOhi5BWX4e1Yh0s6Q1bV7pKq9v5y9v5yW".getBytes(StandardCharsets.US_ASCII);

    private static final BCrypt.Verifyer VERIFIER =
            BCrypt.verifyer(BCrypt.Version.VERSION_2Y, LongPasswordStrategies.truncate(BCrypt.Version.VERSION_2Y));

    private final Path file;
    private final byte[] secret = new byte[32];
    /** Two at a time: whoever sends wrong passwords must not take every processor. */
    private final Semaphore checks = new Semaphore(2);

    private final Map<String, Long> remembered = new LinkedHashMap<>();
    private Map<String, String> users;
    private String stamp;
    private long looked = System.nanoTime();

    /**
     * Reads the file.
     *
     * @throws IOException naming the file and line that cannot be used
     */
    Htpasswd(Path file) throws IOException {
        this.file = file;
        new SecureRandom().nextBytes(secret);
        this.stamp = stamp();
        this.users = read();
    }

    /** Whether this is a user's password. Takes the same time for a user that is not there. */
    boolean verify(String user, byte[] password) throws InterruptedException {
        String key = key(user, password);
        String hash;
        synchronized (this) {
            refresh();
            Long until = remembered.get(key);
            if (until != null && until - System.nanoTime() > 0) {
                return true;
            }
            hash = users.getOrDefault(user, "");
        }
        boolean right;
        checks.acquire();
        try {
            byte[] compared = hash.isEmpty() ? NOBODY : hash.getBytes(StandardCharsets.US_ASCII);
            right = VERIFIER.verify(password, compared).verified && !hash.isEmpty();
        } finally {
            checks.release();
        }
        if (right) {
            remember(key, user, hash);
        }
        return right;
    }

    private synchronized void remember(String key, String user, String hash) {
        if (!hash.equals(users.get(user))) {
            return;
        }
        if (remembered.size() >= MOST_REMEMBERED) {
            remembered.clear();
        }
        remembered.put(key, System.nanoTime() + REMEMBER_NANOS);
    }

    private String key(String user, byte[] password) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            mac.update(user.getBytes(StandardCharsets.UTF_8));
            mac.update((byte) 0);
            return HexFormat.of().formatHex(mac.doFinal(password));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    private void refresh() {
        long now = System.nanoTime();
        if (now - looked < LOOK_NANOS) {
            return;
        }
        looked = now;
        String found = stamp();
        if (found.equals(stamp)) {
            return;
        }
        stamp = found;
        try {
            users = read();
            remembered.clear();
        } catch (IOException e) {
            System.getLogger("kist.distribution")
                    .log(
                            System.Logger.Level.WARNING,
                            "the changed password file is not used, what was read before stays in force: {0}",
                            e.getMessage());
        }
    }

    private String stamp() {
        try {
            return Files.getAttribute(file, "unix:ino") + " " + Files.getLastModifiedTime(file) + " "
                    + Files.size(file);
        } catch (IOException e) {
            return "none";
        }
    }

    private Map<String, String> read() throws IOException {
        if (Files.size(file) > MAXIMUM) {
            throw new IOException(file + " is longer than 4 MiB, which no password file is");
        }
        Map<String, String> found = new HashMap<>();
        int number = 0;
        byte[] bytes = Files.readAllBytes(file);
        for (String line : new String(bytes, StandardCharsets.UTF_8).lines().toList()) {
            number++;
            String text = line.strip();
            if (text.isEmpty() || text.startsWith("#")) {
                continue;
            }
            int colon = text.indexOf(':');
            var hash = HASH.matcher(colon < 0 ? "" : text.substring(colon + 1));
            if (colon < 1 || !hash.matches()) {
                throw new IOException("line " + number + " of " + file
                        + " is not a user, a colon and a bcrypt hash; make it with htpasswd -B");
            }
            int cost = Integer.parseInt(hash.group(1));
            if (cost < 4 || cost > HIGHEST_COST) {
                throw new IOException("line " + number + " of " + file + " has the bcrypt cost " + cost
                        + "; it must be between 4 and " + HIGHEST_COST);
            }
            found.put(text.substring(0, colon), hash.group());
        }
        Arrays.fill(bytes, (byte) 0);
        if (found.isEmpty()) {
            throw new IOException(file + " names no user; add one with htpasswd -B " + file + " USER");
        }
        return Map.copyOf(found);
    }
}

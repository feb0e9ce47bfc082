package kist.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.Flags;
import kist.kernel.KernelException;
import kist.kernel.Linux;
import kist.registry.RegistryException;
import kist.registry.Tls;

/**
 * A syslog server (RFC 3164, RFC 5424) over UDP, TCP, TLS (RFC 5425) or a Unix socket. Syslog answers nothing: a line counts as
 * delivered when the kernel has taken it.
 */
final class SyslogTarget implements LogTarget {
    private static final List<String> PROTOCOLS = List.of("udp", "tcp", "tcp+tls", "unix", "unixgram");
    private static final List<String> LOCAL = List.of("/dev/log", "/var/run/syslog", "/var/run/log");
    private static final List<String> FACILITIES = List.of(
            "kern",
            "user",
            "mail",
            "daemon",
            "auth",
            "syslog",
            "lpr",
            "news",
            "uucp",
            "cron",
            "authpriv",
            "ftp",
            "",
            "",
            "",
            "",
            "local0",
            "local1",
            "local2",
            "local3",
            "local4",
            "local5",
            "local6",
            "local7");
    private static final int DAEMON = 3;
    private static final int ERROR = 3;
    private static final int INFORMATION = 6;
    private static final int PORT = 514;
    private static final int TLS_PORT = 6514;

    private static final ZoneId HERE = ZoneId.systemDefault();
    private static final DateTimeFormatter OLD =
            DateTimeFormatter.ofPattern("MMM ppd HH:mm:ss", Locale.ENGLISH).withZone(HERE);
    private static final DateTimeFormatter SECONDS =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ssXXX").withZone(HERE);
    private static final DateTimeFormatter MICROSECONDS =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSXXX").withZone(HERE);

    private final Linux linux;
    private final LogAddress address;
    private final Map<String, String> options;
    private final String format;
    private final String tag;
    private final int facility;
    private Optional<LogConnection> stream = Optional.empty();
    private Optional<DatagramSocket> datagrams = Optional.empty();
    private Optional<InetSocketAddress> receiver = Optional.empty();
    private Optional<Fd> local = Optional.empty();

    SyslogTarget(LogOptions options, StoredContainer container, Linux linux) {
        this.linux = linux;
        this.options = options.options();
        this.address = address(this.options);
        this.format = this.options.getOrDefault("syslog-format", "");
        this.tag = printable(LogTag.of(this.options.getOrDefault("tag", ""), container));
        this.facility = facility(this.options);
    }

    /** Refuses what makes no sense, by name. */
    static void check(Map<String, String> options) {
        address(options);
        facility(options);
        switch (options.getOrDefault("syslog-format", "")) {
            case "", "rfc3164", "rfc5424", "rfc5424micro" -> {}
            default ->
                throw Creation.invalid("Invalid syslog format: "
                        + Names.printable(options.getOrDefault("syslog-format", ""))
                        + "; there are rfc3164, rfc5424 and rfc5424micro");
        }
        LogOptions.bool("syslog-tls-skip-verify", options, false);
        tls(options);
    }

    private static LogAddress address(Map<String, String> options) {
        String text = options.getOrDefault("syslog-address", "");
        if (text.isEmpty()) {
            String found = LOCAL.stream()
                    .filter(p -> Files.exists(Path.of(p)))
                    .findFirst()
                    .orElse(LOCAL.getFirst());
            return new LogAddress("unixgram", found, 0);
        }
        return LogAddress.parse("syslog-address", text, PROTOCOLS, text.startsWith("tcp+tls") ? TLS_PORT : PORT);
    }

    private static int facility(Map<String, String> options) {
        String text = options.getOrDefault("syslog-facility", "");
        if (text.isEmpty()) {
            return DAEMON;
        }
        int known = FACILITIES.indexOf(text);
        if (known >= 0) {
            return known;
        }
        try {
            int number = Integer.parseInt(text);
            if (number >= 0 && number < FACILITIES.size()) {
                return number;
            }
        } catch (NumberFormatException e) {
            // neither a name nor a number
        }
        throw Creation.invalid("invalid syslog facility: " + Names.printable(text));
    }

    private static Optional<SSLContext> tls(Map<String, String> options) {
        if (!address(options).protocol().equals("tcp+tls")) {
            return Optional.empty();
        }
        String authority = options.getOrDefault("syslog-tls-ca-cert", "");
        try {
            return Optional.of(new Tls(
                            authority.isEmpty() ? List.of() : List.of(Files.readString(Path.of(authority))),
                            file(options, "syslog-tls-cert"),
                            file(options, "syslog-tls-key"),
                            !LogOptions.bool("syslog-tls-skip-verify", options, false))
                    .context());
        } catch (IOException | RegistryException e) {
            throw Creation.invalid("log opt syslog-tls-*: the certificates cannot be used: " + e.getMessage());
        }
    }

    private static String file(Map<String, String> options, String key) throws IOException {
        String path = options.getOrDefault(key, "");
        return path.isEmpty() ? "" : Files.readString(Path.of(path));
    }

    private static String printable(String tag) {
        return tag.replaceAll("[^\\x21-\\x7e]", "_");
    }

    @Override
    public void connect() throws IOException {
        if (stream.isPresent() || datagrams.isPresent() || local.isPresent()) {
            return;
        }
        switch (address.protocol()) {
            case "udp" -> {
                receiver = Optional.of(address.internet());
                datagrams = Optional.of(new DatagramSocket());
            }
            case "unixgram" -> {
                Fd socket = linux.socket(Flags.AF_UNIX, Flags.SOCK_DGRAM, 0);
                try {
                    linux.connectUnix(socket, address.host());
                    linux.setNonBlocking(socket);
                    local = Optional.of(socket);
                } catch (KernelException e) {
                    socket.close();
                    throw new IOException(String.valueOf(e.getMessage()), e);
                }
            }
            default ->
                stream = Optional.of(LogConnection.open(
                        address, tls(options), !LogOptions.bool("syslog-tls-skip-verify", options, false), 0));
        }
    }

    @Override
    public void send(List<Line> lines) throws IOException {
        connect();
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Line line : lines) {
            byte[] message = message(line.output());
            if (stream.isPresent()) {
                all.writeBytes(message);
            } else if (datagrams.isPresent()) {
                datagrams.get().send(new DatagramPacket(message, message.length, receiver.orElseThrow()));
            } else {
                sendLocally(message);
            }
        }
        if (stream.isPresent()) {
            stream.get().write(all.toByteArray());
        }
    }

    private void sendLocally(byte[] message) throws IOException {
        while (true) {
            try {
                linux.send(local.orElseThrow(), message, List.of());
                return;
            } catch (KernelException e) {
                if (e.errno() != Errno.EAGAIN) {
                    throw new IOException(String.valueOf(e.getMessage()), e);
                }
            }
            try {
                Thread.sleep(5); // the server is behind; there is no signal for its getting on
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
    }

    /** A whole message with what separates it from the next. */
    private byte[] message(Output output) {
        int priority = facility * 8 + (output.stream() == 2 ? ERROR : INFORMATION);
        long pid = ProcessHandle.current().pid();
        Instant time = Instant.ofEpochSecond(
                Math.floorDiv(output.nanos(), 1_000_000_000L), Math.floorMod(output.nanos(), 1_000_000_000L));
        String head = "<" + priority + ">"
                + switch (format) {
                    case "rfc3164" -> OLD.format(time) + " " + HostFacts.hostname() + " " + tag + "[" + pid + "]: ";
                    case "rfc5424", "rfc5424micro" ->
                        "1 " + (format.equals("rfc5424") ? SECONDS : MICROSECONDS).format(time) + " "
                                + HostFacts.hostname() + " " + tag + " " + pid + " " + tag + " - ";
                    default -> OLD.format(time) + " " + tag + "[" + pid + "]: ";
                };
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        message.writeBytes(head.getBytes(StandardCharsets.UTF_8));
        message.writeBytes(output.bytes());
        message.write('\n');
        boolean counted = address.protocol().equals("tcp+tls") && format.startsWith("rfc5424");
        if (!counted) {
            return message.toByteArray();
        }
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.writeBytes((message.size() + " ").getBytes(StandardCharsets.US_ASCII));
        frame.writeBytes(message.toByteArray());
        return frame.toByteArray();
    }

    @Override
    public void close() {
        stream.ifPresent(LogConnection::close);
        datagrams.ifPresent(DatagramSocket::close);
        local.ifPresent(Fd::close);
        stream = Optional.empty();
        datagrams = Optional.empty();
        local = Optional.empty();
    }

    @Override
    public String toString() {
        return "syslog server " + address;
    }
}

package kist.dns;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * Asks other name servers, with a number and a port of its own for each question, so that an answer cannot be guessed.
 * Bounded in how many questions are out at once. Thread-safe; waits, so call it on virtual threads.
 */
final class Forwarder {
    private static final int MOST_AT_ONCE = 512;
    private static final int PATIENCE_MILLIS = 2000;
    private static final int LARGEST = 65535;
    private static final int HEADER = 12;

    /** Made when the first question goes out: an engine whose containers ask nothing pays nothing. */
    private static final class Randomness {
        static final SecureRandom RANDOM = new SecureRandom();
    }

    private final Semaphore places = new Semaphore(MOST_AT_ONCE);

    /**
     * The answer of the first server that gives one, with the number of the question.
     *
     * @param question a whole message
     * @param stream by TCP
     */
    Optional<byte[]> ask(byte[] question, List<InetSocketAddress> servers, boolean stream) {
        if (!places.tryAcquire()) {
            return Optional.empty();
        }
        try {
            for (InetSocketAddress server : servers) {
                try {
                    byte[] mine = question.clone();
                    int number = Randomness.RANDOM.nextInt(65536);
                    mine[0] = (byte) (number >> 8);
                    mine[1] = (byte) number;
                    byte[] answer = stream ? byStream(mine, server) : byDatagram(mine, server);
                    answer[0] = question[0];
                    answer[1] = question[1];
                    return Optional.of(answer);
                } catch (IOException e) {
                    System.getLogger("kist.dns").log(System.Logger.Level.DEBUG, "no answer from " + server, e);
                }
            }
            return Optional.empty();
        } finally {
            places.release();
        }
    }

    private static byte[] byDatagram(byte[] question, InetSocketAddress server) throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(server);
            socket.send(new DatagramPacket(question, question.length));
            DatagramPacket packet = new DatagramPacket(new byte[LARGEST], LARGEST);
            long end = System.nanoTime() + PATIENCE_MILLIS * 1_000_000L;
            while (true) {
                long left = (end - System.nanoTime()) / 1_000_000L;
                if (left <= 0) {
                    throw new IOException("timed out");
                }
                socket.setSoTimeout((int) left);
                socket.receive(packet);
                byte[] answer = Arrays.copyOf(packet.getData(), packet.getLength());
                if (answers(answer, question)) {
                    return answer;
                }
            }
        }
    }

    private static byte[] byStream(byte[] question, InetSocketAddress server) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(server, PATIENCE_MILLIS);
            socket.setSoTimeout(PATIENCE_MILLIS);
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            byte[] framed = new byte[question.length + 2];
            framed[0] = (byte) (question.length >> 8);
            framed[1] = (byte) question.length;
            System.arraycopy(question, 0, framed, 2, question.length);
            out.write(framed);
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] answer = new byte[in.readUnsignedShort()];
            in.readFully(answer);
            if (!answers(answer, question)) {
                throw new IOException("an answer to another question");
            }
            return answer;
        }
    }

    /** Same number, an answer, and the same first question but for the case of letters. */
    static boolean answers(byte[] answer, byte[] question) {
        if (answer.length < HEADER || answer[0] != question[0] || answer[1] != question[1] || answer[2] >= 0) {
            return false;
        }
        if (answer[4] == 0 && answer[5] == 0) {
            return true; // a refusal may leave the question out
        }
        int at = HEADER;
        while (at < question.length && at < answer.length && question[at] != 0) {
            if (lower(answer[at]) != lower(question[at])) {
                return false;
            }
            at++;
        }
        int end = at + 5;
        return end <= question.length && end <= answer.length && Arrays.equals(question, at, end, answer, at, end);
    }

    private static int lower(byte b) {
        return b >= 'A' && b <= 'Z' ? b + 32 : b;
    }
}

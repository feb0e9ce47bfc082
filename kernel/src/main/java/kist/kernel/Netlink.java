package kist.kernel;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A netlink socket for requests and their answers (netlink(7)). It belongs for good to the network namespace of the
 * thread that opened it, wherever its users are. Thread-safe: one conversation at a time. Blocks while the kernel works,
 * so call it on platform threads.
 */
public final class Netlink implements AutoCloseable {
    /** Protocol of links, addresses and routes (rtnetlink(7)). */
    public static final int ROUTE = 0;

    /** Protocol of nftables. */
    public static final int NETFILTER = 12;

    private static final int NETLINK_CAP_ACK = 10;
    private static final int NETLINK_EXT_ACK = 11;
    private static final int SO_SNDBUFFORCE = 32;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int LARGE = 16 << 20;
    private static final int NLMSGERR_ATTR_MSG = 1;
    private static final int ACK_TLVS = 0x200;
    private static final int MULTI = 0x2;
    private static final int DUMP_INTERRUPTED = 0x10;
    private static final int DUMP_TRIES = 10;
    /** More than the kernel puts into one datagram of a dump. */
    private static final int DATAGRAM = 64 * 1024;

    private final Linux linux;
    private final Fd socket;
    private final ReentrantLock lock = new ReentrantLock();
    private int sequence;

    private Netlink(Linux linux, Fd socket) {
        this.linux = linux;
        this.socket = socket;
    }

    /**
     * Opens a socket in the network namespace of the calling thread.
     *
     * @param protocol {@link #ROUTE} or {@link #NETFILTER}
     */
    public static Netlink open(Linux linux, int protocol) {
        Fd socket = linux.socket(Flags.AF_NETLINK, Flags.SOCK_RAW, protocol);
        try {
            linux.bindNetlink(socket, 0);
            linux.setsockopt(socket, Flags.SOL_NETLINK, NETLINK_CAP_ACK, 1);
            linux.setsockopt(socket, Flags.SOL_NETLINK, NETLINK_EXT_ACK, 1);
            if (protocol == NETFILTER) {
                // a table is one datagram however long, and every line of it is answered before the first is read
                linux.setsockopt(socket, Flags.SOL_SOCKET, SO_SNDBUFFORCE, LARGE);
                linux.setsockopt(socket, Flags.SOL_SOCKET, SO_RCVBUFFORCE, LARGE);
            }
        } catch (RuntimeException e) {
            socket.close();
            throw e;
        }
        return new Netlink(linux, socket);
    }

    /**
     * Has the kernel do these things in their order, with one system call; when one fails it still tries those after it.
     *
     * @throws KernelException for the first that failed
     */
    public void execute(NetlinkMessage... messages) {
        execute(List.of(messages));
    }

    /** As {@link #execute(NetlinkMessage...)}. */
    public void execute(List<NetlinkMessage> messages) {
        lock.lock();
        try {
            int first = send(messages, NetlinkMessage.ACK);
            acknowledge(messages, first, messages.size());
        } finally {
            lock.unlock();
        }
    }

    /**
     * Sends a transaction of nftables: all or nothing. The first and last message, which frame it, get no answer.
     *
     * @throws KernelException for the first that failed
     */
    void transact(NetlinkMessage begin, List<NetlinkMessage> messages, NetlinkMessage end) {
        lock.lock();
        try {
            List<NetlinkMessage> all = new ArrayList<>();
            all.add(begin);
            for (NetlinkMessage m : messages) {
                all.add(m);
            }
            all.add(end);
            int first = send(all, 0);
            acknowledge(all, first, messages.size());
        } finally {
            lock.unlock();
        }
    }

    /** Asks for one object. */
    public NetlinkReply get(NetlinkMessage message) {
        lock.lock();
        try {
            int id = send(List.of(message), NetlinkMessage.ACK);
            List<NetlinkReply> found = new ArrayList<>();
            while (true) {
                for (NetlinkReply reply : receive()) {
                    if (reply.sequence() != id) {
                        continue;
                    }
                    if (reply.type() != NetlinkReply.ERROR) {
                        found.add(reply);
                        continue;
                    }
                    if (reply.u32(0) != 0) {
                        throw failure(message, reply);
                    }
                    if (found.isEmpty()) {
                        throw new KernelException(message.about(), Errno.ENODATA);
                    }
                    return found.getFirst();
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Asks for all objects. A list that changed while it was read is read anew. */
    public List<NetlinkReply> list(NetlinkMessage message) {
        lock.lock();
        try {
            for (int i = 0; i < DUMP_TRIES; i++) {
                List<NetlinkReply> found = new ArrayList<>();
                if (dump(message, found)) {
                    return found;
                }
            }
            throw new KernelException(message.about(), Errno.EBUSY);
        } finally {
            lock.unlock();
        }
    }

    private boolean dump(NetlinkMessage message, List<NetlinkReply> found) {
        int id = send(List.of(message), NetlinkMessage.DUMP);
        boolean whole = true;
        while (true) {
            for (NetlinkReply reply : receive()) {
                if (reply.sequence() != id) {
                    continue;
                }
                whole &= (reply.flags() & DUMP_INTERRUPTED) == 0;
                if (reply.type() == NetlinkReply.ERROR) {
                    throw failure(message, reply);
                }
                if (reply.type() == NetlinkReply.DONE) {
                    return whole;
                }
                found.add(reply);
                if ((reply.flags() & MULTI) == 0) {
                    return whole;
                }
            }
        }
    }

    /** Sends all in one datagram; answers the number of the first. */
    private int send(List<NetlinkMessage> messages, int flags) {
        int first = sequence + 1;
        List<byte[]> encoded = new ArrayList<>();
        int length = 0;
        for (NetlinkMessage m : messages) {
            byte[] bytes = m.encode(++sequence, flags);
            encoded.add(bytes);
            length += bytes.length;
        }
        byte[] datagram = new byte[length];
        int at = 0;
        for (byte[] bytes : encoded) {
            System.arraycopy(bytes, 0, datagram, at, bytes.length);
            at += bytes.length;
        }
        linux.send(socket, datagram, List.of());
        return first;
    }

    private void acknowledge(List<NetlinkMessage> messages, int first, int expected) {
        Map<Integer, NetlinkReply> failed = new HashMap<>();
        int answers = 0;
        while (answers < expected) {
            for (NetlinkReply reply : receive()) {
                int index = reply.sequence() - first;
                if (reply.type() != NetlinkReply.ERROR || index < 0 || index >= messages.size()) {
                    continue;
                }
                if (reply.u32(0) != 0) {
                    failed.putIfAbsent(index, reply);
                }
                if ((messages.get(index).flags() & NetlinkMessage.ACK) != 0 || expected == messages.size()) {
                    answers++;
                } else {
                    // the frame of a transaction is answered only when the kernel refuses the whole: nothing follows
                    answers = expected;
                }
            }
        }
        failed.entrySet().stream().min(Map.Entry.comparingByKey()).ifPresent(e -> {
            throw failure(messages.get(e.getKey()), e.getValue());
        });
    }

    private List<NetlinkReply> receive() {
        return NetlinkReply.parse(linux.receive(socket, DATAGRAM, 0).message());
    }

    private static KernelException failure(NetlinkMessage message, NetlinkReply reply) {
        String reason = "";
        // with NETLINK_CAP_ACK the answer holds the errno and the header of the request, then what the kernel says
        if ((reply.flags() & ACK_TLVS) != 0) {
            reason = reply.attributes(4 + NetlinkMessage.HEADER).string(NLMSGERR_ATTR_MSG);
        }
        return new KernelException(message.about() + (reason.isEmpty() ? "" : " (" + reason + ")"), -reply.u32(0));
    }

    @Override
    public void close() {
        socket.close();
    }
}

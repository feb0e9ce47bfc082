package kist.kernel;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.SocketChannel;

/**
 * The descriptor below a JDK channel. The JDK has no public way to it; needs {@code --add-opens
 * java.base/sun.nio.ch=kist.kernel}.
 */
final class ChannelDescriptor {
    private static final MethodHandle GET = find();

    private ChannelDescriptor() {}

    private static MethodHandle find() {
        try {
            Class<?> type = Class.forName("sun.nio.ch.SelChImpl");
            return MethodHandles.privateLookupIn(type, MethodHandles.lookup())
                    .findVirtual(type, "getFDVal", MethodType.methodType(int.class))
                    .asType(MethodType.methodType(int.class, Object.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static Fd of(SocketChannel channel) {
        try {
            return Fd.borrowed((int) GET.invokeExact((Object) channel));
        } catch (Throwable e) {
            throw new IllegalStateException("cannot read the descriptor of " + channel, e);
        }
    }
}

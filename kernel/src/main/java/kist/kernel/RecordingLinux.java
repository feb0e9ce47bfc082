package kist.kernel;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * A kernel that does nothing but write down what it was asked, for unit tests without root. Descriptors it hands out are
 * numbered from 1000 and name nothing. Thread-safe.
 */
public final class RecordingLinux {
    private final List<String> calls = new ArrayList<>();
    private final Map<String, Function<Object[], Object>> answers = new ConcurrentHashMap<>();
    private final AtomicInteger next = new AtomicInteger(1000);
    private final Linux linux =
            (Linux) Proxy.newProxyInstance(Linux.class.getClassLoader(), new Class<?>[] {Linux.class}, this::invoke);

    /** The kernel to hand to the code under test. */
    public Linux linux() {
        return linux;
    }

    /** What was asked so far, one line a call, such as {@code mkdirat(fd 1000, etc, 493)}. */
    public synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    /** Says what a call of this name shall answer; the function may throw {@link KernelException}. */
    public RecordingLinux answer(String method, Function<Object[], Object> answer) {
        answers.put(method, answer);
        return this;
    }

    private Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        Object[] args = arguments == null ? new Object[0] : arguments;
        if (method.getDeclaringClass() == Object.class) {
            try {
                return method.invoke(this, args);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }
        List<String> shown = new ArrayList<>();
        for (Object a : args) {
            shown.add(a instanceof byte[] b ? Arrays.toString(b) : String.valueOf(a));
        }
        synchronized (this) {
            calls.add(method.getName() + "(" + String.join(", ", shown) + ")");
        }
        Function<Object[], Object> answer = answers.get(method.getName());
        if (answer != null) {
            return answer.apply(args);
        }
        Class<?> type = method.getReturnType();
        if (type == Fd.class) {
            return Fd.borrowed(next.getAndIncrement());
        }
        if (type == void.class) {
            return Void.TYPE;
        }
        if (type == boolean.class) {
            return true;
        }
        if (type == int.class) {
            return 0;
        }
        if (type == long.class) {
            return 0L;
        }
        if (type == List.class) {
            return List.of();
        }
        throw new IllegalStateException("say what " + method.getName() + " shall answer");
    }
}

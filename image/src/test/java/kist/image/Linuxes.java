package kist.image;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.function.Supplier;
import kist.kernel.KernelException;
import kist.kernel.Linux;

/** Kernels that lack something. */
final class Linuxes {
    private Linuxes() {}

    /** The running kernel, but that one call always fails. */
    static Linux failing(String call, Supplier<KernelException> failure) {
        return (Linux) Proxy.newProxyInstance(
                Linux.class.getClassLoader(), new Class<?>[] {Linux.class}, (proxy, method, args) -> {
                    if (method.getName().equals(call)) {
                        throw failure.get();
                    }
                    try {
                        return method.invoke(Linux.system(), args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}

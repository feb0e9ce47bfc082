/** Linux as Java sees it: system calls, mounts, netlink, tapes and the keeper. */
@org.jspecify.annotations.NullMarked
module kist.kernel {
    requires static org.jspecify;

    exports kist.kernel;
}

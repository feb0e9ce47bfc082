package kist.network;

import java.nio.file.Path;
import kist.kernel.Linux;

/** A process that holds a pool until it is killed. Arguments: state directory, name of the bridge. */
final class PoolHolder {
    private PoolHolder() {}

    public static void main(String[] args) throws Exception {
        Options options = Options.forBridge(args[1]);
        Networks networks =
                Networks.open(Path.of(args[0]), Linux.system(), new Options(args[1], "", 4, options.table()));
        networks.startPool();
        for (int i = 0; i < 1000 && networks.ready(Mode.BRIDGE) < 4; i++) {
            Thread.sleep(10);
        }
        System.out.println("ready");
        // nobody killed it: it does not stay for good
        Thread.sleep(60_000);
    }
}

package kist.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class StatsTest {
    @Test
    void interfacesAreReadFromTheirTable() {
        String table = """
                Inter-|   Receive                                                |  Transmit
                 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
                  eth0: 1234567     890    1    2    3     4          5         6     7890      12    3    4    5     6       7          8
                odd:1 2 3
                """;
        assertEquals(
                List.of(new StatsSample.Interface("eth0", 1234567, 890, 1, 2, 7890, 12, 3, 4)),
                StatsReader.parse(table));
    }
}

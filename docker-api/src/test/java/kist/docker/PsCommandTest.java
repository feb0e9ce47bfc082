package kist.docker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import kist.engine.EngineException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PsCommandTest {
    private static final long SELF = ProcessHandle.current().pid();

    @Test
    void rowsOfOtherProcessesAreLeftOutAndTheCommandStaysWhole() {
        Map<String, Object> table = PsCommand.table(
                "USER  PID COMMAND\nroot    1 init  two\nroot   22 sh -c  a b\n-       - thread of it\nroot  222 no\n",
                List.of(22L));
        assertEquals(List.of("USER", "PID", "COMMAND"), table.get("Titles"));
        assertEquals(
                List.of(List.of("root", "22", "sh -c  a b"), List.of("-", "-", "thread of it")),
                table.get("Processes"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"aux", "-o pid,comm", "-eo pid,ppid,args", "axf", "-o pid=PID,args", "-L"})
    void optionsOfTheHostsPsWork(String options) throws Exception {
        Map<String, Object> table = PsCommand.run(options, List.of(SELF));
        assertTrue(table.get("Processes") instanceof List<?> rows && !rows.isEmpty(), table.toString());
        assertTrue(table.toString().contains(Long.toString(SELF)), table.toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"-o comm", "--nosuch", "-o ppid=PID,args", "-o comm= PID", "-\0", "x; touch /tmp/x", "$(id)"})
    void whatPsDoesNotUnderstandOrWouldMisleadIsRefused(String options) {
        EngineException e = assertThrows(EngineException.class, () -> PsCommand.run(options, List.of(SELF)));
        assertEquals(EngineException.Kind.INVALID_ARGUMENT, e.kind(), e.getMessage());
    }
}

package kist.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SeccompProfileTest {
    private static final String RULES = """
            {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
             "archMap": [
               {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
               {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
             "syscalls": [
               {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "comment": "always"},
               {"name": "chmod", "action": "SCMP_ACT_ALLOW", "args": null},
               {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
               {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
               {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
               {"names": ["later"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}},
               {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32", "arm64"]}},
               {"names": ["s390"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390"]}},
               {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 18446744073709551615, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]}]}
            """;

    private static List<String> names(Seccomp s) {
        return s.syscalls().stream().flatMap(r -> r.names().stream()).toList();
    }

    @Test
    void rules_hold_by_capability_architecture_and_kernel() {
        Seccomp plain = SeccompProfile.read(RULES, Set.of(), "6.18.44-x");
        assertEquals(List.of("read", "write", "chmod", "clone3", "ptrace", "arch_prctl", "personality"), names(plain));
        assertEquals(-1, plain.syscalls().getLast().args().getFirst().value());
        Seccomp admin = SeccompProfile.read(RULES, Set.of("CAP_SYS_ADMIN"), "4.7");
        assertEquals(List.of("read", "write", "chmod", "bpf", "arch_prctl", "personality"), names(admin));
        assertEquals(
                3 - (System.getProperty("os.arch").equals("aarch64") ? 1 : 0),
                plain.architectures().size());
        assertTrue(SeccompCompiler.compile(plain).length > 8);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{};defaultAction",
                "[];no JSON object",
                "{;no JSON",
                "{\"defaultAction\":5};defaultAction",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"more\":1};more",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":{}};syscalls",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"name\":\"b\"}]};use either",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"x\"}],\"architectures\":[\"y\"]};use either",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"includes\":{\"minKernel\":\"x\"}}]};minKernel",
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"args\":[{\"index\":6}]}]};index",
                "{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/x\"};listenerPath"
            })
    void what_is_no_profile_is_refused_by_name(String json, String named) {
        SpecException e = assertThrows(SpecException.class, () -> SeccompProfile.read(json, List.of()));
        assertTrue(e.getMessage().contains(named), e.getMessage());
    }
}

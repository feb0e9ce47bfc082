package kist.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import kist.kernel.Errno;
import kist.kernel.Fd;
import kist.kernel.KernelException;
import kist.kernel.RecordingLinux;
import org.junit.jupiter.api.Test;

class OverlayTest {
    private final List<Fd> lowers = List.of(Fd.borrowed(11), Fd.borrowed(10));
    private final Overlay.Writable writable = new Overlay.Writable(Fd.borrowed(20), Fd.borrowed(21));

    @Test
    void layers_are_given_by_descriptor_topmost_first() {
        RecordingLinux recording = new RecordingLinux();
        new Overlay(recording.linux()).mount(lowers, Optional.of(writable), false, true);
        assertEquals(
                List.of(
                        "fsopen(overlay)",
                        "fsconfigFd(fd 1000, lowerdir+, fd 11)",
                        "fsconfigFd(fd 1000, lowerdir+, fd 10)",
                        "fsconfigFd(fd 1000, upperdir, fd 20)",
                        "fsconfigFd(fd 1000, workdir, fd 21)",
                        "fsconfigString(fd 1000, index, off)",
                        "fsconfigFlag(fd 1000, volatile)",
                        "fsconfigString(fd 1000, redirect_dir, nofollow)",
                        "fsconfigString(fd 1000, metacopy, off)",
                        "fsconfigCreate(fd 1000)",
                        "fsmount(fd 1000, 0)"),
                recording.calls());
    }

    @Test
    void a_kernel_without_descriptors_gets_paths_and_an_old_one_one_string() {
        RecordingLinux recording = new RecordingLinux()
                .answer("fsconfigFd", a -> {
                    throw new KernelException("fsconfig", Errno.EINVAL);
                })
                .answer("fsconfigString", a -> {
                    if (a[1].equals("lowerdir+")) {
                        throw new KernelException("fsconfig", Errno.EINVAL);
                    }
                    return Void.TYPE;
                });
        Overlay overlay = new Overlay(recording.linux());
        overlay.mount(lowers, Optional.empty(), true, false);
        assertTrue(recording.calls().contains("fsconfigString(fd 1002, lowerdir, /proc/self/fd/11:/proc/self/fd/10)"));
        int before = recording.calls().size();
        overlay.mount(lowers, Optional.empty(), true, false);
        assertEquals(6, recording.calls().size() - before, "the form that worked is kept");
    }

    @Test
    void what_is_not_a_question_of_form_is_not_tried_again() {
        RecordingLinux recording = new RecordingLinux().answer("fsopen", a -> {
            throw new KernelException("fsopen overlay", Errno.ENODEV);
        });
        ImageException e = assertThrows(
                ImageException.class,
                () -> new Overlay(recording.linux()).mount(lowers, Optional.empty(), true, false));
        assertEquals(ImageException.Kind.UNSUPPORTED, e.kind());
        assertEquals(1, recording.calls().size());
    }
}

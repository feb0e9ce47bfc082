/*
 * The init of a container that asked for one: runs the container's program as its only child, hands signals on to it,
 * reaps whatever was orphaned, and ends as the program ends. It is the keeper's binary under the name docker-init, executed
 * from a sealed memfd, so nothing of it lies in the container's file system, and with all signals blocked, so that none
 * sent right after the start is lost.
 *
 * usage: docker-init -- PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127, BY_SIGNAL = 128 };

int init_main(int argc, char **argv);

/* Faults of init's own must not be blocked: they would come again and again. */
static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};

static _Noreturn void become(char **program) {
    sigset_t none;
    sigemptyset(&none);
    /* a group of its own in the foreground, so that the terminal's signals reach it once and not through init too */
    setpgid(0, 0);
    signal(SIGTTOU, SIG_IGN); /* or tcsetpgrp would stop a process in the background */
    tcsetpgrp(STDIN_FILENO, getpid());
    signal(SIGTTOU, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(program[0], program);
    int error = errno;
    fprintf(stderr, "docker-init: exec: \"%s\": %s\n", program[0], strerror(error));
    _exit(error == ENOENT || error == ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE);
}

/* Reaps all that have ended; the exit code of the program if it is among them, or -1. */
static int reap(pid_t program) {
    int code = -1, status;
    pid_t gone;
    while ((gone = waitpid(-1, &status, WNOHANG)) > 0)
        if (gone == program)
            code = WIFEXITED(status) ? WEXITSTATUS(status) : BY_SIGNAL + WTERMSIG(status);
    return code;
}

int init_main(int argc, char **argv) {
    sigset_t handled;
    char **program = argv + 1;
    if (argc > 1 && strcmp(argv[1], "--") == 0)
        program++;
    if (!*program) {
        fprintf(stderr, "usage: docker-init -- PROGRAM [ARGUMENT...]\n");
        return NOT_EXECUTABLE;
    }
    prctl(PR_SET_NAME, "docker-init");
    if (getpid() != 1) /* in the pid namespace of the host or of another container orphans would go past it */
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigfillset(&handled);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&handled, own[i]);
    sigprocmask(SIG_SETMASK, &handled, NULL); /* blocked signals wait for sigwaitinfo, also those that pid 1 would not get */
    pid_t child = fork();
    if (child == 0)
        become(program);
    if (child < 0) {
        fprintf(stderr, "docker-init: fork: %s\n", strerror(errno));
        return NOT_EXECUTABLE;
    }
    for (;;) {
        siginfo_t info;
        int number = sigwaitinfo(&handled, &info);
        if (number == SIGCHLD) {
            int code = reap(child);
            if (code >= 0)
                return code;
        } else if (number > 0) {
            kill(child, number);
        }
    }
}

"""The engines that bench/compare and bench/endure measure: Kist and Debian's dockerd, each on a directory of its own."""
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=300)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Engine:
    """An engine on a directory of its own, reached through the Docker API."""

    name = ""

    def __init__(self, home):
        self.home = home
        self.times = {}
        self.process = None
        self.connection = None

    def note(self, label, milliseconds):
        self.times.setdefault(label, []).append(milliseconds)

    def call(self, method, path, body=None, expect=(200, 201, 204, 304)):
        if self.connection is None:
            self.connection = UnixConnection(self.socket)
        headers = {}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self.connection.request(method, "/v1.41" + path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status not in expect:
            raise SystemExit(f"{self.name}: {method} {path}: {answer.status} {data[:300]!r}")
        return json.loads(data) if data[:1] in (b"{", b"[") else data

    def answers(self):
        try:
            connection = UnixConnection(self.socket)
            connection.request("GET", "/_ping")
            status = connection.getresponse().status
            connection.close()
            return status == 200
        except OSError:
            return False
        except http.client.HTTPException:
            return False

    def start(self):
        """Starts the engine's process; answers the milliseconds until the first _ping was answered."""
        begun = time.perf_counter()
        self.process = subprocess.Popen(self.words(), env=self.environment(), stdin=subprocess.DEVNULL,
                                        stdout=open(os.path.join(self.home, "bench.log"), "ab"),
                                        stderr=subprocess.STDOUT, start_new_session=True)
        while not self.answers():
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} did not start; its log is {self.home}/bench.log")
            time.sleep(0.001)
        return (time.perf_counter() - begun) * 1e3

    def stop(self):
        if self.connection:
            self.connection.close()
            self.connection = None
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    def environment(self):
        return dict(os.environ)

    def client(self):
        """The environment that points the docker and kist commands at this engine."""
        environment = dict(os.environ, DOCKER_HOST="unix://" + self.socket, DOCKER_CONFIG=self.home + "/docker-config")
        environment.pop("DOCKER_CONTEXT", None)
        return environment

    def remove_containers(self):
        for container in self.call("GET", "/containers/json?all=1"):
            self.call("DELETE", f"/containers/{container['Id']}?force=1")

    # the calls that are measured

    def life(self, network):
        begun = time.perf_counter()
        body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": network}}
        container = self.call("POST", "/containers/create", body)["Id"]
        created = time.perf_counter()
        self.call("POST", f"/containers/{container}/start")
        started = time.perf_counter()
        status = self.call("POST", f"/containers/{container}/wait")["StatusCode"]
        waited = time.perf_counter()
        self.call("DELETE", f"/containers/{container}")
        ended = time.perf_counter()
        if status != 0:
            raise SystemExit(f"{self.name}: true exited with {status}")
        for label, length in (("create", created - begun), ("start", started - created), ("wait", waited - started),
                              ("delete", ended - waited), ("create+start+wait+delete", ended - begun)):
            self.note(f"{label} ({network})", length * 1e3)

    def execute(self, container):
        begun = time.perf_counter()
        body = {"AttachStdout": True, "AttachStderr": True, "Cmd": ["true"]}
        identity = self.call("POST", f"/containers/{container}/exec", body)["Id"]
        data = b'{"Detach":false,"Tty":false}'
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(self.socket)
            stream.sendall(b"POST /v1.41/exec/%s/start HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\n"
                           b"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %d\r\n\r\n%s"
                           % (identity.encode(), len(data), data))
            answer = b""
            while chunk := stream.recv(65536):
                answer += chunk
        if b" 101 " not in answer[:40] and b" 200 " not in answer[:40]:
            raise SystemExit(f"{self.name}: exec start answered {answer[:200]!r}")
        code = self.call("GET", f"/exec/{identity}/json")["ExitCode"]
        self.note("exec create+start+inspect", (time.perf_counter() - begun) * 1e3)
        if code != 0:
            raise SystemExit(f"{self.name}: exec of true exited with {code}")

    def timed(self, label, method, path):
        begun = time.perf_counter()
        self.call(method, path)
        self.note(label, (time.perf_counter() - begun) * 1e3)

    def command(self, label, words):
        """A whole process, from its creation to its end, and the processor time it took itself."""
        begun = time.perf_counter()
        child = os.posix_spawnp(words[0], words, self.client(), file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, status, usage = os.wait4(child, 0)
        self.note(label, (time.perf_counter() - begun) * 1e3)
        self.note(label + ", processor", (usage.ru_utime + usage.ru_stime) * 1e3)
        if status != 0:
            raise SystemExit(f"{self.name}: {' '.join(words)} ended with {status}")

    def run(self, words):
        """A whole process that is not measured."""
        subprocess.run(words, env=self.client(), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def sleeper(self):
        body = {"Image": "busybox", "Cmd": ["sleep", "1000000"], "HostConfig": {"NetworkMode": "none"}}
        container = self.call("POST", "/containers/create", body)["Id"]
        self.call("POST", f"/containers/{container}/start")
        return container

    def memory(self):
        """Kilobytes of user-space memory (PSS) of the engine's processes, without those of the containers."""
        containers = {self.call("GET", f"/containers/{c['Id']}/json")["State"]["Pid"]
                      for c in self.call("GET", "/containers/json")}
        return sum(pss(pid) for pid in self.processes() if pid not in containers)


class Kist(Engine):
    name = "kist"

    def __init__(self, home, dist):
        super().__init__(home)
        self.kist = os.path.join(dist, "bin", "kist")
        if not os.access(self.kist, os.X_OK):
            raise SystemExit(f"there is no {self.kist}; build it with 'make', or name a distribution with --dist")
        self.socket = home + "/run/docker.sock"

    def environment(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("KIST_") or k == "KIST_JAVA_HOME"}
        return dict(environment, KIST_ROOT=self.home + "/root", KIST_RUN_DIR=self.home + "/run")

    def client(self):
        return dict(super().client(), **self.environment())

    def words(self):
        return [self.kist, "engine"]

    def processes(self):
        keepers = [pid for pid in all_pids() if self.home + "/run" in command_line(pid) and "kist-keeper" in command_line(pid)]
        return [self.process.pid] + keepers

    def finish(self):
        self.remove_containers()
        if self.connection:
            self.connection.close()
            self.connection = None
        subprocess.run([self.kist, "system", "shutdown", "--stop-containers"], env=self.environment(), check=True,
                       stdout=subprocess.DEVNULL)
        self.process.wait(60)
        self.process = None


class Peer(Engine):
    name = "dockerd"

    def __init__(self, home):
        super().__init__(home)
        self.socket = home + "/docker.sock"

    def words(self):
        return [HERE + "/peer", "run", self.home]

    def processes(self):
        return [self.process.pid] + descendants(self.process.pid)

    def finish(self):
        self.remove_containers()
        self.stop()
        subprocess.run([HERE + "/peer", "stop", self.home], check=True)


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def descendants(root):
    parents = {}
    for pid in all_pids():
        try:
            with open(f"/proc/{pid}/stat") as file:
                parents.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(pid)
        except OSError:
            pass
    found, rest = [], [root]
    while rest:
        children = parents.get(rest.pop(), [])
        found += children
        rest += children
    # containerd's shims give themselves to process 1
    shims = [pid for pid in all_pids() if "containerd-shim" in command_line(pid).split(" ")[0]]
    return sorted(set(found) | set(shims))


def pss(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def busybox_tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        tar.add("/bin/busybox", "bin/busybox")
        applets = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
        for applet in applets:
            if applet != "busybox":
                entry = tarfile.TarInfo("bin/" + applet)
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
    return buffer.getvalue()


def progress(text):
    print(text, file=sys.stderr, flush=True)

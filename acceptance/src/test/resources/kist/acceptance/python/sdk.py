"""Containers, exec, logs, archives, volumes, networks, images and events through Docker's library for Python."""

import io
import sys
import tarfile
import threading
import time

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.types import Healthcheck, LogConfig, Mount, Ulimit

client = docker.from_env(timeout=60)


def check(what, expected, actual):
    if expected != actual:
        raise AssertionError("%s: expected %r, got %r" % (what, expected, actual))
    print("ok", what)


def until(what, condition):
    end = time.time() + 20
    while not condition():
        if time.time() > end:
            raise AssertionError("not within 20 s: " + what)
        time.sleep(0.05)
    print("ok", what)


# the engine itself
check("ping", True, client.ping())
check("os", "linux", client.version()["Os"])
check("info", True, client.info()["NCPU"] > 0)
check("df", True, "Containers" in client.df())

# events, collected from here on
seen = []
stream = client.events(decode=True, filters={"type": "container"})


def collect():
    try:
        for event in stream:
            seen.append((event["Action"], event["Actor"]["Attributes"].get("name")))
    except Exception:  # closed at the end
        pass


threading.Thread(target=collect, daemon=True).start()
time.sleep(0.5)

# run
check("run", b"hello\n", client.containers.run("busybox", "echo hello", remove=True))
check("stderr", b"err\n", client.containers.run("busybox", ["sh", "-c", "echo err >&2"], remove=True, stderr=True, stdout=False))
try:
    client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    raise AssertionError("no error")
except ContainerError as error:
    check("exit status", 3, error.exit_status)
    check("what it said", b"bad\n", error.stderr)
try:
    client.containers.get("missing")
    raise AssertionError("no error")
except NotFound as error:
    check("not found", True, "missing" in error.explanation)
try:
    client.images.get("missing")
    raise AssertionError("no error")
except ImageNotFound as error:
    check("image not found", True, "missing" in error.explanation)

# a container with many wishes
volume = client.volumes.create("pythons", labels={"by": "python"})
box = client.containers.run(
    "busybox",
    ["sh", "-c", "echo up; echo aside >&2; exec sleep 600"],
    name="box",
    detach=True,
    environment={"COLOR": "green"},
    labels={"tier": "front"},
    hostname="boxed",
    mem_limit="64m",
    nano_cpus=500000000,
    pids_limit=50,
    cap_drop=["KILL"],
    ulimits=[Ulimit(name="nofile", soft=100, hard=200)],
    tmpfs={"/scratch": "size=1m"},
    mounts=[Mount("/kept", "pythons"), Mount("/host", "/var/tmp", type="bind", read_only=True)],
    restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
    log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m"}),
    healthcheck=Healthcheck(test=["CMD", "true"], interval=300000000),
    init=True,
    stop_signal="SIGKILL",
    extra_hosts={"elsewhere": "10.1.2.3"},
    dns=["10.9.9.9"],
)
check("status", "created", box.status)
box.reload()
check("status after reload", "running", box.status)
check("name", "box", box.name)
check("labels", {"tier": "front"}, box.labels)
check("image", ["busybox:latest"], box.image.tags)
check("list", ["box"], [one.name for one in client.containers.list(filters={"label": "tier=front"})])
check("sparse list", [box.id], [one.id for one in client.containers.list(sparse=True)])

# exec
result = box.exec_run(["sh", "-c", "echo $COLOR; hostname; ulimit -n; exit 4"])
check("exec", (4, b"green\nboxed\n100\n"), (result.exit_code, result.output))
result = box.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
check("exec demultiplexed", (b"out\n", b"err\n"), result.output)
result = box.exec_run("id -u", user="tester", workdir="/etc", environment={"A": "1"})
check("exec as a user", b"1000\n", result.output)
check("exec streamed", b"1\n2\n3\n", b"".join(box.exec_run("seq 3", stream=True).output))
check("exec at a terminal", b"here\r\n", box.exec_run("echo here", tty=True).output)
created = client.api.exec_create(box.id, ["cat"], stdin=True)
socket = client.api.exec_start(created["Id"], socket=True)
raw = getattr(socket, "_sock", socket)
raw.sendall(b"through the socket\n")
check("exec on a socket", b"\x01\x00\x00\x00\x00\x00\x00\x13through the socket\n", raw.recv(27))
raw.shutdown(1)
until("exec on a socket ends", lambda: not client.api.exec_inspect(created["Id"])["Running"])

# logs
until("logs", lambda: box.logs() in (b"up\naside\n", b"aside\nup\n"))
check("logs of one stream", b"up\n", box.logs(stderr=False))
check("tail", 1, len(box.logs(tail=1).splitlines()))
check("timestamps", True, box.logs(timestamps=True).startswith(b"20"))
check("since", b"", box.logs(since=int(time.time()) + 100))
chatty = client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"], detach=True)
check("followed", [b"1\n", b"2\n", b"3\n"], list(chatty.logs(stream=True, follow=True)))
check("wait", 0, chatty.wait()["StatusCode"])
chatty.remove()

# attach
reader = client.containers.create("busybox", "cat", stdin_open=True, tty=False)
socket = reader.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
reader.start()
raw = getattr(socket, "_sock", socket)
raw.sendall(b"attached\n")
check("attached", b"\x01\x00\x00\x00\x00\x00\x00\x09attached\n", raw.recv(17))
raw.close()
reader.remove(force=True)

# archives
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w") as tar:
    entry = tarfile.TarInfo("letter")
    entry.size = 5
    tar.addfile(entry, io.BytesIO(b"dear\n"))
check("put_archive", True, box.put_archive("/kept", archive.getvalue()))
check("what was put", b"dear\n", box.exec_run("cat /kept/letter").output)
chunks, stat = box.get_archive("/kept/letter")
check("stat", ("letter", 5), (stat["name"], stat["size"]))
with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
    check("get_archive", b"dear\n", tar.extractfile("letter").read())
box.exec_run("touch /new")
check("diff", True, {"Path": "/new", "Kind": 1} in box.diff())

# what it does
check("top", True, "sleep 600" in box.top()["Processes"][-1][-1])
stats = box.stats(stream=False)
check("stats", 64 << 20, stats["memory_stats"]["limit"])
check("streamed stats", True, "cpu_stats" in next(box.stats(stream=True, decode=True)))
until("health", lambda: client.api.inspect_container("box")["State"]["Health"]["Status"] == "healthy")

# its life
box.pause()
box.reload()
check("paused", "paused", box.status)
box.unpause()
box.update(mem_limit="80m", memswap_limit="160m")
box.rename("boxer")
box.reload()
check("updated", 80 << 20, box.attrs["HostConfig"]["Memory"])
check("renamed", "boxer", box.name)
box.restart(timeout=1)
box.stop(timeout=1)
check("stopped", 137, box.wait()["StatusCode"])
try:
    box.kill()
    raise AssertionError("no error")
except APIError as error:
    check("not running", (409, True), (error.status_code, "not running" in error.explanation))
image = box.commit("kept", "one", changes="ENV A=1")
check("commit", ["kept:one"], image.tags)
check("committed", b"1\n", client.containers.run("kept:one", ["sh", "-c", "echo $A"], remove=True))
image.tag("kept", "two")
saved = b"".join(client.images.get("kept:one").save(named=True))
client.images.remove("kept:one")
client.images.remove("kept:two")
check("load", ["kept:one"], client.images.load(saved)[0].tags)
client.images.remove("kept:one")
check("export", True, len(b"".join(box.export())) > 100000)
box.remove(v=True)

# networks
network = client.networks.create("pythons", driver="bridge", labels={"by": "python"}, check_duplicate=True)
server = client.containers.run("busybox", ["sh", "-c", "while :; do echo served | nc -l -p 80; done"], name="server", network="pythons", detach=True)
answer = client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do nc server 80 </dev/null && exit; sleep 0.2; done"], network="pythons", remove=True)
check("by name", b"served\n", answer)
network.reload()
check("members", ["server"], [one.name for one in network.containers])
network.disconnect("server", force=True)
network.connect("server", aliases=["www"])
server.reload()
check("aliases", True, "www" in server.attrs["NetworkSettings"]["Networks"]["pythons"]["Aliases"])
server.remove(force=True)
check("networks", ["pythons"], [one.name for one in client.networks.list(filters={"label": "by=python"})])
network.remove()

# volumes
check("volumes", ["pythons"], [one.name for one in client.volumes.list(filters={"label": "by=python"})])
check("volume", "local", volume.attrs["Driver"])
volume.remove()

# prune
client.containers.create("busybox", "true", name="leftover")
check("prune", 1, len(client.containers.prune()["ContainersDeleted"]))

until("events", lambda: ("destroy", "boxer") in seen and ("destroy", "leftover") in seen)
for action in ("create", "start", "pause", "unpause", "die", "rename", "restart", "stop", "commit", "export"):
    check("event " + action, True, any(entry[0] == action for entry in seen))
stream.close()
print("the end")
sys.stdout.flush()

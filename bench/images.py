"""The section "images" of bench/compare: load, push, pull and save of the same Debian image of several layers on both
engines, the docker command as client of both, with Debian's docker-registry on loopback between them.

Before each measured call the image is brought into the same state on both: absent before load and pull, loaded anew
before push (so that nobody has its compressed layers yet), and the registry empty before push.
"""
import os
import shutil
import socket
import subprocess
import time
import urllib.request

NAME = "bench/debian:latest"
LABELS = {
    "load": "docker load of a Debian image",
    "load again": "docker load, all there",
    "push": "docker push to an empty registry",
    "pull": "docker pull of a Debian image",
    "pull again": "docker pull, all there",
    "save": "docker save of a Debian image",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Registry:
    """Debian's docker-registry on a free port of loopback, with a directory of its own."""

    def __init__(self, home):
        self.home = home
        self.port = free_port()
        self.process = None
        self.start()

    def start(self):
        os.makedirs(self.home, exist_ok=True)
        config = os.path.join(self.home, "config.yml")
        with open(config, "w") as file:
            file.write(f"version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n"
                       f"  filesystem:\n    rootdirectory: {self.home}/data\n  delete:\n    enabled: true\n"
                       f"http:\n  addr: 127.0.0.1:{self.port}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.home + "/log", "ab"))
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v2/", timeout=5):
                    return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"docker-registry did not start; its log is {self.home}/log")
                time.sleep(0.05)
        raise SystemExit(f"docker-registry does not answer; its log is {self.home}/log")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def empty(self):
        self.stop()
        shutil.rmtree(self.home + "/data", ignore_errors=True)
        self.start()

    def name(self, repository):
        return f"localhost:{self.port}/{repository}"


def settle():
    """What was written before is on the disk before anything is measured."""
    os.sync()
    time.sleep(0.5)


def remove_images(engine):
    for image in engine.call("GET", "/images/json"):
        if not any(name.startswith("busybox") for name in image["RepoTags"] or []):
            engine.call("DELETE", f"/images/{image['Id']}?force=1")


def measure(engines, rounds, home, archive):
    registries = {engine: Registry(f"{home}/registry-{engine.name}") for engine in engines}
    source = Registry(home + "/registry-source")
    try:
        # the same compressed layers for both: those that the last engine of the list pushes
        publisher = engines[-1]
        publisher.run(["docker", "load", "-q", "-i", archive])
        publisher.run(["docker", "tag", NAME, source.name("bench/debian")])
        publisher.run(["docker", "push", "-q", source.name("bench/debian")])
        for number in range(-1, rounds):
            for engine in engines if number % 2 else reversed(engines):
                kept = {label: list(times) for label, times in engine.times.items()}
                one_round(engine, archive, registries[engine], source)
                if number < 0:
                    # the first time is for everybody's warming up
                    engine.times = kept
    finally:
        for registry in [source, *registries.values()]:
            registry.stop()


def one_round(engine, archive, registry, source):
    remove_images(engine)
    settle()
    engine.command(LABELS["load"], ["docker", "load", "-q", "-i", archive])
    settle()
    engine.command(LABELS["load again"], ["docker", "load", "-q", "-i", archive])
    registry.empty()
    target = registry.name("bench/pushed")
    engine.run(["docker", "tag", NAME, target])
    settle()
    engine.command(LABELS["push"], ["docker", "push", "-q", target])
    remove_images(engine)
    settle()
    pulled = source.name("bench/debian")
    engine.command(LABELS["pull"], ["docker", "pull", "-q", pulled])
    settle()
    engine.command(LABELS["pull again"], ["docker", "pull", "-q", pulled])
    settle()
    engine.command(LABELS["save"], ["docker", "save", pulled])
    remove_images(engine)

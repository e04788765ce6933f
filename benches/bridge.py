#!/usr/bin/env python3
"""Measures what a bridge costs, beside the same transfer without one, in one run.

    benches/bridge.py [--peergate target/release/peergate] [--mib 1024] [--rounds 3] [--queries 10000]

Three nodes on loopback: a peer of the overlay red, a gateway of red and blue with a bridge between them, a peer of blue.
Every round lets the peer of red fetch a content of its own from blue, across the gateway, and one from the gateway's
own overlay, directly, each disk to disk and verified, and takes the time to the first byte of further ones. Then it asks
queries through the bridge at a bounded rate and looks at the gateway's memory, descriptors and counters.

Everything lies in a temporary folder and ends with this program. Only Python's standard library is needed.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import xmlrpc.client
from pathlib import Path

MIB = 1 << 20


class Node:
    """A node in a folder of its own, ended by its process id."""

    def __init__(self, program, folder, config, shared=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        (self.folder / "peergate.toml").write_text(config)
        self.ready_file = self.folder / "ready.json"
        arguments = [program, "serve", "--config", self.folder / "peergate.toml", "--data-dir", self.folder / "data",
                     "--http", "127.0.0.1:0", "--ready-file", self.ready_file]
        if shared:
            arguments += ["--share", shared]
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log)
        self.ready = json.loads(wait_for(lambda: self.ready_file.exists() and self.ready_file.read_text()))
        self.url = self.ready["httpAddress"]

    def call(self, method, **fields):
        # `i8` in answers, so that every long comes as one.
        proxy = xmlrpc.client.ServerProxy(self.url + "/xmlrpc?long=i8", use_builtin_types=True)
        with proxy:
            return getattr(proxy, method)(fields)

    def address(self, overlay):
        return self.ready["overlays"][overlay][0]

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"not there within {seconds} s")


def overlay(name, bootstrap=()):
    return (f'[[overlay]]\nname = "{name}"\nkind = "native"\nlisten = ["/ip4/127.0.0.1/tcp/0"]\nmdns = false\n'
            f"bootstrap = {json.dumps(list(bootstrap))}\n")


def make_file(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    block = secrets.token_bytes(MIB)
    with open(path, "wb") as out:
        out.write(secrets.token_bytes(16))
        for _ in range(size // MIB):
            out.write(block)


class Watch(threading.Thread):
    """The most that a node had resident while this ran."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.most, self.done = node, node.resident(), threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.05):
            if self.node.process.poll() is None:
                self.most = max(self.most, self.node.resident())

    def end(self):
        self.done.set()
        self.join()
        return self.most


def found(node, words):
    """The content id of what is found by these words, once it is."""
    hits = wait_for(lambda: node.call("search.find", query=words, timeoutMs=2000)["hits"])
    return hits[0]


def transfer(node, content_id):
    started = time.monotonic()
    record = node.call("transfer.start", contentId=content_id)
    while record["state"] in ("queued", "active"):
        record = node.call("transfer.wait", transferId=record["transferId"], waitMs=30_000)
    done = record
    if done["state"] != "complete":
        raise SystemExit(f"the transfer is {done['state']}: {done.get('error')}")
    return time.monotonic() - started


def first_byte(node, content_id):
    started = time.monotonic()
    with urllib.request.urlopen(f"{node.url}/content/{content_id}") as answer:
        answer.read(1)
        return time.monotonic() - started


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peergate", default=os.environ.get("PEERGATE_BIN", "target/release/peergate"))
    options.add_argument("--mib", type=int, default=1024)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--queries", type=int, default=10_000)
    options.add_argument("--rate", type=int, default=200, help="queries a second")
    options = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="peergate-bridge-"))
    nodes = []
    try:
        measure(options, folder, nodes)
    finally:
        for node in nodes:
            node.stop()
        subprocess.run(["rm", "-rf", folder], check=False)


def measure(options, folder, nodes):
    program = options.peergate
    for number in range(options.rounds):
        for side in ("near", "far"):
            make_file(folder / side / f"{side}large{number}.bin", options.mib * MIB)
            make_file(folder / side / f"{side}first{number}.bin", 64 * MIB)
    near = Node(program, folder / "near-node", overlay("red"), folder / "near")
    nodes.append(near)
    far = Node(program, folder / "far-node", overlay("blue"), folder / "far")
    nodes.append(far)
    bridge = '[[bridge]]\nfrom = "red"\nto = "blue"\n'
    gateway = Node(program, folder / "gateway-node",
                   overlay("red", [near.address("red")]) + overlay("blue", [far.address("blue")]) + bridge)
    nodes.append(gateway)
    asker = Node(program, folder / "asker-node", overlay("red", [near.address("red"), gateway.address("red")]))
    nodes.append(asker)
    wait_for(lambda: sum(peer["connected"] for peer in asker.call("peer.list")["peers"]) >= 2)
    wait_for(lambda: sum(peer["connected"] for peer in gateway.call("peer.list")["peers"]) >= 3)

    rows, resident_before = [], gateway.resident()
    for number in range(options.rounds):
        row = {}
        for side, way in (("near", "direct"), ("far", "bridged")):
            hit = found(asker, f"{side}large{number}")
            if bool(hit["via"]) != (way == "bridged"):
                raise SystemExit(f"via is {hit['via']} for the {way} content")
            cpu, watch = gateway.cpu_seconds(), Watch(gateway)
            row[way] = options.mib / transfer(asker, hit["contentId"])
            row[way + " gateway cpu"] = gateway.cpu_seconds() - cpu
            row[way + " gateway resident"] = watch.end()
            first = found(asker, f"{side}first{number}")["contentId"]
            row[way + " first byte"] = first_byte(asker, first)
        rows.append(row)
        print(f"round {number + 1}: direct {row['direct']:.0f} MiB/s, bridged {row['bridged']:.0f} MiB/s "
              f"({row['bridged'] / row['direct']:.2f}), first byte {row['direct first byte'] * 1e3:.1f} and "
              f"{row['bridged first byte'] * 1e3:.1f} ms, gateway {row['bridged gateway cpu']:.1f} CPU s, "
              f"{row['bridged gateway resident'] // MIB} MiB resident (before {resident_before // MIB})", flush=True)
    middle = lambda key: statistics.median(row[key] for row in rows)
    print(f"median: {middle('bridged') / middle('direct'):.2f} of the direct rate, first byte "
          f"{middle('bridged first byte') / middle('direct first byte'):.2f} times the direct one's")
    if options.queries:
        queries(options, asker, gateway)


def queries(options, asker, gateway):
    before = gateway.call("bridge.list")["bridges"][0]
    resident, descriptors = gateway.resident(), gateway.descriptors()
    watch, times = Watch(gateway), []
    started = time.monotonic()
    proxy = xmlrpc.client.ServerProxy(asker.url + "/xmlrpc", use_builtin_types=True)
    for number in range(options.queries):
        due = started + number / options.rate
        time.sleep(max(0, due - time.monotonic()))
        asked = time.monotonic()
        answer = proxy.search.find({"query": f"farfirst{number % options.rounds}", "timeoutMs": 2000})
        times.append(time.monotonic() - asked)
        if len(answer["hits"]) != 1 or not answer["hits"][0]["via"]:
            raise SystemExit(f"query {number} answers {answer}")
    after = gateway.call("bridge.list")["bridges"][0]
    times.sort()
    print(f"{options.queries} queries at {len(times) / (time.monotonic() - started):.0f} a second: median "
          f"{times[len(times) // 2] * 1e3:.1f} ms, p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms; forwarded "
          f"{after['queriesForwarded'] - before['queriesForwarded']}, hits {after['hitsReturned'] - before['hitsReturned']}; "
          f"gateway {resident // MIB} -> {gateway.resident() // MIB} MiB (most {watch.end() // MIB}), "
          f"{descriptors} -> {gateway.descriptors()} descriptors")


if __name__ == "__main__":
    sys.exit(main())

"""Peergate with its own command line, which speaks XML-RPC by dxr. Requests and answers are lines, see stacks.py."""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse


class Ended(Exception):
    """The command has ended with a message."""


def row(*values):
    print("row", *values, sep="\t")


def call(operation, *arguments):
    command = [os.environ["PEERGATE_BIN"], "call", operation, "--url", address, *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        raise Ended(done.stderr.decode().strip())
    return json.loads(done.stdout or b"null")


def version():
    lock = (pathlib.Path(__file__).resolve().parents[4] / "Cargo.lock").read_text()
    row(re.search(r'name = "dxr"\nversion = "([^"]+)"', lock).group(1))


def methods():
    for name in call("system.listMethods"):
        row(name)


def search(query, limit, min_size):
    for hit in call("search.find", "--query", query, "--limit", limit, "--min-size", min_size)["hits"]:
        row(hit["contentId"], hit["size"], hit["name"], *hit["tags"])


def read(content_id, offset, length, path):
    chunk = call("content.read", "--content-id", content_id, "--offset", offset, "--length", length, "--output", path)
    row(chunk["offset"], chunk["size"], str(chunk["eof"]).lower())


def download(content_id, path):
    whole = call("content.download", "--content-id", content_id, "--output", path)
    row(whole["name"], whole["size"])


def publish(name, path, *tags):
    words = [word for tag in tags for word in ("--tags", tag)]
    content = call("content.publish", "--name", name, "--data", f"@{path}", *words)
    published = datetime.datetime.fromisoformat(content["published"]).timestamp()
    row(content["contentId"], content["size"], content["name"], round(published * 1000), *content["tags"])


def status(transfer_id):
    row(call("transfer.status", "--transfer-id", transfer_id)["state"])


def multicall(*_):
    call("system.multicall")


def subscribe(topic):
    row(call("event.subscribe", "--topics", topic)["subscriptionId"])


def pull(subscription, wait):
    for event in call("event.pull", "--subscription-id", subscription, "--wait-ms", wait)["events"]:
        row(event["topic"], event["subject"])


address = sys.argv[1]
if os.environ.get("CREDENTIAL"):
    scheme, rest = address.split("://")
    name, token = (urllib.parse.quote(os.environ[key]) for key in ("TOKEN_NAME", "TOKEN"))
    address = f"{scheme}://{name}:{token}@{rest}"
verbs = {f.__name__: f for f in (version, methods, search, read, download, publish, status, multicall, subscribe, pull)}
for line in sys.stdin:
    verb, *arguments = line.rstrip("\n").split("\t")
    try:
        verbs[verb](*arguments)
        print("done")
    except Ended as ended:
        print("error", " ".join(str(ended).split()), sep="\t")
    except Exception as error:
        print("error", repr(error), sep="\t")
    sys.stdout.flush()

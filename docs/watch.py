#!/usr/bin/env python3
"""Watches a search on a Peergate node: what appears is fetched into a folder, verified by the node, and logged.

    watch.py 'query words' FOLDER [--url http://name:token@host:7070/xmlrpc] [--every SECONDS] [--once]

It needs Python's standard library alone. It can be stopped and started at any time: what is in the folder is not fetched
again, and a file that is only half there has another name. The node goes on with a transfer by itself meanwhile.
"""

import argparse
import logging
import os
import pathlib
import re
import time
import xmlrpc.client

CHUNK = 4 * 1024 * 1024
"""Bytes of one content.read; a node answers up to 16 MiB, and base64 makes a third more of them."""
WAIT_MS = 30000
"""How long one call waits for something new; the node answers as soon as there is."""
PASSING = {429, 500, 503, 504}
"""Fault codes of what may go well next time."""

log = logging.getLogger("watch")


def hits_of(gate, query):
    """The hits of one search as they come in; nothing is asked twice, and nothing is asked for in vain."""
    search = gate.search.start(query, {"limit": 200})["searchId"]
    place = 0
    while True:
        page = gate.search.results(search, {"after": place, "waitMs": WAIT_MS})
        yield from page["hits"]
        if page["complete"] and page["next"] == place:
            return
        place = page["next"]


def fetch(gate, hit, folder):
    """Brings one content to the node, then its bytes here. True when it has come."""
    content_id = hit["contentId"]
    # A name comes from the network: it is no path.
    name = re.sub(r"[^\w. -]", "_", hit["name"]).lstrip(".")[-100:]
    file = folder / f"{re.sub(r'[^A-Za-z0-9]', '_', content_id)[-16:]} {name}"
    if file.exists():
        return False
    log.info("appeared: %s, %d bytes", hit["name"], hit["size"])
    transfer = gate.transfer.start(content_id)
    while transfer["state"] in ("queued", "active"):
        transfer = gate.transfer.wait(transfer["transferId"], {"waitMs": WAIT_MS})
        log.info("%s: %s, %d bytes", hit["name"], transfer["state"], transfer["received"])
    if transfer["state"] != "complete":
        log.warning("%s: %s", hit["name"], transfer.get("error", transfer["state"]))
        return False
    part = folder / f".{file.name}.part"
    with open(part, "wb") as out:
        while True:
            place = out.tell()
            # What does not fit 32 bits goes as a double, which is exact up to 2^53.
            offset = place if place < 2**31 else float(place)
            chunk = gate.content.read(content_id, {"offset": offset, "length": CHUNK})
            out.write(chunk["data"])
            if chunk["eof"]:
                break
        out.flush()
        os.fsync(out.fileno())
    os.replace(part, file)
    log.info("fetched: %s", file)
    return True


def look(gate, query, folder):
    for hit in hits_of(gate, query):
        try:
            fetch(gate, hit, folder)
        except xmlrpc.client.Fault as fault:
            log.warning("%s: fault %d: %s", hit["name"], fault.faultCode, fault.faultString)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("query")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--url", default=os.environ.get("PEERGATE_URL", "http://127.0.0.1:7070/xmlrpc"))
    parser.add_argument("--every", type=float, default=60, help="seconds between two searches")
    parser.add_argument("--once", action="store_true", help="search once, then end")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    options.folder.mkdir(parents=True, exist_ok=True)
    gate = xmlrpc.client.ServerProxy(options.url, use_builtin_types=True)
    while True:
        try:
            look(gate, options.query, options.folder)
        except xmlrpc.client.Fault as fault:
            if options.once or fault.faultCode not in PASSING:
                raise
            log.warning("fault %d: %s", fault.faultCode, fault.faultString)
        except (OSError, xmlrpc.client.ProtocolError) as error:
            if options.once or getattr(error, "errcode", None) == 401:
                raise
            log.warning("the node does not answer: %s", error)
        if options.once:
            return
        time.sleep(options.every)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass

#!/usr/bin/env python3
"""A legacy system that joins a network of Peergate without being a peer: two calls over XML-RPC, standard library only.

    python3 legacy_catalogue.py FOLDER [PORT]

It offers the files below FOLDER. A gateway that names its address makes them searchable and fetchable for every peer:

    [[overlay]]
    name = "archive"
    kind = "catalog"
    url = "http://127.0.0.1:8000/RPC2"

    [[bridge]]
    from = "home"
    to = "archive"
    bidirectional = false

A system of yours answers the same two calls from whatever it keeps its records in.
"""
import datetime
import mimetypes
import pathlib
import socketserver
import sys
import xmlrpc.client
import xmlrpc.server

FOLDER = pathlib.Path(sys.argv[1]).resolve()
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
MOST = 4 * 1024 * 1024  # bytes in one answer


def number(value):
    """XML-RPC's int has 32 bits; what is larger goes as a double, which is exact up to 2^53."""
    return value if value < 2**31 else float(value)


def entries():
    """All files, each under an id that stays the same: here its path."""
    return {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*")) if path.is_file()}


def search(query, limit):
    """catalog.search: the entries that hold all words of the query, at most so many."""
    found = []
    for entry_id, path in entries().items():
        if all(word in entry_id.lower() for word in query.lower().split()):
            stat = path.stat()
            found.append({
                "entryId": entry_id,
                "name": path.name,
                "size": number(stat.st_size),
                "mediaType": mimetypes.guess_type(path.name)[0] or "application/octet-stream",
                "tags": list(pathlib.PurePosixPath(entry_id).parts[:-1]),  # the folders that it lies in
                "modified": datetime.datetime.fromtimestamp(int(stat.st_mtime), datetime.timezone.utc),
            })
    return {"entries": found[:limit]}


def read(entry_id, offset, length):
    """catalog.read: bytes of an entry from an offset on. `size` is the whole entry's, `eof` says that these are the last."""
    path = entries().get(entry_id)  # never a path that a caller made up
    if path is None:
        raise xmlrpc.client.Fault(404, f"there is no entry {entry_id!r}")
    with path.open("rb") as file:
        file.seek(int(offset))
        data = file.read(min(int(length), MOST))
        size = path.stat().st_size
    return {"data": data, "offset": number(int(offset)), "size": number(size), "eof": int(offset) + len(data) >= size}


class Server(socketserver.ThreadingMixIn, xmlrpc.server.SimpleXMLRPCServer):
    """Answers several callers at once."""
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", PORT), logRequests=False, use_builtin_types=True) as server:
        server.register_function(search, "catalog.search")
        server.register_function(read, "catalog.read")
        print(f"http://127.0.0.1:{server.server_address[1]}/RPC2", flush=True)
        server.serve_forever()

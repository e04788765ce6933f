"""A legacy catalogue with Python's SimpleXMLRPCServer. FOLDER holds what it serves, see servers.py."""

import datetime
import os
import pathlib
import sys
import xmlrpc.client
import xmlrpc.server

FOLDER = pathlib.Path(os.environ["FOLDER"])


def entries():
    for line in (FOLDER / "index.tsv").read_text().splitlines():
        entry_id, file, name, media_type, description, tags = line.split("\t")
        status = (FOLDER / file).stat()
        modified = datetime.datetime.fromtimestamp(int(status.st_mtime), datetime.timezone.utc)
        yield FOLDER / file, {
            "entryId": entry_id, "name": name, "size": status.st_size, "mediaType": media_type,
            "description": description, "tags": list(filter(None, tags.split(","))),
            "modified": xmlrpc.client.DateTime(modified.timetuple()),
        }


def search(query, limit):
    def matches(entry):
        text = " ".join([entry["name"], entry["description"], *entry["tags"]]).lower()
        return all(word in text for word in query.lower().split())

    return {"entries": [entry for _, entry in entries() if matches(entry)][:limit]}


def read(entry_id, offset, length):
    for path, entry in entries():
        if entry["entryId"] == entry_id:
            with open(path, "rb") as file:
                file.seek(offset)
                data = file.read(length)
            eof = offset + len(data) >= entry["size"]
            return {"data": xmlrpc.client.Binary(data), "offset": offset, "size": entry["size"], "eof": eof}
    raise xmlrpc.client.Fault(404, f"there is no entry {entry_id}")


server = xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", int(sys.argv[1])), logRequests=False)
server.register_function(search, "catalog.search")
server.register_function(read, "catalog.read")
server.serve_forever()

"""A legacy catalogue with spyne. FOLDER holds what it serves, see servers.py."""

import datetime
import os
import pathlib
import sys
import wsgiref.simple_server

from spyne import Application, Boolean, ByteArray, ComplexModel, DateTime, Fault, Integer32, Integer64, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "urn:peergate:v1"
FOLDER = pathlib.Path(os.environ["FOLDER"])


class CatalogEntry(ComplexModel):
    __namespace__ = NAMESPACE
    _type_info = [
        ("entryId", Unicode(min_occurs=1)),
        ("name", Unicode(min_occurs=1)),
        ("size", Integer64(min_occurs=1)),
        ("mediaType", Unicode),
        ("description", Unicode),
        ("tags", Unicode(max_occurs="unbounded")),
        ("modified", DateTime),
    ]


class CatalogPage(ComplexModel):
    __namespace__ = NAMESPACE
    entries = CatalogEntry.customize(max_occurs="unbounded")


class Chunk(ComplexModel):
    __namespace__ = NAMESPACE
    _type_info = [
        ("data", ByteArray(min_occurs=1)),
        ("offset", Integer64(min_occurs=1)),
        ("size", Integer64(min_occurs=1)),
        ("eof", Boolean(min_occurs=1)),
    ]


def entries():
    for line in (FOLDER / "index.tsv").read_text().splitlines():
        entry_id, file, name, media_type, description, tags = line.split("\t")
        path = FOLDER / file
        status = path.stat()
        yield path, CatalogEntry(
            entryId=entry_id, name=name, size=status.st_size, mediaType=media_type, description=description or None,
            tags=list(filter(None, tags.split(","))),
            modified=datetime.datetime.fromtimestamp(int(status.st_mtime), datetime.timezone.utc),
        )


class Catalogue(ServiceBase):
    @rpc(Unicode, Integer32, _returns=CatalogPage, _out_variable_name="result")
    def CatalogSearch(ctx, query, limit):
        def matches(entry):
            text = " ".join([entry.name, entry.description or "", *entry.tags]).lower()
            return all(word in text for word in query.lower().split())

        return CatalogPage(entries=[entry for _, entry in entries() if matches(entry)][:limit])

    @rpc(Unicode, Integer64, Integer32, _returns=Chunk, _out_variable_name="result")
    def CatalogRead(ctx, entryId, offset, length):
        for path, entry in entries():
            if entry.entryId == entryId:
                with open(path, "rb") as file:
                    file.seek(offset)
                    data = file.read(length)
                return Chunk(data=[data], offset=offset, size=entry.size, eof=offset + len(data) >= entry.size)
        raise Fault("Client", f"there is no entry {entryId}")


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


application = Application([Catalogue], NAMESPACE, in_protocol=Soap11(validator="soft"), out_protocol=Soap11())
server = wsgiref.simple_server.make_server("127.0.0.1", int(sys.argv[1]), WsgiApplication(application), handler_class=Quiet)
server.serve_forever()

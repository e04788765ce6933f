"""Peergate with zeep, Python. Requests and answers are lines, see stacks.py."""

import os
import sys

import zeep
import zeep.exceptions
from zeep.wsse.username import UsernameToken


def row(*values):
    print("row", *values, sep="\t")


class Gate:
    def __init__(self, wsdl):
        # doc: open
        # xml_huge_tree: without it no text may be longer than 10 MB, which base64 of 7.5 MB is.
        client = zeep.Client(wsdl, settings=zeep.Settings(xml_huge_tree=True))
        gate = client.service
        # end doc
        if os.environ.get("MTOM"):
            # doc: mtom
            client.transport.session.headers["Accept"] = "application/xop+xml, text/xml"
            # end doc
        credential = os.environ.get("CREDENTIAL")
        if credential:
            name, token, digest = os.environ["TOKEN_NAME"], os.environ["TOKEN"], credential == "digest"
        if credential == "http":
            # doc: http
            client.transport.session.auth = (name, token)
            # end doc
        elif credential:
            # doc: token
            client.wsse = UsernameToken(name, token, use_digest=digest)
            # end doc
        self.client, self.gate = client, gate

    def version(self):
        row(zeep.__version__)

    def operations(self):
        for name in self.gate._binding._operations:
            row(name)

    def search(self, query, limit, min_size):
        gate = self.gate
        # doc: search
        for hit in gate.SearchFind(query=query, limit=int(limit), minSize=int(min_size)).hits:
            row(hit.contentId, hit.size, hit.name, *hit.tags)
        # end doc

    def read(self, content_id, offset, length, path):
        gate = self.gate
        # doc: read
        chunk = gate.ContentRead(contentId=content_id, offset=int(offset), length=int(length))
        with open(path, "wb") as file:
            file.write(chunk.data)
        # end doc
        row(chunk.offset, chunk.size, str(chunk.eof).lower())

    def download(self, content_id, path):
        gate = self.gate
        # doc: download
        whole = gate.ContentDownload(contentId=content_id)
        with open(path, "wb") as file:
            file.write(whole.data)
        # end doc
        row(whole.name, whole.size)

    def publish(self, name, path, *tags):
        gate = self.gate
        # doc: publish
        with open(path, "rb") as file:
            content = gate.ContentPublish(name=name, data=file.read(), tags=list(tags))
        # end doc
        row(content.contentId, content.size, content.name, round(content.published.timestamp() * 1000), *content.tags)

    def status(self, transfer_id):
        row(self.gate.TransferStatus(transferId=transfer_id).state)

    def answer(self, verb, *arguments):
        client = self.client
        try:
            getattr(self, verb)(*arguments)
            print("done")
        # doc: fault
        except zeep.exceptions.Fault as fault:
            detail = client.get_element("{urn:peergate:v1}Fault").parse(fault.detail[0], client.wsdl.types)
            print("fault", detail.kind, detail.message, sep="\t")
        # end doc
        except Exception as error:
            print("error", repr(error).replace("\n", " "), sep="\t")


gate = Gate(sys.argv[1])
for line in sys.stdin:
    gate.answer(*line.rstrip("\n").split("\t"))
    sys.stdout.flush()

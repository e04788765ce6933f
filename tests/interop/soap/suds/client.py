"""Peergate with suds (suds-community), Python. Requests and answers are lines, see stacks.py."""

import base64
import hashlib
import os
import sys

import suds
import suds.client
import suds.sax.date
import suds.wsse


def row(*values):
    print("row", *values, sep="\t")


class Gate:
    def __init__(self, wsdl):
        # doc: open
        client = suds.client.Client(wsdl, cache=None)
        gate = client.service
        # end doc
        if os.environ.get("MTOM"):
            client.set_options(headers={"Accept": "application/xop+xml, text/xml"})
        credential = os.environ.get("CREDENTIAL")
        if credential:
            self.identify(client, os.environ["TOKEN_NAME"], os.environ["TOKEN"], credential)
        self.client, self.gate = client, gate

    @staticmethod
    def identify(client, name, token, credential):
        if credential == "http":
            # doc: http
            client.set_options(username=name, password=token)
            # end doc
            return
        # doc: token
        shown = suds.wsse.UsernameToken(name, token)
        if credential == "digest":
            # Anew before each call, since a nonce is good for one.
            nonce = os.urandom(16)
            shown.setnonce(base64.b64encode(nonce).decode())
            shown.setcreated()
            created = str(suds.sax.date.DateTime(shown.created))
            digest = hashlib.sha1(nonce + created.encode() + token.encode()).digest()
            shown.setpassworddigest(base64.b64encode(digest).decode())
        security = suds.wsse.Security()
        security.tokens.append(shown)
        client.set_options(wsse=security)
        # end doc

    def version(self):
        row(suds.__version__)

    def operations(self):
        for name in self.client.sd[0].ports[0][0].methods:
            row(name)

    def search(self, query, limit, min_size):
        gate = self.gate
        # doc: search
        found = gate.SearchFind(query=query, limit=int(limit), minSize=int(min_size))
        for hit in getattr(found, "hits", []):  # an empty list is absent
            row(hit.contentId, hit.size, hit.name, *getattr(hit, "tags", []))
        # end doc

    def read(self, content_id, offset, length, path):
        gate = self.gate
        # doc: read
        chunk = gate.ContentRead(contentId=content_id, offset=int(offset), length=int(length))
        with open(path, "wb") as file:
            file.write(base64.b64decode(chunk.data))  # suds leaves base64 to its user
        # end doc
        row(chunk.offset, chunk.size, str(chunk.eof).lower())

    def download(self, content_id, path):
        gate = self.gate
        # doc: download
        whole = gate.ContentDownload(contentId=content_id)
        with open(path, "wb") as file:
            file.write(base64.b64decode(whole.data))
        # end doc
        row(whole.name, whole.size)

    def publish(self, name, path, *tags):
        gate = self.gate
        # doc: publish
        with open(path, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        content = gate.ContentPublish(name=name, data=data, tags=list(tags))
        # end doc
        published = round(content.published.timestamp() * 1000)
        row(content.contentId, content.size, content.name, published, *getattr(content, "tags", []))

    def status(self, transfer_id):
        row(self.gate.TransferStatus(transferId=transfer_id).state)

    def answer(self, verb, *arguments):
        try:
            getattr(self, verb)(*arguments)
            print("done")
        # doc: fault
        except suds.WebFault as raised:
            fault = raised.fault.detail.Fault
            print("fault", fault.kind, fault.message, sep="\t")
        # end doc
        except Exception as error:
            print("error", repr(error).replace("\n", " "), sep="\t")


gate = Gate(sys.argv[1])
for line in sys.stdin:
    gate.answer(*line.rstrip("\n").split("\t"))
    sys.stdout.flush()

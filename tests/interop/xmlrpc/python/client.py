"""Peergate with Python's own xmlrpc.client. Requests and answers are lines, see stacks.py."""

import datetime
import os
import sys
import urllib.parse
import xmlrpc.client


def row(*values):
    print("row", *values, sep="\t")


class Gate:
    def __init__(self, address):
        # doc: open
        gate = xmlrpc.client.ServerProxy(address, use_builtin_types=True)
        # end doc
        if os.environ.get("CREDENTIAL"):
            name, token = os.environ["TOKEN_NAME"], os.environ["TOKEN"]
            # doc: http
            scheme, rest = address.split("://")
            shown = f"{scheme}://{urllib.parse.quote(name)}:{urllib.parse.quote(token)}@{rest}"
            gate = xmlrpc.client.ServerProxy(shown, use_builtin_types=True)
            # end doc
        self.gate = gate

    def version(self):
        row(xmlrpc.client.__version__)

    def methods(self):
        for name in self.gate.system.listMethods():
            row(name)

    def help(self, method):
        signatures = self.gate.system.methodSignature(method)
        row(len(signatures), " ".join(self.gate.system.methodHelp(method).split()))

    def search(self, query, limit, min_size):
        gate = self.gate
        # doc: search
        found = gate.search.find(query, {"limit": int(limit), "minSize": number(min_size)})
        for hit in found["hits"]:
            row(hit["contentId"], int(hit["size"]), hit["name"], *hit["tags"])
        # end doc

    def read(self, content_id, offset, length, path):
        gate = self.gate
        # doc: read
        chunk = gate.content.read(content_id, {"offset": number(offset), "length": int(length)})
        with open(path, "wb") as file:
            file.write(chunk["data"])
        # end doc
        row(int(chunk["offset"]), int(chunk["size"]), str(chunk["eof"]).lower())

    def download(self, content_id, path):
        whole = self.gate.content.download(content_id)
        with open(path, "wb") as file:
            file.write(whole["data"])
        row(whole["name"], int(whole["size"]))

    def publish(self, name, path, *tags):
        gate = self.gate
        # doc: publish
        with open(path, "rb") as file:
            content = gate.content.publish(name, file.read(), {"tags": list(tags)})
        # end doc
        published = content["published"].replace(tzinfo=datetime.timezone.utc)
        row(content["contentId"], int(content["size"]), content["name"], round(published.timestamp() * 1000), *content["tags"])

    def status(self, transfer_id):
        row(self.gate.transfer.status(transfer_id)["state"])

    def multicall(self, query, transfer_id):
        gate = self.gate
        # doc: multicall
        calls = xmlrpc.client.MultiCall(gate)
        calls.search.find(query, {"limit": 100})
        calls.transfer.status(transfer_id)
        answers = calls()
        row("hits", len(answers[0]["hits"]))
        # end doc
        try:
            row("hits", answers[1])
        except xmlrpc.client.Fault as fault:
            row("fault", fault.faultCode)

    def subscribe(self, topic):
        row(self.gate.event.subscribe([topic])["subscriptionId"])

    def pull(self, subscription, wait):
        gate = self.gate
        # doc: pull
        page = gate.event.pull(subscription, {"waitMs": int(wait)})
        for event in page["events"]:
            row(event["topic"], event["subject"])
        # end doc

    def answer(self, verb, *arguments):
        try:
            getattr(self, verb)(*arguments)
            print("done")
        # doc: fault
        except xmlrpc.client.Fault as fault:
            print("fault", fault.faultCode, fault.faultString, sep="\t")
        # end doc
        except Exception as error:
            print("error", repr(error).replace("\n", " "), sep="\t")


# doc: number
def number(text):
    """xmlrpc.client writes no integer beyond 32 bits; a node reads a double as well, exact up to 2^53."""
    value = int(text)
    return value if -(2**31) <= value < 2**31 else float(value)
# end doc


gate = Gate(sys.argv[1])
for line in sys.stdin:
    gate.answer(*line.rstrip("\n").split("\t"))
    sys.stdout.flush()

"""Checks that several matrices share: what a client answers is held against what the node says over JSON, against the
bytes that the nodes have, and against those that a relay in front of the node has seen.

They ask the clients in the same words, whatever these speak:

    search    query, limit, minSize           a row for each hit: contentId, size, name, tags…
    read      contentId, offset, length, file offset, size, eof
    download  contentId, file                 name, size
    publish   name, file, tags…               contentId, size, name, milliseconds since 1970, tags…
    status    transferId                      state
    version                                   that of the library
"""

import hashlib
import re
import urllib.error

import matrix
import nodes
from stacks import Failure, Fault

NON_ASCII = "Größenmaß ‹naïve› & <日本語> \"Ελληνικά\" 'кириллица'"
NON_BMP = "clef 𝄞 score 🎼 ideograph 𠜎"


class Session(matrix.Session):
    """What several checks do in the same way."""

    def publish(self, client, name, data, *tags):
        """Publishes through the client; the node must then have exactly that, and the client must have been told so."""
        file = self.files / "publish"
        file.write_bytes(data)
        (content_id, size, name_back, published, *tags_back), = client.ask("publish", name, file, *tags)
        content = nodes.call(self.scene.a.address, "content.describe", contentId=content_id)
        equal("the node's name", content["name"], name)
        equal("the node's size", content["size"], len(data))
        equal("the node's tags", content["tags"], list(tags))
        equal("the answer's name", name_back, name)
        equal("the answer's size", size, str(len(data)))
        equal("the answer's tags", tags_back, list(tags))
        # Not all stacks keep milliseconds.
        if abs(int(published) / 1000 - nodes.seconds_of(content["published"])) > 1:
            raise Failure(f"published: {published} ms of 1970 is not {content['published']}")
        same_bytes("the bytes at the other node", nodes.get(self.scene.b.address, content_id), data)
        return content_id

    @property
    def largest(self):
        return max(self.scene.library.items(), key=lambda item: len(item[1]))

    def download(self, client):
        """Downloads a content that only the other node has."""
        name, wanted = self.largest
        file = self.files / "download"
        file.unlink(missing_ok=True)
        (name_back, size), = client.ask("download", self.library_id(name), file)
        equal("name and size", (name_back, size), (name, str(len(wanted))))
        same_bytes("the bytes", file.read_bytes(), wanted)

    def library_id(self, name):
        hits = self.scene.finds("paper*", len(self.scene.library))
        return {hit["name"]: hit["contentId"] for hit in hits}[name]


def equal(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {got!r} is not {wanted!r}")


def same_bytes(what, got, wanted):
    if got != wanted:
        hashes = [hashlib.sha256(data).hexdigest()[:16] for data in (got, wanted)]
        raise Failure(f"{what}: {len(got)} bytes, sha256 {hashes[0]}…, are not the {len(wanted)} of {hashes[1]}…")


def search(session):
    library = session.scene.library
    hits = session.client.ask("search", "paper*", 100, 0)
    found = {(name, size) for _, size, name, *_ in hits}
    equal("hits", found, {(name, str(len(data))) for name, data in library.items()})
    equal("hits of more than 32 bits", session.client.ask("search", "paper*", 100, 5_000_000_000), [])


def lists(session):
    for tags in ((), ("one",), ("one", "zwei & mehr")):
        name = f"{session.mark} size{len(tags)}"
        session.publish(session.client, name, session.data(f"list {tags}", 300), *tags)
    for words, wanted in (("absent", []), ("zwei", [2]), ("one", [1, 2])):
        hits = session.client.ask("search", f"{session.mark} {words}", 10, 0)
        equal(f"tags of hits for {words}", sorted(len(tags) for _, _, _, *tags in hits), wanted)


def read(session):
    name, wanted = next(iter(session.scene.library.items()))
    file = session.files / "chunk"
    for offset, length in ((0, 100), (1000, 1000), (len(wanted) - 10, 4096)):
        file.unlink(missing_ok=True)
        answer, = session.client.ask("read", session.library_id(name), offset, length, file)
        eof = "true" if offset + length >= len(wanted) else "false"
        equal("offset, size and eof", answer, [str(offset), str(len(wanted)), eof])
        same_bytes("the chunk", file.read_bytes(), wanted[offset:offset + length])


def download(session):
    session.download(session.client)


def publish(session):
    for size in (16, 100_000):
        session.publish(session.client, f"{session.mark} publish {size}", session.data(f"publish {size}", size))


def fault(session, member):
    """What the stack tells as the kind of a fault is this member of the problem that JSON answers."""
    cases = (
        ("transfer.status", {"transferId": "nothing"}, ("status", "nothing")),
        ("search.find", {"query": "x", "limit": 201}, ("search", "x", 201, 0)),
    )
    for operation, fields, request in cases:
        try:
            nodes.call(session.scene.a.address, operation, **fields)
            raise Failure(f"{operation} is no fault")
        except urllib.error.HTTPError as problem:
            # What is out of range has its place in the JSON text behind it.
            document = nodes.problem(problem)
            wanted = str(document[member]), document["detail"].split(" at line ")[0]
        try:
            answer = session.client.ask(*request)
        except Fault as raised:
            equal("kind and message", (raised.kind, raised.message), wanted)
        else:
            raise Failure(f"no fault but {answer}")


def round_trip(session, text, word):
    name = f"{session.mark} {text}"
    session.publish(session.client, name, session.data(word, 100), text)
    (_, _, *found), = session.client.ask("search", f"{session.mark} {word}", 10, 0)
    equal("name and tag of the hit", found, [name, text])


def non_ascii(session):
    round_trip(session, NON_ASCII, "naïve")


def non_bmp(session):
    round_trip(session, NON_BMP, "ideograph")


def token(session, credential, evidence):
    """A token shown in one way opens the node that wants one, and another token does not."""
    seen = session.guarded_tap.look()
    with session.talk_guarded(credential, matrix.TOKEN[1]) as client:
        equal("hits", len(client.ask("search", "paper*", 100, 0)), len(session.scene.library))
    if not re.search(evidence, seen.sent):
        raise Failure(f"{evidence.decode()} was not sent")
    with session.talk_guarded(credential, "another-token-which-that-node-does-not-know") as client:
        try:
            answer = client.ask("search", "paper*", 100, 0)
        except (Failure, Fault):
            return
        raise Failure(f"a wrong token is answered {answer}")


def http_token(session):
    token(session, "http", rb"(?i)\nauthorization: basic ")

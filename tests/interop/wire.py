"""What really went over the wire: a relay in front of a node that keeps the bytes of both directions.

A client that claims to have used SOAP 1.2, MTOM or a credential is believed only when its bytes show it.
"""

import contextlib
import socket
import threading
import urllib.parse

BLOCK = 65536
"""Bytes that are passed on at once."""


class Seen:
    """The bytes of both directions since a look began, all connections together."""

    def __init__(self):
        self.sent = bytearray()
        self.received = bytearray()


class Wire:
    """Listens on a free port of its own and passes everything on to `target`, an http address."""

    def __init__(self, target):
        url = urllib.parse.urlsplit(target)
        self._target = (url.hostname, url.port)
        self._seen = Seen()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def look(self):
        """Begins a new look and returns its record, which goes on filling until the next one begins."""
        with self._lock:
            self._seen = Seen()
            return self._seen

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            for source, sink, direction in ((near, far, "sent"), (far, near, "received")):
                threading.Thread(target=self._pass_on, args=(source, sink, direction), daemon=True).start()

    def _pass_on(self, source, sink, direction):
        """One direction of a connection, until its end, which is passed on as well."""
        with contextlib.suppress(OSError):
            while block := source.recv(BLOCK):
                with self._lock:
                    getattr(self._seen, direction).extend(block)
                sink.sendall(block)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

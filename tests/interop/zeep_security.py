"""zeep's UsernameToken against a node that wants a token: as text and as digest, with a Timestamp, and wrong ones."""

import datetime
import pathlib
import tempfile
import unittest

import requests
import zeep
import zeep.exceptions
from zeep.wsse.username import UsernameToken
from zeep.wsse.utils import WSU

import nodes

NAME, SECRET = "erp", "a-secret-of-the-test-é"


def timestamp(begin=0, end=300):
    """A Timestamp that begins and ends so many seconds from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    moment = lambda seconds: (now + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return WSU.Timestamp(WSU.Created(moment(begin)), WSU.Expires(moment(end)))


class ZeepSecurity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="peergate-interop-"))
        cls.node = nodes.Node(pathlib.Path(folder) / "node", token=(NAME, SECRET))
        cls.addClassCleanup(cls.node.stop)

    def each(self, wsse=None):
        """A client of each version of SOAP in turn, as a sub-test of its own."""
        for path in ("soap", "soap12"):
            with self.subTest(path):
                yield path, zeep.Client(f"{self.node.address}/{path}?wsdl", wsse=wsse).service

    def test_a_username_token_as_text_or_digest_with_and_without_timestamp_is_let_in(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        for options in (
            {},
            {"use_digest": True},
            {"timestamp_token": timestamp()},
            {"use_digest": True, "timestamp_token": timestamp()},
            {"use_digest": True, "zulu_timestamp": True},
            {"use_digest": True, "created": now - datetime.timedelta(seconds=60)},
        ):
            for _, service in self.each(UsernameToken(NAME, SECRET, **options)):
                with self.subTest(str(options)):
                    # Twice: zeep makes a nonce for each message.
                    self.assertEqual(service.NodeInfo().httpAddress, self.node.address)
                    self.assertEqual(service.NodeInfo().httpAddress, self.node.address)

    def test_what_is_wrong_is_a_failed_authentication(self):
        for token in (
            UsernameToken(NAME, SECRET + "x"),
            UsernameToken(NAME, SECRET + "x", use_digest=True),
            UsernameToken("nobody", SECRET),
            UsernameToken(NAME, SECRET, use_digest=True, created=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)),
        ):
            self.assert_refused(token, "FailedAuthentication")

    def test_an_expired_timestamp_is_refused(self):
        self.assert_refused(UsernameToken(NAME, SECRET, timestamp_token=timestamp(-1200, -900)), "MessageExpired")

    def test_a_nonce_is_good_once(self):
        for path, service in self.each(UsernameToken(NAME, SECRET, use_digest=True, nonce=f"nonce {id(self)}")):
            if path == "soap":
                service.NodeInfo()
            with self.assertRaises(zeep.exceptions.Fault) as raised:
                service.NodeInfo()
            self.assertIn("nonce was shown before", raised.exception.message)

    def test_http_basic_lets_in_as_well_and_nothing_does_not(self):
        session = requests.Session()
        session.auth = (NAME.encode(), SECRET.encode())
        client = zeep.Client(f"{self.node.address}/soap?wsdl", transport=zeep.Transport(session=session))
        self.assertEqual(client.service.NodeInfo().httpAddress, self.node.address)
        for _, service in self.each():
            with self.assertRaises(zeep.exceptions.Fault) as raised:
                service.NodeInfo()
            self.assertIn("token is needed", raised.exception.message)

    def assert_refused(self, token, code):
        for path, service in self.each(token):
            with self.assertRaises(zeep.exceptions.Fault) as raised:
                service.NodeInfo()
            fault = raised.exception
            codes = [fault.code] if path == "soap" else [str(name) for name in fault.subcodes]
            self.assertTrue(any(code in name for name in codes), (fault.code, fault.subcodes, fault.message))


if __name__ == "__main__":
    unittest.main(verbosity=2)

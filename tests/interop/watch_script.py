"""The manual's script docs/watch.py against two nodes: what is there is fetched, and so is what appears later."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import nodes

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "watch.py"


class Watch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(nodes.pair())

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="peergate-watch-")))

    def watch(self, *options):
        command = [sys.executable, SCRIPT, "paper*", self.folder, "--url", f"{self.scene.a.address}/xmlrpc", *options]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def fetched(self):
        return {file.name.split(" ", 1)[1]: file.read_bytes() for file in self.folder.glob("[!.]*")}

    def test_a_search_is_watched(self):
        self.watch("--every", "0.2")
        library = dict(self.scene.library)
        nodes.eventually("the library is fetched", lambda: self.fetched() == library)
        late, data = "paper that came late.txt", b"late " * 1000
        (self.scene.folder / late).write_bytes(data)
        library[late] = data
        nodes.eventually("what appears is fetched", lambda: self.fetched() == library)
        (self.scene.folder / late).unlink()

    def test_what_is_there_is_not_fetched_again(self):
        for expected in (True, False):
            process = self.watch("--once")
            _, log = process.communicate(timeout=nodes.START_SECONDS)
            self.assertEqual(process.returncode, 0, log)
            self.assertEqual("fetched: " in log, expected, log)


if __name__ == "__main__":
    unittest.main(verbosity=2)

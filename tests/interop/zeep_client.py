"""zeep against a node, from both WSDLs: the main job, lists of none, one and two, bytes, times and typed faults."""

import datetime
import unittest

import zeep
import zeep.exceptions

import nodes


class ZeepClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(nodes.pair())
        cls.clients = {
            path: zeep.Client(f"{cls.scene.a.address}/{path}?wsdl", settings=zeep.Settings(strict=True))
            for path in ("soap", "soap12")
        }

    def each(self):
        """Every client in turn, as a sub-test of its own."""
        for path, client in self.clients.items():
            with self.subTest(path):
                yield path, client.service

    def test_files_of_the_other_node_are_found_and_got(self):
        for _, service in self.each():
            found = service.SearchFind(query="paper*", limit=100)
            self.assertIs(found.complete, True)
            self.assertEqual({hit.name for hit in found.hits}, set(self.scene.library))
            hit = found.hits[0]
            wanted = self.scene.library[hit.name]
            self.assertEqual((hit.size, hit.overlay, hit.providers), (len(wanted), "home", 1))
            whole = service.ContentDownload(contentId=hit.contentId)
            self.assertEqual((whole.name, whole.data), (hit.name, wanted))
            data = b""
            while True:
                chunk = service.ContentRead(contentId=hit.contentId, offset=len(data), length=3000)
                data += chunk.data
                if chunk.eof:
                    break
            self.assertEqual(data, wanted)

    def test_lists_of_none_one_and_two_pass_both_ways(self):
        for path, service in self.each():
            for tags in ([], ["one"], ["one", "zwei & mehr"]):
                data = f"{path} {tags}".encode()
                name = f"list {path} size{len(tags)} ünïcode"
                content = service.ContentPublish(name=name, data=data, tags=tags, description="a note")
                self.assertEqual((content.name, content.tags, content.aliases), (name, tags, []))
                self.assertEqual((content.size, content.local, content.description), (len(data), True, "a note"))
                self.assertIsInstance(content.published, datetime.datetime)
                self.assertIsNotNone(content.published.tzinfo)
                hits = self.scene.finds(f"list {path} size{len(tags)}", 1, at=self.scene.b)
                self.assertEqual(hits[0]["tags"], tags)
            self.assertEqual(len(service.SearchFind(query=f"absent{path}").hits), 0)
            self.assertEqual(len(service.SearchFind(query=f"list {path} size2").hits), 1)
            self.assertEqual(len(service.SearchFind(query=f"list {path} zwei").hits), 1)
            self.assertEqual(len(service.SearchFind(query=f"list {path} one").hits), 2)

    def test_absent_options_are_none(self):
        for path, service in self.each():
            content = service.ContentPublish(name=f"plain {path}", data=b"plain " + path.encode())
            self.assertIsNone(content.description)
            self.assertIsNone(service.ContentList(query=f"plain {path}").next)

    def test_faults_are_typed(self):
        cases = [
            ("NotFound", "", lambda service: service.TransferStatus(transferId="nothing")),
            ("InvalidRequest", "limit", lambda service: service.SearchFind(query="x", limit=201)),
            ("InvalidRequest", "contentId", lambda service: service.ContentDescribe(contentId="nonsense")),
        ]
        for path, service in self.each():
            for kind, word, request in cases:
                with self.assertRaises(zeep.exceptions.Fault) as raised:
                    request(service)
                fault = raised.exception
                self.assertIn(word, fault.message)
                self.assertTrue(fault.code.endswith("Sender" if path == "soap12" else "Client"), fault.code)
                detail = self.clients[path].get_element("{urn:peergate:v1}Fault").parse(
                    fault.detail[0], self.clients[path].wsdl.types
                )
                self.assertEqual((detail.kind, detail.message), (kind, fault.message))


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Python's own xmlrpc.client against a node: the main job, the types, introspection, multicall and faults."""

import datetime
import unittest
import xmlrpc.client

import nodes


class XmlRpcClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(nodes.pair())
        cls.a = xmlrpc.client.ServerProxy(cls.scene.a.address + "/xmlrpc")
        cls.dated = xmlrpc.client.ServerProxy(cls.scene.a.address + "/RPC2", use_builtin_types=True)

    def test_files_of_the_other_node_are_found_and_read(self):
        found = self.a.search.find("paper*", {"limit": 100})
        self.assertEqual({hit["name"] for hit in found["hits"]}, set(self.scene.library))
        for hit in found["hits"]:
            wanted = self.scene.library[hit["name"]]
            self.assertEqual(self.read_all(hit["contentId"], 4000), wanted)
            whole = self.a.content.download(hit["contentId"])
            self.assertEqual((whole["name"], whole["data"].data), (hit["name"], wanted))

    def read_all(self, content_id, step):
        data = b""
        while True:
            chunk = self.a.content.read(content_id, {"offset": len(data), "length": step})
            data += chunk["data"].data
            if chunk["eof"]:
                self.assertEqual(chunk["size"], len(data))
                return data

    def test_parameters_go_by_position_or_in_one_struct(self):
        for arguments in (("paper*",), ("paper*", {"limit": 100}), ({"query": "paper*", "limit": 100},)):
            self.assertGreaterEqual(len(self.a.search.find(*arguments)["hits"]), 5)

    def test_binary_text_and_dates_pass_whole(self):
        data, text = bytes(range(256)) * 5, "Grüße & <漢字> \U0001f4a9"
        content = self.dated.content.publish(text, xmlrpc.client.Binary(data), {"tags": ["one", "zwölf"]})
        self.assertEqual((content["name"], content["tags"], content["size"]), (text, ["one", "zwölf"], len(data)))
        self.assertIsInstance(content["published"], datetime.datetime)
        self.assertLess(abs(datetime.datetime.utcnow() - content["published"]), datetime.timedelta(minutes=5))
        self.assertIs(content["local"], True)
        hit = self.scene.finds("grusse", 1, at=self.scene.b)[0]
        self.assertEqual(self.dated.content.download(hit["contentId"])["data"], data)

    def test_a_transfer_is_started_and_waited_for(self):
        name = next(iter(self.scene.library))
        hit = next(hit for hit in self.a.search.find("paper*", {"limit": 100})["hits"] if hit["name"] == name)
        transfer = self.a.transfer.start(hit["contentId"])
        while transfer["state"] in ("queued", "active"):
            transfer = self.a.transfer.wait(transfer["transferId"])
        self.assertEqual((transfer["state"], transfer["received"]), ("complete", len(self.scene.library[name])))

    def test_the_node_describes_itself(self):
        methods = self.a.system.listMethods()
        self.assertIn("search.find", methods)
        for method in methods:
            self.assertIsInstance(self.a.system.methodSignature(method)[0], list, method)
            self.assertTrue(self.a.system.methodHelp(method), method)
        self.assertIn("faults_interop", self.a.system.getCapabilities())

    def test_a_multicall_answers_in_order_and_raises_where_it_failed(self):
        multicall = xmlrpc.client.MultiCall(self.a)
        multicall.node.info()
        multicall.search.find("paper*", {"limit": 100})
        multicall.transfer.status("nothing")
        answers = multicall()
        self.assertEqual(answers[0]["peerId"], self.scene.a.ready["peerId"])
        self.assertGreaterEqual(len(answers[1]["hits"]), 5)
        with self.assertRaises(xmlrpc.client.Fault) as raised:
            answers[2]
        self.assertEqual(raised.exception.faultCode, 404)

    def test_faults_have_the_contracts_codes(self):
        cases = [
            (lambda: self.a.no.such(), {-32601}, ""),
            (lambda: self.a.search.find(), {-32602, 400}, "query"),
            (lambda: self.a.search.find("x", {"limmit": 1}), {400}, "limmit"),
            (lambda: self.a.search.find("x", {"limit": "ten"}), {400, -32602}, "limit"),
            (lambda: self.a.search.find("x", {"limit": 201}), {400, -32602}, "limit"),
            (lambda: self.a.transfer.status("nothing"), {404}, ""),
        ]
        for number, (request, codes, word) in enumerate(cases):
            with self.subTest(number), self.assertRaises(xmlrpc.client.Fault) as raised:
                request()
            self.assertIn(raised.exception.faultCode, codes)
            self.assertIn(word, raised.exception.faultString)


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""A callback of Python's own SimpleXMLRPCServer: what an existing script needs in order to be told."""

import threading
import unittest
import xmlrpc.client
import xmlrpc.server

import nodes


class Callback(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = cls.enterClassContext(nodes.pair())
        cls.a = xmlrpc.client.ServerProxy(cls.scene.a.address + "/xmlrpc")

    def serve(self, **options):
        """Registers `notify.events` as a function of two parameters; answers the URL and what it collects."""
        server = xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, **options)
        told = []
        server.register_function(lambda subscription, events: told.append((subscription, events)), "notify.events")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return "http://127.0.0.1:{}/".format(server.server_address[1]), told

    def test_events_reach_a_function_of_two_parameters(self):
        url, told = self.serve(allow_none=True)
        options = {"callbackUrl": url, "callbackBinding": "xmlrpc", "ttlSeconds": 600}
        subscription = self.a.event.subscribe(["content.*"], options)["subscriptionId"]
        content = self.a.content.publish("told <&> ü", xmlrpc.client.Binary(b"bytes"))
        nodes.eventually("the callback is told", lambda: told)
        self.assertEqual(told[0][0], subscription)
        [event] = told[0][1]
        self.assertEqual((event["topic"], event["subject"]), ("content.published", content["contentId"]))
        self.assertIsInstance(event["time"], xmlrpc.client.DateTime)
        self.assertGreater(event["sequence"], 0)
        self.assertEqual(self.a.event.unsubscribe(subscription), {"done": True})

    def test_events_are_pulled_with_a_wait(self):
        subscription = self.a.event.subscribe(["content.published"])["subscriptionId"]
        other = xmlrpc.client.ServerProxy(self.scene.a.address + "/xmlrpc")
        timer = threading.Timer(0.2, lambda: other.content.publish("late", xmlrpc.client.Binary(b"late")))
        timer.start()
        page = self.a.event.pull(subscription, {"waitMs": 60000})
        timer.join()
        self.assertEqual(([event["topic"] for event in page["events"]], page["missed"]), (["content.published"], 0))


if __name__ == "__main__":
    unittest.main()

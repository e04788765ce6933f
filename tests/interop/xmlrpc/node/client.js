// Peergate with the xmlrpc package of Node. Requests and answers are lines, see stacks.py.
const fs = require("fs");
const readline = require("readline");
const modules = `${process.env.PEERGATE_CLIENTS}/node_modules`;
const xmlrpc = require(`${modules}/xmlrpc`);

const address = process.argv[2];
const options = { url: address };
if (process.env.CREDENTIAL) {
  const [user, pass] = [process.env.TOKEN_NAME, process.env.TOKEN];
  // doc: http
  options.basic_auth = { user, pass };
  // end doc
}
// doc: open
const client = xmlrpc.createClient(options); // { url: address }
const call = (method, ...parameters) =>
  new Promise((resolve, reject) =>
    client.methodCall(method, parameters, (error, value) => (error ? reject(error) : resolve(value))));

// The package writes an integer beyond 32 bits as one all the same, which a node reads.
// end doc

const row = (...values) => console.log(["row", ...values].join("\t"));

const verbs = {
  version: () => row(JSON.parse(fs.readFileSync(`${modules}/xmlrpc/package.json`)).version),
  methods: async () => (await call("system.listMethods")).forEach((name) => row(name)),
  help: async (method) => {
    const [signatures, text] = [await call("system.methodSignature", method), await call("system.methodHelp", method)];
    row(signatures.length, text.replace(/\s+/g, " "));
  },
  search: async (query, limit, minSize) => {
    // doc: search
    const found = await call("search.find", query, { limit: Number(limit), minSize: Number(minSize) });
    for (const hit of found.hits) row(hit.contentId, hit.size, hit.name, ...hit.tags);
    // end doc
  },
  read: async (contentId, offset, length, path) => {
    // doc: read
    const chunk = await call("content.read", contentId, { offset: Number(offset), length: Number(length) });
    fs.writeFileSync(path, chunk.data);
    // end doc
    row(chunk.offset, chunk.size, chunk.eof);
  },
  download: async (contentId, path) => {
    const whole = await call("content.download", contentId);
    fs.writeFileSync(path, whole.data);
    row(whole.name, whole.size);
  },
  publish: async (name, path, ...tags) => {
    // doc: publish
    const content = await call("content.publish", name, fs.readFileSync(path), { tags });
    // end doc
    // The package takes a time for one of this machine's zone.
    const local = content.published;
    const published = local.getTime() - local.getTimezoneOffset() * 60000;
    row(content.contentId, content.size, content.name, published, ...content.tags);
  },
  status: async (transferId) => row((await call("transfer.status", transferId)).state),
  multicall: async (query, transferId) => {
    // doc: multicall
    const [found, status] = await call("system.multicall", [
      { methodName: "search.find", params: [query, { limit: 100 }] },
      { methodName: "transfer.status", params: [transferId] },
    ]);
    row("hits", found[0].hits.length); // an answer is in an array of one, a fault is a struct
    // end doc
    row("fault", status.faultCode);
  },
  subscribe: async (topic) => row((await call("event.subscribe", [topic])).subscriptionId),
  pull: async (subscription, wait) => {
    // doc: pull
    const page = await call("event.pull", subscription, { waitMs: Number(wait) });
    for (const event of page.events) row(event.topic, event.subject);
    // end doc
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...words] = line.split("\t");
    try {
      await verbs[verb](...words);
      console.log("done");
    } catch (error) {
      // doc: fault
      // `error` is what a call throws; without faultCode it is no fault of the node.
      const { faultCode, faultString } = error;
      // end doc
      if (faultCode !== undefined) console.log(`fault\t${faultCode}\t${faultString}`);
      else console.log(`error\t${String(error.message || error).replace(/\s+/g, " ")}`);
    }
  }
})();

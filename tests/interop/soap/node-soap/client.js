// Peergate with node-soap. Requests and answers are lines, see stacks.py.
"use strict";
const { createRequire } = require("module");
const fs = require("fs");
const readline = require("readline");

// The libraries of all tests lie outside of this folder.
const library = createRequire(`${process.env.PEERGATE_CLIENTS}/node_modules/`);
const soap = library("soap");
const version = library("soap/package.json").version;
const wsdl = process.argv[2];
const forceSoap12Headers = wsdl.includes("/soap12?");

const row = (...values) => console.log(["row", ...values].join("\t"));
// doc: list
// An element that comes once is no array, and one that does not come is undefined.
const list = (value) => [value ?? []].flat();
// end doc

const open = async () => {
  // doc: open
  const gate = await soap.createClientAsync(wsdl, { forceSoap12Headers });
  // end doc
  const { CREDENTIAL: credential, TOKEN_NAME: name, TOKEN: token } = process.env;
  if (credential === "http") {
    // doc: http
    gate.setSecurity(new soap.BasicAuthSecurity(name, token));
    // end doc
  } else if (credential) {
    const passwordType = credential === "digest" ? "PasswordDigest" : "PasswordText";
    // doc: token
    gate.setSecurity(new soap.WSSecurity(name, token, { passwordType, hasNonce: true }));
    // end doc
  }
  return gate;
};

const mtom = {
  open: async () => {
    // doc: mtom
    const gate = await soap.createClientAsync(wsdl, { forceSoap12Headers, parseResponseAttachments: true });
    gate.addHttpHeader("Accept", "application/xop+xml, text/xml");
    // end doc
    return gate;
  },
  download: async (gate, contentId, path) => {
    // doc: mtom
    const [{ result: whole }, , , , { parts }] = await gate.ContentDownloadAsync({ contentId });
    const cid = decodeURIComponent(whole.data.Include.attributes.href.replace("cid:", ""));
    fs.writeFileSync(path, parts.find((part) => part.headers["content-id"] === `<${cid}>`).body);
    // end doc
    row(whole.name, whole.size);
  },
  publish: async (gate, name, path, ...tags) => {
    // doc: mtom
    const attachments = [{ mimetype: "application/octet-stream", contentId: "data", name, body: fs.readFileSync(path) }];
    const data = { "xop:Include": { attributes: { "xmlns:xop": "http://www.w3.org/2004/08/xop/include", href: "cid:data" } } };
    const [{ result: content }] = await gate.ContentPublishAsync({ name, data, tags }, { attachments });
    // end doc
    row(content.contentId, content.size, content.name, content.published.getTime(), ...list(content.tags));
  },
};

const verbs = {
  version: () => row(version),
  operations: (gate) => Object.keys(gate.describe().Peergate.PeergatePort).forEach((name) => row(name)),
  search: async (gate, query, limit, minSize) => {
    // doc: search
    const [{ result: found }] = await gate.SearchFindAsync({ query, minSize, limit });
    for (const hit of list(found.hits)) row(hit.contentId, hit.size, hit.name, ...list(hit.tags));
    // end doc
  },
  read: async (gate, contentId, offset, length, path) => {
    // doc: read
    const [{ result: chunk }] = await gate.ContentReadAsync({ contentId, offset, length });
    fs.writeFileSync(path, Buffer.from(chunk.data, "base64"));
    // end doc
    row(chunk.offset, chunk.size, chunk.eof);
  },
  download: async (gate, contentId, path) => {
    // doc: download
    const [{ result: whole }] = await gate.ContentDownloadAsync({ contentId });
    fs.writeFileSync(path, Buffer.from(whole.data, "base64"));
    // end doc
    row(whole.name, whole.size);
  },
  publish: async (gate, name, path, ...tags) => {
    // doc: publish
    const data = fs.readFileSync(path).toString("base64");
    const [{ result: content }] = await gate.ContentPublishAsync({ name, data, tags });
    // end doc
    row(content.contentId, content.size, content.name, content.published.getTime(), ...list(content.tags));
  },
  status: async (gate, transferId) => row((await gate.TransferStatusAsync({ transferId }))[0].result.state),
};

const faultOf = (error) => {
  // doc: fault
  // `error` is what a call throws; SOAP 1.1 and 1.2 call the detail differently.
  const { detail, Detail } = error.root?.Envelope?.Body?.Fault ?? {};
  const fault = (detail ?? Detail)?.Fault;
  // end doc
  return fault;
};

(async () => {
  const gate = await (process.env.MTOM ? mtom : { open }).open();
  if (process.env.MTOM) Object.assign(verbs, mtom);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...parameters] = line.split("\t");
    try {
      await verbs[verb](gate, ...parameters);
      console.log("done");
    } catch (error) {
      const fault = faultOf(error);
      if (fault) console.log(`fault\t${fault.kind}\t${fault.message}`);
      else console.log(`error\t${String(error?.message ?? error).replace(/\s+/g, " ")}`);
    }
  }
})();

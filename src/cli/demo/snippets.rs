//! How the demo ends: where the door is, and what to paste to use it from elsewhere.

use crate::model::ContentId;

/// The text.
pub fn text(door: &str, words: &str, id: &ContentId, keep: bool) -> String {
    let next = if keep {
        "It is running: paste any of this."
    } else {
        "It is ended now. To try these, run `peergate demo --keep`, or run a node with `peergate serve --share FOLDER`.\n\
         docs/bridging.md tells how to join networks of your own."
    };
    format!(
        r#"
The door:    {door}
SOAP:        {door}/soap  WSDL: {door}/soap?wsdl  (SOAP 1.2: {door}/soap12?wsdl)
XML-RPC:     {door}/xmlrpc
JSON:        {door}/api/openapi.json
{next}

Python, standard library:
  import xmlrpc.client
  gate = xmlrpc.client.ServerProxy("{door}/xmlrpc")
  print([hit["name"] for hit in gate.search.find("{words}")["hits"]])
  open("found.txt", "wb").write(gate.content.download("{id}")["data"].data)

Python, zeep:
  import zeep
  gate = zeep.Client("{door}/soap?wsdl").service
  print([hit.name for hit in gate.SearchFind(query="{words}").hits])

PHP:
  $gate = new SoapClient("{door}/soap?wsdl", ["features" => SOAP_SINGLE_ELEMENT_ARRAYS]);
  foreach ($gate->SearchFind(["query" => "{words}"])->result->hits as $hit) echo $hit->name, "\n";

curl:
  curl -s {door}/api/search/find -H 'Content-Type: application/json' -d '{{"query": "{words}"}}'
  curl -s {door}/content/{id} -o found.txt"#
    )
}

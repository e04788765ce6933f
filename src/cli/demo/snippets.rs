//! How the demo ends: where the gateway is, and what to paste to use it from elsewhere.

use crate::model::ContentId;

/// The text.
pub fn text(gateway: &str, words: &str, id: &ContentId, keep: bool) -> String {
    let next = if keep {
        "It is running: paste any of this."
    } else {
        "It is ended now. To try these, run `peergate demo --keep`, or run a node with `peergate serve --share FOLDER`."
    };
    format!(
        r#"
The gateway: {gateway}
SOAP:        {gateway}/soap  WSDL: {gateway}/soap?wsdl  (SOAP 1.2: {gateway}/soap12?wsdl)
XML-RPC:     {gateway}/xmlrpc
JSON:        {gateway}/api/openapi.json
{next}

Python, standard library:
  import xmlrpc.client
  gate = xmlrpc.client.ServerProxy("{gateway}/xmlrpc")
  print([hit["name"] for hit in gate.search.find("{words}")["hits"]])
  open("found.txt", "wb").write(gate.content.download("{id}")["data"].data)

Python, zeep:
  import zeep
  gate = zeep.Client("{gateway}/soap?wsdl").service
  print([hit.name for hit in gate.SearchFind(query="{words}").hits])

PHP:
  $gate = new SoapClient("{gateway}/soap?wsdl", ["features" => SOAP_SINGLE_ELEMENT_ARRAYS]);
  foreach ($gate->SearchFind(["query" => "{words}"])->result->hits as $hit) echo $hit->name, "\n";

curl:
  curl -s {gateway}/api/search/find -H 'Content-Type: application/json' -d '{{"query": "{words}"}}'
  curl -s {gateway}/content/{id} -o found.txt"#
    )
}

//! Requests as real clients write them, and what becomes of wrong ones.

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::*;
use crate::operation::{CONTRACT, Operation, content, search};

const FORMS: [Long; 5] = [Long::Auto, Long::I8, Long::Text, Long::Double, Long::Apache];

/// The input as it is read from a call in each dialect.
pub fn requests_read_back<O: Operation>(input: &O) -> Vec<O> {
    let documents = FORMS.map(|long| encode::call(O::NAME, input, Dialect { long, bmp: false }).unwrap().into_text());
    documents.iter().map(|document| read::<O>(document).unwrap()).collect()
}

/// The answer in each dialect.
pub fn responses(output: &impl Serialize) -> Vec<String> {
    FORMS.map(|long| encode::response(output, Dialect { long, bmp: false }).unwrap().into_text()).into()
}

fn read<O: Operation>(document: &str) -> Result<O, Refused> {
    let mut call = Call::read(document, &Limits::default())?;
    assert_eq!(call.method, O::NAME);
    Ok(call.parameters.read(REGISTRY.find(O::NAME).unwrap())?)
}

fn call(method: &str, parameters: &[&str]) -> String {
    let parameters: String = parameters.iter().map(|value| format!("<param>{value}</param>\n")).collect();
    format!(
        "<?xml version='1.0'?>\n<methodCall> <methodName> {method} </methodName>\n<params>{parameters}</params> </methodCall>\n"
    )
}

/// The given fields of a search, or the code and message of the refusal.
fn find(parameters: &[&str]) -> Result<Json, (i32, String)> {
    let read =
        read::<search::Find>(&call("search.find", parameters)).map_err(|refused| (refused.code, refused.message))?;
    Ok(serde_json::to_value(read).unwrap())
}

fn member(name: &str, value: &str) -> String {
    format!("<member>\n<name>{name}</name>\n<value>{value}</value>\n</member>")
}

fn options(members: &[(&str, &str)]) -> String {
    let members: String = members.iter().map(|(name, value)| member(name, value)).collect();
    format!("<value><struct>{members}</struct></value>")
}

#[test]
fn parameters_come_by_position_with_options_or_in_one_struct() {
    let want = json!({ "query": "debian", "tags": ["a", "b"], "limit": 5, "timeoutMs": 3000 });
    let tags = "<array><data><value>a</value> <value><string>b</string></value></data></array>";
    let by_position = find(&["<value>debian</value>", &options(&[("limit", "<i4>5</i4>"), ("tags", tags)])]);
    assert_eq!(by_position.unwrap(), want);
    let in_one = find(&[&options(&[("tags", tags), ("query", "<string>debian</string>"), ("limit", "<int>5</int>")])]);
    assert_eq!(in_one.unwrap(), want);
    assert_eq!(find(&["<value><string>x</string></value>"]).unwrap()["limit"], 20);
}

#[test]
fn every_form_of_a_number_is_read() {
    for number in [
        "<i1>7</i1>",
        "<i2>7</i2>",
        "<i4>7</i4>",
        "<i8>7</i8>",
        "<int> +7 </int>",
        "<double>7.0</double>",
        "<double>7</double>",
        "<ex:i8 xmlns:ex='http://ws.apache.org/xmlrpc/namespaces/extensions'>7</ex:i8>",
        "<string>7</string>",
        "7",
        "\n<int>7</int>\n",
    ] {
        let read = find(&["<value>x</value>", &options(&[("minSize", number)])]);
        assert_eq!(read.unwrap()["minSize"], 7, "{number}");
    }
    let large = find(&["<value>x</value>", &options(&[("minSize", "<double>1099511627776.0</double>")])]);
    assert_eq!(large.unwrap()["minSize"], 1_u64 << 40);
}

#[test]
fn every_form_of_a_text_is_read() {
    for (text, expected) in [
        ("<value> two words </value>", " two words "),
        ("<value>\n <string>a&amp;<![CDATA[<b>]]>&#65;<!-- c --></string> </value>", "a&<b>A"),
        ("<value><string>&#xD83D;&#xDE00;</string></value>", "😀"),
        ("<value><base64> aGVs\n bG8= </base64></value>", "hello"),
        ("<value/>", ""),
        ("<value><string/></value>", ""),
    ] {
        assert_eq!(find(&[text]).unwrap()["query"], expected, "{text}");
    }
}

#[test]
fn bytes_come_as_base64_or_as_a_string() {
    for data in ["<base64>aGVs\nbG8=</base64>", "<string>hello</string>", "hello"] {
        let document = call("content.publish", &["<value>name</value>", &format!("<value>{data}</value>")]);
        let read: content::Publish = read(&document).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap()["data"], "aGVsbG8=", "{data}");
    }
}

#[test]
fn nil_is_an_absent_member() {
    let given = options(&[("limit", "<nil/>"), ("tags", "<ex:nil/>"), ("mediaType", "<string>text/plain</string>")]);
    assert_eq!(
        find(&["<value>x</value>", &given]).unwrap(),
        json!({ "query": "x", "mediaType": "text/plain", "limit": 20, "timeoutMs": 3000 })
    );
    assert_eq!(find(&["<value>x</value>", "<value><nil/></value>"]).unwrap()["query"], "x");
}

#[test]
fn a_wrong_member_is_refused_by_name() {
    for (name, value, expected) in [
        ("limt", "<int>1</int>", "unknown member \"limt\"; search.find takes query, overlays, mediaType"),
        ("limit", "<int>201</int>", "limit: 201 is out of range, want 1 to 200"),
        ("limit", "<string>many</string>", "limit: want a whole number, got the string \"many\""),
        ("mediaType", "<int>5</int>", "mediaType: want a string, got an int \"5\""),
        ("tags", "<string>a</string>", "tags: want an array, got the string \"a\""),
        ("tags", "<array><data><value>a</value><value><int>1</int></value></data></array>", "tags[1]: want a string"),
        ("minSize", "<int>-1</int>", "minSize: want a long of 64 bits, not negative"),
        ("minSize", "<double>1.5</double>", "minSize: want a whole number"),
        ("query", "<string>y</string>", "query: the field is given twice"),
    ] {
        let (code, message) = find(&["<value>x</value>", &options(&[(name, value)])]).unwrap_err();
        assert!(code == 400 && message.starts_with(expected), "{code} {message}");
    }
    let (code, message) = find(&[&options(&[("limit", "<int>1</int>")])]).unwrap_err();
    assert_eq!((code, message.as_str()), (400, "query: the field is missing"));
}

#[test]
fn parameters_that_do_not_fit_the_signature_are_told_the_signature() {
    let x = "<value>x</value>";
    for parameters in
        [&[][..], &["<value><int>5</int></value>"], &[x, x], &[x, &options(&[]), x], &[&options(&[("query", "x")]), x]]
    {
        let (code, message) = find(parameters).unwrap_err();
        assert!(code == -32602 && message.contains("search.find(string query, [struct options])"), "{code} {message}");
    }
}

#[test]
fn a_call_may_have_no_params_at_all() {
    for document in [
        "<methodCall><methodName>node.info</methodName></methodCall>",
        "<methodCall><methodName>node.info</methodName><params/></methodCall>",
        "<methodCall><methodName>node.info</methodName><params><param><value><struct/></value></param></params></methodCall>",
    ] {
        read::<crate::operation::node::Info>(document).unwrap();
    }
}

#[test]
fn what_is_no_call_has_the_codes_of_the_interop_note() {
    for (document, expected) in [
        ("", NOT_WELL_FORMED),
        ("<methodCall>", NOT_WELL_FORMED),
        ("<!DOCTYPE x><methodCall/>", NOT_WELL_FORMED),
        ("<methodCall><methodName>search.find</methodName></methodCall><x/>", NOT_WELL_FORMED),
        ("<methodResponse/>", NOT_XMLRPC),
        ("<methodCall/>", NOT_XMLRPC),
        (&call("search.find", &["<int>5</int>"]), NOT_XMLRPC),
        (&call("search.find", &["<value><foo>5</foo></value>"]), NOT_XMLRPC),
        (&call("search.find", &["<value><struct><x/></struct></value>"]), NOT_XMLRPC),
    ] {
        let refused = read::<search::Find>(document).map(|_| ()).unwrap_err();
        assert_eq!(refused.code, expected, "{document}: {}", refused.message);
    }
}

#[test]
fn what_follows_the_parameters_is_checked_before_the_call() {
    let document = call("search.find", &["<value>x</value>"]);
    for rest in ["<x/>", "junk", "<!DOCTYPE x>"] {
        assert!(read::<search::Find>(&format!("{document}{rest}")).is_err(), "{rest}");
    }
    assert!(read::<search::Find>(&format!("{document} <!-- done --> ")).is_ok());
    assert!(read::<search::Find>(document.trim_end().strip_suffix("</methodCall>").unwrap()).is_err());
}

/// The value that a method of `system` answers.
fn system(method: &str, parameters: &[&str]) -> Result<Json, i32> {
    let document = call(method, parameters);
    let limits = Limits::default();
    let mut call = Call::read(&document, &limits).unwrap();
    let context = Context {
        dialect: Dialect::default(),
        limits: &limits,
        validator: method.starts_with("validator1."),
        journey: None,
    };
    let method = method::find(method, &context).unwrap();
    let answer = (method.answer)(&mut call.parameters, &context, Frame::Document).map_err(|refused| refused.code)?;
    Ok(decode_response(&answer.into_bytes(), &limits).unwrap())
}

#[test]
fn introspection_tells_what_the_registry_holds() {
    let methods = system("system.listMethods", &[]).unwrap();
    assert_eq!(methods.as_array().unwrap().len(), CONTRACT.operations.len() + system::METHODS.len());
    for method in methods.as_array().unwrap() {
        let name = format!("<value>{}</value>", method.as_str().unwrap());
        assert!(system("system.methodHelp", &[&name]).unwrap().as_str().unwrap().len() > 20, "{name}");
        assert!(system("system.methodSignature", &[&name]).unwrap()[0][0].is_string(), "{name}");
    }
    let signature = system("system.methodSignature", &["<value>search.find</value>"]).unwrap();
    assert_eq!(signature, json!([["struct", "string"], ["struct", "string", "struct"], ["struct", "struct"]]));
    assert_eq!(system("system.methodSignature", &["<value>node.info</value>"]).unwrap(), json!([["struct"]]));
    let capabilities = system("system.getCapabilities", &[]).unwrap();
    for capability in ["xmlrpc", "introspection", "system.multicall", "faults_interop", "peergate"] {
        assert!(capabilities[capability]["specUrl"].is_string(), "{capability}");
        assert!(capabilities[capability]["specVersion"].is_number(), "{capability}");
    }
    assert_eq!(capabilities["peergate"]["limits"]["multicall_calls"], 1_000);
    assert_eq!(system("system.methodExist", &["<value>search.find</value>"]).unwrap(), true);
    assert_eq!(system("system.methodExist", &["<value>search.fnid</value>"]).unwrap(), false);
}

#[test]
fn introspection_refuses_what_it_does_not_know() {
    assert_eq!(system("system.methodHelp", &["<value>no.such</value>"]), Err(NO_SUCH_METHOD));
    assert_eq!(system("system.methodHelp", &[]), Err(BAD_PARAMETERS));
    assert_eq!(system("system.listMethods", &["<value>x</value>"]), Err(BAD_PARAMETERS));
}

#[test]
fn faults_of_the_other_side_keep_their_kind() {
    let fault = Fault::not_found("no such id");
    let reply = super::fault(&fault, Dialect::default());
    match decode_response::<Json>(reply.bytes(), &Limits::default()) {
        Err(crate::binding::AnswerError::Fault(read)) => assert_eq!(read, fault),
        other => panic!("{other:?}"),
    }
}

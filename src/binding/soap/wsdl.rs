//! The WSDL: one self-contained document a SOAP version, rendered from the contract.
//!
//! Types stand inline and nothing is imported, because several of the tried stacks fetch imports badly or not at all,
//! and each document holds one port, because seven of them cannot read a document with both.

use std::{fmt::Write, sync::LazyLock};

use super::{addressing::FAULT_ACTION, envelope::Version, names::CONTRACT as NAMESPACE, policy};
use crate::{
    binding::xml::Draft,
    model::FaultKind,
    operation::{
        CONTRACT,
        catalog::CATALOG,
        describe::{Contract, Description, Enumeration, Field, Record, Type},
        notify::CALLBACK,
    },
};

const TRANSPORT: &str = "http://schemas.xmlsoap.org/soap/http";
/// The namespace in which a WSDL says the actions of its messages.
const METADATA: &str = "http://www.w3.org/2007/05/addressing/metadata";

/// The WSDL with the port of this version at this address.
pub fn render(version: Version, address: &str) -> String {
    document(&NODE, version, address, false)
}

/// The WSDL of SOAP 1.1 with the policy of addressing, MTOM and security.
pub fn render_with_policy(address: &str) -> String {
    document(&NODE, Version::V11, address, true)
}

/// The WSDL of what a subscriber's callback answers, at this address.
pub fn render_callback(address: &str) -> String {
    document(&SUBSCRIBER, Version::V11, address, false)
}

/// The WSDL of what a legacy catalogue answers, at this address.
pub fn render_catalogue(address: &str) -> String {
    document(&CATALOGUE, Version::V11, address, false)
}

/// Who is described.
struct Subject {
    contract: &'static LazyLock<Contract>,
    /// What its port type, binding, service and port are named after.
    name: &'static str,
    doc: &'static str,
}

static NODE: Subject = Subject {
    contract: &CONTRACT,
    name: "Peergate",
    doc: "A peer-to-peer gateway node: search and verified transfer.",
};
static SUBSCRIBER: Subject = Subject {
    contract: &CALLBACK,
    name: "PeergateNotify",
    doc: "What a subscriber of a Peergate node answers: the node calls it with events.",
};
static CATALOGUE: Subject = Subject {
    contract: &CATALOG,
    name: "PeergateCatalog",
    doc: "What a legacy catalogue answers: the node calls it, and every peer finds and fetches its entries.",
};

fn document(subject: &Subject, version: Version, address: &str, with_policy: bool) -> String {
    let Subject { contract, name, doc } = subject;
    let mut wsdl = Document::default();
    let (prefix, soap) = match version {
        Version::V11 => ("soap", "http://schemas.xmlsoap.org/wsdl/soap/"),
        Version::V12 => ("soap12", "http://schemas.xmlsoap.org/wsdl/soap12/"),
    };
    wsdl.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    wsdl.open(&format!(
        "wsdl:definitions name=\"{name}\" targetNamespace=\"{NAMESPACE}\" xmlns:tns=\"{NAMESPACE}\" \
         xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" xmlns:{prefix}=\"{soap}\" \
         xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:wsam=\"{METADATA}\""
    ));
    wsdl.element("wsdl:documentation", doc);
    if with_policy {
        policy::POLICY.lines().for_each(|line| wsdl.line(line));
    }
    types(&mut wsdl, contract);
    messages(&mut wsdl, contract);
    port_type(&mut wsdl, contract, name);
    binding(&mut wsdl, contract, name, prefix, with_policy);
    service(&mut wsdl, name, prefix, address);
    wsdl.close("wsdl:definitions");
    wsdl.text
}

fn types(wsdl: &mut Document, contract: &Contract) {
    wsdl.open("wsdl:types");
    // The prefixes again, so that the schema can be taken out of the file and still be read.
    wsdl.open(&format!(
        "xs:schema targetNamespace=\"{NAMESPACE}\" elementFormDefault=\"qualified\" xmlns:tns=\"{NAMESPACE}\" \
         xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xmime=\"http://www.w3.org/2005/05/xmlmime\""
    ));
    for enumeration in &contract.enumerations {
        simple_type(wsdl, enumeration);
    }
    for record in &contract.records {
        wsdl.open(&format!("xs:complexType name=\"{}\"", record_name(&record.name)));
        wsdl.annotation(&record.doc);
        fields(wsdl, record);
        wsdl.close("xs:complexType");
    }
    for operation in &contract.operations {
        request(wsdl, operation);
        response(wsdl, operation);
    }
    fault(wsdl);
    wsdl.close("xs:schema");
    wsdl.close("wsdl:types");
}

fn simple_type(wsdl: &mut Document, enumeration: &Enumeration) {
    wsdl.open(&format!("xs:simpleType name=\"{}\"", enumeration.name));
    wsdl.annotation(&enumeration.doc);
    wsdl.open("xs:restriction base=\"xs:string\"");
    for (word, doc) in &enumeration.values {
        wsdl.open(&format!("xs:enumeration value=\"{word}\""));
        wsdl.annotation(doc);
        wsdl.close("xs:enumeration");
    }
    wsdl.close("xs:restriction");
    wsdl.close("xs:simpleType");
}

fn request(wsdl: &mut Document, operation: &Description) {
    wsdl.open(&format!("xs:element name=\"{}\"", operation.element));
    wsdl.annotation(&operation.input.doc);
    wsdl.open("xs:complexType");
    fields(wsdl, &operation.input);
    wsdl.close("xs:complexType");
    wsdl.close("xs:element");
}

fn response(wsdl: &mut Document, operation: &Description) {
    wsdl.open(&format!("xs:element name=\"{}Response\"", operation.element));
    wsdl.open("xs:complexType");
    wsdl.open("xs:sequence");
    wsdl.line(&format!("<xs:element name=\"result\" type=\"tns:{}\"/>", record_name(&operation.output)));
    wsdl.close("xs:sequence");
    wsdl.close("xs:complexType");
    wsdl.close("xs:element");
}

fn fields(wsdl: &mut Document, record: &Record) {
    wsdl.open("xs:sequence");
    for field in &record.fields {
        wsdl.open(&format!(
            "xs:element name=\"{}\" type=\"{}\"{}{}",
            field.name,
            type_name(&field.kind),
            occurs(field),
            if field.kind == Type::Bytes { " xmime:expectedContentTypes=\"application/octet-stream\"" } else { "" }
        ));
        wsdl.annotation(&field_doc(field));
        wsdl.close("xs:element");
    }
    wsdl.close("xs:sequence");
}

fn occurs(field: &Field) -> &'static str {
    match (field.list, field.required) {
        (true, _) => " minOccurs=\"0\" maxOccurs=\"unbounded\"",
        (false, false) => " minOccurs=\"0\"",
        (false, true) => "",
    }
}

/// Defaults and ranges are documentation only: generated clients would send the default of a field that was left out,
/// or refuse to build over a facet.
fn field_doc(field: &Field) -> String {
    let mut doc = field.doc.clone();
    if let Some(default) = &field.default {
        // Writing to a string cannot fail.
        let _ = write!(doc, " Default: {default}.");
    }
    if let (Some(least), Some(most)) = (field.minimum, field.maximum) {
        let _ = write!(doc, " From {least} to {most}.");
    }
    doc
}

fn type_name(kind: &Type) -> String {
    match kind {
        Type::String => "xs:string".to_owned(),
        Type::Boolean => "xs:boolean".to_owned(),
        Type::Int => "xs:int".to_owned(),
        Type::Long => "xs:long".to_owned(),
        Type::Double => "xs:double".to_owned(),
        Type::Time => "xs:dateTime".to_owned(),
        Type::Bytes => "xs:base64Binary".to_owned(),
        Type::Record(name) => format!("tns:{}", record_name(name)),
        Type::Enumeration(name) => format!("tns:{name}"),
    }
}

/// The schema's name of a record. One that an operation's element has already gets another: JAXB makes a class of each,
/// and its wsimport refuses the whole file when both are called the same.
fn record_name(name: &str) -> String {
    let taken = CONTRACT.operations.iter().any(|operation| operation.element == name);
    if taken { format!("{name}Result") } else { name.to_owned() }
}

fn fault(wsdl: &mut Document) {
    wsdl.open("xs:simpleType name=\"FaultKind\"");
    wsdl.open("xs:restriction base=\"xs:string\"");
    for kind in FaultKind::ALL {
        wsdl.open(&format!("xs:enumeration value=\"{}\"", kind.name()));
        wsdl.annotation(kind.when());
        wsdl.close("xs:enumeration");
    }
    wsdl.close("xs:restriction");
    wsdl.close("xs:simpleType");
    wsdl.open("xs:complexType name=\"FaultDetail\"");
    wsdl.annotation("The detail of every fault.");
    wsdl.open("xs:sequence");
    for (field, doc) in [
        ("name=\"kind\" type=\"tns:FaultKind\"", "What kind of fault it is."),
        ("name=\"message\" type=\"xs:string\"", "What is wrong, and what to do about it."),
        (
            "name=\"retryAfterSeconds\" type=\"xs:int\" minOccurs=\"0\"",
            "Seconds after which the same call may succeed.",
        ),
        (
            "name=\"reference\" type=\"xs:string\" minOccurs=\"0\"",
            "Under which reference the node's log holds the cause.",
        ),
    ] {
        wsdl.open(&format!("xs:element {field}"));
        wsdl.annotation(doc);
        wsdl.close("xs:element");
    }
    wsdl.close("xs:sequence");
    wsdl.close("xs:complexType");
    wsdl.line("<xs:element name=\"Fault\" type=\"tns:FaultDetail\"/>");
}

fn messages(wsdl: &mut Document, contract: &Contract) {
    let mut message = |name: &str, part: &str, element: &str| {
        wsdl.open(&format!("wsdl:message name=\"{name}\""));
        wsdl.line(&format!("<wsdl:part name=\"{part}\" element=\"tns:{element}\"/>"));
        wsdl.close("wsdl:message");
    };
    for operation in &contract.operations {
        let element = &operation.element;
        message(element, "parameters", element);
        message(&format!("{element}Response"), "parameters", &format!("{element}Response"));
    }
    message("Fault", "fault", "Fault");
}

fn port_type(wsdl: &mut Document, contract: &Contract, name: &str) {
    wsdl.open(&format!("wsdl:portType name=\"{name}PortType\""));
    for operation in &contract.operations {
        let element = &operation.element;
        wsdl.open(&format!("wsdl:operation name=\"{element}\""));
        wsdl.element("wsdl:documentation", &operation.input.doc);
        let (action, answer) = (operation.action(), operation.answer_action());
        wsdl.line(&format!("<wsdl:input message=\"tns:{element}\" wsam:Action=\"{action}\"/>"));
        wsdl.line(&format!("<wsdl:output message=\"tns:{element}Response\" wsam:Action=\"{answer}\"/>"));
        wsdl.line(&format!("<wsdl:fault name=\"Fault\" message=\"tns:Fault\" wsam:Action=\"{FAULT_ACTION}\"/>"));
        wsdl.close("wsdl:operation");
    }
    wsdl.close("wsdl:portType");
}

fn binding(wsdl: &mut Document, contract: &Contract, name: &str, soap: &str, with_policy: bool) {
    wsdl.open(&format!("wsdl:binding name=\"{name}Binding\" type=\"tns:{name}PortType\""));
    if with_policy {
        wsdl.line(policy::REFERENCE);
    }
    wsdl.line(&format!("<{soap}:binding style=\"document\" transport=\"{TRANSPORT}\"/>"));
    for operation in &contract.operations {
        wsdl.open(&format!("wsdl:operation name=\"{}\"", operation.element));
        wsdl.line(&format!("<{soap}:operation soapAction=\"{}\" style=\"document\"/>", operation.action()));
        for direction in ["input", "output"] {
            wsdl.line(&format!("<wsdl:{direction}><{soap}:body use=\"literal\"/></wsdl:{direction}>"));
        }
        wsdl.line(&format!("<wsdl:fault name=\"Fault\"><{soap}:fault name=\"Fault\" use=\"literal\"/></wsdl:fault>"));
        wsdl.close("wsdl:operation");
    }
    wsdl.close("wsdl:binding");
}

fn service(wsdl: &mut Document, name: &str, soap: &str, address: &str) {
    let mut escaped = Draft::default();
    escaped.push_attribute(address);
    wsdl.open(&format!("wsdl:service name=\"{name}\""));
    wsdl.open(&format!("wsdl:port name=\"{name}Port\" binding=\"tns:{name}Binding\""));
    wsdl.line(&format!("<{soap}:address location=\"{}\"/>", escaped.into_text()));
    wsdl.close("wsdl:port");
    wsdl.close("wsdl:service");
}

/// XML that people read too: one element a line, indented.
#[derive(Default)]
struct Document {
    text: String,
    depth: usize,
}

impl Document {
    fn line(&mut self, line: &str) {
        for part in [&*"  ".repeat(self.depth), line, "\n"] {
            self.text.push_str(part);
        }
    }

    /// Opens an element with its attributes.
    fn open(&mut self, tag: &str) {
        self.line(&format!("<{tag}>"));
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line(&format!("</{name}>"));
    }

    fn element(&mut self, name: &str, text: &str) {
        let mut escaped = Draft::default();
        escaped.push_escaped(text, false);
        self.line(&format!("<{name}>{}</{name}>", escaped.into_text()));
    }

    fn annotation(&mut self, doc: &str) {
        if !doc.is_empty() {
            self.open("xs:annotation");
            self.element("xs:documentation", doc);
            self.close("xs:annotation");
        }
    }
}

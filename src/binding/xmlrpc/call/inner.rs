//! One call of a multicall.

use serde::Deserialize;

use crate::{
    binding::{
        refusal::Refusal,
        xml::{Reader, Token, unexpected},
        xmlrpc::decode::{Opened, Raw},
    },
    model::Limits,
};

/// One call of a multicall, whose parameters are read once it is its turn.
#[derive(Debug, Deserialize)]
#[serde(rename = "a call", rename_all = "camelCase", deny_unknown_fields)]
pub struct InnerCall<'a> {
    /// The method's name.
    #[serde(rename = "methodName")]
    pub method: String,
    /// The `value` that its parameters occupy in the document.
    #[serde(borrow, rename = "params")]
    pub parameters: Option<Raw<'a>>,
}

impl<'a> InnerCall<'a> {
    /// Reads the struct of a call from the `value` that it occupies in the document.
    ///
    /// # Errors
    /// A refusal that names the member that is missing, unknown or ill-typed.
    pub fn read(value: &'a str, limits: &Limits) -> Result<Self, Refusal> {
        let mut reader = Reader::new(value, true, limits);
        match reader.next_tag()? {
            Token::Open(tag) => Self::deserialize(Opened::read(&mut reader, &tag)?.content(&mut reader, true)),
            token => Err(unexpected("<value>", &token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        binding::{refusal::Mistake, xmlrpc::call::Parameters},
        operation::{REGISTRY, node, search},
    };

    fn member(name: &str, value: &str) -> String {
        format!("<member><name>{name}</name> <value>{value}</value></member>")
    }

    fn inner(members: &[String]) -> Result<String, Refusal> {
        let value = format!("<value><struct>{}</struct></value>", members.concat());
        let limits = Limits::default();
        let call = InnerCall::read(&value, &limits)?;
        let mut parameters = Parameters::of_inner_call(&call, &limits)?;
        if call.method == "node.info" {
            return parameters.read::<node::Info>(REGISTRY.find("node.info").unwrap()).map(|_| String::new());
        }
        Ok(parameters.read::<search::Find>(REGISTRY.find("search.find").unwrap())?.query)
    }

    #[test]
    fn the_members_of_an_inner_call_come_in_any_order() {
        let name = member("methodName", "search.find");
        let params = member("params", "<array><data> <value>x &amp; y</value></data></array>");
        assert_eq!(inner(&[params.clone(), name.clone()]).unwrap(), "x & y");
        assert_eq!(inner(&[name, params]).unwrap(), "x & y");
        assert!(inner(&[member("methodName", "node.info")]).is_ok());
        assert!(inner(&[member("methodName", "node.info"), member("params", "<nil/>")]).is_ok());
    }

    #[test]
    fn an_inner_call_is_refused_by_the_name_of_what_is_wrong() {
        let name = || member("methodName", "search.find");
        for (members, mistake, named) in [
            (vec![], Mistake::Invalid, "methodName: the field is missing"),
            (vec![name(), member("parms", "x")], Mistake::Invalid, "\"parms\"; a call takes methodName, params"),
            (vec![member("methodName", "<int>1</int>")], Mistake::IllTyped, "methodName: want a string"),
            (vec![name(), member("params", "<string>x</string>")], Mistake::Misfit, "params: want an array"),
            (vec![name(), name()], Mistake::Invalid, "methodName: the field is given twice"),
        ] {
            let refusal = inner(&members).unwrap_err();
            assert!(refusal.mistake == mistake && refusal.to_string().contains(named), "{refusal:?}");
        }
        let limits = Limits::default();
        assert_eq!(InnerCall::read("<value>x</value>", &limits).unwrap_err().mistake, Mistake::IllTyped);
    }
}

//! XML-RPC as records, pulled from the document while it is read.
//!
//! Clients write the same value in many forms (contract, section 3), and all of them are read: any integer type, a
//! number as a string, a moment with or without dashes, base64 for a string and a string for base64, nil for absent.
//! A number where text is wanted is refused, since it shows that the caller's fields are in the wrong places.

mod any;
mod compound;
mod raw;
mod scalar;
mod value;

use std::borrow::Cow;

use self::scalar::Kind;
pub use self::{
    any::Any,
    compound::{Known, Members, read_name},
    raw::Raw,
    value::Value,
};
use crate::binding::{
    refusal::Refusal,
    xml::{Reader, Tag, Token, is_space, unexpected},
};

/// A value whose beginning was read. A scalar is complete; the content of a struct or an array comes next.
enum Node<'a> {
    Scalar(Kind, Cow<'a, str>),
    Struct,
    Array,
    EmptyArray,
    Nil,
}

/// A value whose beginning was read, and where it begins.
pub struct Opened<'a> {
    node: Node<'a>,
    start: usize,
}

impl<'a> Opened<'a> {
    /// The value whose `value` tag was just read.
    ///
    /// # Errors
    /// Malformed, and Foreign for types that XML-RPC does not have.
    pub fn read(reader: &mut Reader<'a>, tag: &Tag<'a>) -> Result<Self, Refusal> {
        if tag.name() != "value" {
            return Err(Refusal::foreign(format_args!("want <value>, got <{}>", tag.name())));
        }
        let node = match reader.next()? {
            Token::Close => Node::Scalar(Kind::String, Cow::Borrowed("")),
            Token::Open(tag) => typed(reader, &tag)?,
            Token::Text(text) => match reader.next()? {
                Token::Close => Node::Scalar(Kind::String, text),
                Token::Open(tag) if is_space(&text) => typed(reader, &tag)?,
                token => return Err(unexpected("</value>", &token)),
            },
            Token::End => return Err(unexpected("</value>", &Token::End)),
        };
        Ok(Self { node, start: tag.start })
    }

    /// Whether it is nil, which means absent.
    pub fn is_nil(&self) -> bool {
        matches!(self.node, Node::Nil)
    }

    /// Whether it is a struct.
    pub fn is_struct(&self) -> bool {
        matches!(self.node, Node::Struct)
    }

    /// Its content, to be read next. Without `strict`, members that a record does not know are skipped.
    pub fn content<'r>(self, reader: &'r mut Reader<'a>, strict: bool) -> Value<'r, 'a> {
        Value::new(self, reader, strict)
    }
}

/// The content of a value from its type's tag on.
fn typed<'a>(reader: &mut Reader<'a>, tag: &Tag<'a>) -> Result<Node<'a>, Refusal> {
    // Apache's `ex:` types are known by their local names, whatever prefix their namespace was given.
    let node = match tag.local() {
        "struct" => return Ok(Node::Struct),
        "array" => match reader.next_tag()? {
            Token::Open(data) if data.name() == "data" => return Ok(Node::Array),
            Token::Close => Node::EmptyArray,
            token => return Err(unexpected("<data>", &token)),
        },
        "nil" => {
            reader.close()?;
            Node::Nil
        }
        name => match Kind::of(name) {
            Some(kind) => Node::Scalar(kind, reader.text()?),
            None => return Err(Refusal::foreign(format_args!("<{}> is no type of XML-RPC", tag.name()))),
        },
    };
    reader.close()?;
    Ok(node)
}

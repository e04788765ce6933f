//! Arrays and structs, whose parts serde hands over one by one.

use serde::{
    Serialize,
    ser::{self, Error},
};

use super::value::Writer;
use crate::binding::{refusal::Refusal, xml::Draft, xmlrpc::dialect::Dialect};

/// The items of an array.
pub(super) struct Items<'a> {
    out: &'a mut Draft,
    dialect: Dialect,
}

impl<'a> Items<'a> {
    pub fn new(out: &'a mut Draft, dialect: Dialect) -> Self {
        Self { out, dialect }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        value.serialize(&mut Writer::new(self.out, self.dialect))
    }

    fn close(self) -> Result<(), Refusal> {
        self.out.push_str("</data></array></value>");
        Ok(())
    }
}

macro_rules! items {
    ($($trait:ident :: $method:ident),*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Refusal;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
                self.item(value)
            }

            fn end(self) -> Result<(), Refusal> {
                self.close()
            }
        }
    )*};
}

items!(SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field);

/// The members of a struct.
pub(super) struct Members<'a> {
    out: &'a mut Draft,
    dialect: Dialect,
    /// The key of a map's entry whose value comes next.
    name: Option<String>,
}

impl<'a> Members<'a> {
    pub fn new(out: &'a mut Draft, dialect: Dialect) -> Self {
        Self { out, dialect, name: None }
    }

    // Inlined, so that the name of a record's field is a constant where it is copied.
    #[inline(always)]
    pub fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Refusal> {
        let before = self.out.len();
        self.out.push_tag("<member><name>", name, "</name>");
        let mut writer = Writer::new(self.out, self.dialect);
        value.serialize(&mut writer).map_err(|e| e.within(name))?;
        if writer.is_absent() {
            self.out.truncate(before);
        } else {
            self.out.push_str("</member>");
        }
        Ok(())
    }
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Refusal;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refusal> {
        self.member(name, value)
    }

    fn end(self) -> Result<(), Refusal> {
        self.out.push_str("</struct></value>");
        Ok(())
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Refusal;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Refusal> {
        let name = serde_json::to_value(name).map_err(Refusal::custom)?;
        let name = name.as_str().ok_or_else(|| Refusal::custom("a member's name is a string"))?;
        let mut escaped = Draft::default();
        escaped.push_escaped(name, self.dialect.bmp);
        self.name = Some(escaped.into_text());
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        let name = self.name.take().ok_or_else(|| Refusal::custom("a value without a name"))?;
        self.member(&name, value)
    }

    fn end(self) -> Result<(), Refusal> {
        ser::SerializeStruct::end(self)
    }
}

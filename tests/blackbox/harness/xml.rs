//! A small XML tree for answers. It is strict where the contract is: no DTD, nothing after the root.

use quick_xml::{NsReader, events::Event, name::ResolveResult};

/// One element; names are local, the namespace stands beside.
#[derive(Clone, Debug, Default)]
pub struct Element {
    pub name: String,
    pub namespace: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    /// Parses a whole document.
    pub fn parse(document: &str) -> Result<Self, String> {
        let mut reader = NsReader::from_str(document);
        reader.config_mut().expand_empty_elements = true;
        let (mut open, mut root) = (Vec::<Self>::new(), None);
        loop {
            let (namespace, event) = reader.read_resolved_event().map_err(|e| e.to_string())?;
            match event {
                Event::Start(start) if root.is_none() => {
                    let namespace = match namespace {
                        ResolveResult::Bound(bound) => bound.into_inner().to_owned(),
                        ResolveResult::Unbound => String::new(),
                        ResolveResult::Unknown(prefix) => return Err(format!("prefix {prefix:?} is not bound")),
                    };
                    let attributes = start.attributes().map(|attribute| {
                        let attribute = attribute.map_err(|e| e.to_string())?;
                        let value = quick_xml::escape::unescape(&attribute.value).map_err(|e| e.to_string())?;
                        Ok((attribute.key.local_name().into_inner().to_owned(), value.into_owned()))
                    });
                    let attributes = attributes.collect::<Result<_, String>>()?;
                    let name = start.local_name().into_inner().to_owned();
                    open.push(Self { name, namespace, attributes, ..Self::default() });
                }
                Event::End(_) => {
                    let closed = open.pop().ok_or("an end without a start")?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(closed),
                        None => root = Some(closed),
                    }
                }
                Event::Text(text) => match open.last_mut() {
                    Some(element) => element.text.push_str(&text.xml10_content()),
                    None if text.trim().is_empty() => {}
                    None => return Err("text outside of the root".to_owned()),
                },
                Event::GeneralRef(reference) => {
                    let element = open.last_mut().ok_or("a reference outside of the root")?;
                    match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                        Some(character) => element.text.push(character),
                        None => element.text.push_str(
                            quick_xml::escape::resolve_predefined_entity(&reference).ok_or("an unknown entity")?,
                        ),
                    }
                }
                Event::Decl(_) | Event::Comment(_) => {}
                Event::Eof => break,
                other => return Err(format!("an answer never holds {other:?}")),
            }
        }
        root.filter(|_| open.is_empty()).ok_or_else(|| "the document is not complete".to_owned())
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element reached by these names, one level each.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every element of that name below this one.
    pub fn descendants<'a>(&'a self, name: &'a str) -> Vec<&'a Self> {
        let below = self.children.iter().flat_map(|child| child.descendants(name));
        self.children(name).chain(below).collect()
    }
}

/// Text as XML writes it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

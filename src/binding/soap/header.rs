//! The header of a message: each block is read by the extension that it belongs to.
//!
//! A block that must be understood and is not refuses the whole message before anything is done (SOAP 1.1 section
//! 4.2.3, SOAP 1.2 part 1 section 2.6).

use super::{
    addressing::{Addressing, Edition},
    envelope::Version,
    names::{Element, Scope, Space, Step},
    security::{Security, WSSE},
};
use crate::binding::refusal::{Mistake, Refusal};

/// Most blocks of a header.
const MAX_BLOCKS: usize = 64;

/// What the header of a message says.
#[derive(Debug, Default)]
pub struct Header {
    /// Namespace and local name of the blocks that must be understood and are not.
    pub not_understood: Vec<(String, String)>,
    /// What the message calls itself and where its answer goes.
    pub addressing: Addressing,
    /// Who sends the message.
    pub security: Option<Box<Security>>,
}

impl Header {
    /// Reads the header that has begun, with its end.
    ///
    /// An extension is one arm in here: it reads the blocks of its namespace into a field of its own.
    ///
    /// # Errors
    /// Malformed, and Invalid for more blocks than are looked at.
    pub fn read(scope: &mut Scope<'_>, version: Version) -> Result<Self, Refusal> {
        let mut header = Self::default();
        let mut blocks = 0;
        while let Step::Open(block) = scope.next()? {
            blocks += 1;
            if blocks > MAX_BLOCKS {
                return Err(Refusal::new(
                    Mistake::Invalid,
                    format_args!("the Header has more than {MAX_BLOCKS} blocks"),
                ));
            }
            let aim = Aim::of(scope, &block, version)?;
            let space = scope.uri(block.tag.prefix()).unwrap_or_default();
            let name = (aim.is_ours && aim.must_understand).then(|| (space.to_owned(), block.local().to_owned()));
            let extension = if aim.is_ours { Extension::of(space) } else { None };
            let is_understood = match extension {
                Some(Extension::Addressing(edition)) => header.addressing.read(scope, &block, edition)?,
                Some(Extension::Security) => {
                    header.security.get_or_insert_default().read(scope, &block, aim.must_understand)?
                }
                None => scope.skip().map(|()| false)?,
            };
            header.not_understood.extend(name.filter(|_| !is_understood));
        }
        Ok(header)
    }
}

/// What a block belongs to.
enum Extension {
    Addressing(Edition),
    Security,
}

impl Extension {
    /// The extension that the blocks of a namespace belong to.
    fn of(namespace: &str) -> Option<Self> {
        match namespace {
            WSSE => Some(Self::Security),
            _ => Edition::of(namespace).map(Self::Addressing),
        }
    }
}

/// Whom a block is meant for, and whether it may be ignored.
struct Aim {
    is_ours: bool,
    must_understand: bool,
}

impl Aim {
    /// This node is the ultimate receiver, so a block is its own where it names nobody else. Some stacks write
    /// `mustUnderstand` unqualified.
    fn of(scope: &Scope<'_>, block: &Element<'_>, version: Version) -> Result<Self, Refusal> {
        let mut aim = Self { is_ours: true, must_understand: false };
        scope.attributes(block, |space, local, value| {
            if space != version.space() && space != Space::Unqualified {
                return;
            }
            match (local, version) {
                ("mustUnderstand", _) => aim.must_understand = matches!(value.trim(), "1" | "true"),
                ("actor", Version::V11) => {
                    aim.is_ours = matches!(value.trim(), "" | "http://schemas.xmlsoap.org/soap/actor/next");
                }
                ("role", Version::V12) => {
                    aim.is_ours = matches!(
                        value.trim(),
                        "" | "http://www.w3.org/2003/05/soap-envelope/role/next"
                            | "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"
                    );
                }
                _ => {}
            }
        })?;
        Ok(aim)
    }
}

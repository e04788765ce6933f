//! The list of operations: one line each. Everything that names an operation elsewhere is derived from here.

use std::sync::{Arc, LazyLock};

use super::{
    Operation, bridge, content,
    describe::{Contract, Describer, Description},
    dispatch::{self, Format},
    event, node, overlay, peer, search, transfer, upload,
};
use crate::{
    access::Caller,
    model::{Fault, Outcome},
    service::Services,
};

macro_rules! registry {
    ($($operation:ty,)*) => {
        /// The contract as the records and their documentation say it.
        pub static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
            let mut describer = Describer::default();
            let operations = vec![$(describer.operation::<$operation>(),)*];
            describer.finish(operations)
        });

        /// Calls dispatch with the types of the operation.
        pub(super) async fn run<F: Format>(
            operation: &'static Description,
            services: &Arc<Services>,
            caller: &Caller,
            format: F,
        ) -> Outcome<F::Answer> {
            match operation.name {
                // Boxed, so that the largest operation does not set the size of every call.
                $(<$operation>::NAME => Box::pin(dispatch::run::<$operation, F>(operation, services, caller, format)).await,)*
                name => Err(Fault::internal(format_args!("{name} is described and has no code"))),
            }
        }

        /// Calls the visitor once with the types of each operation, in order.
        #[cfg(any(test, fuzzing))]
        pub fn visit(visitor: &mut impl Visitor) {
            $(visitor.visit::<$operation>();)*
        }
    };
}

registry! {
    search::Find,
    search::Start,
    search::Results,
    search::Cancel,
    content::Publish,
    content::List,
    content::Describe,
    content::Update,
    content::Unpublish,
    content::Read,
    content::Download,
    upload::Begin,
    upload::Append,
    upload::Commit,
    upload::Abort,
    transfer::Start,
    transfer::Status,
    transfer::List,
    transfer::Wait,
    transfer::Pause,
    transfer::Resume,
    transfer::Cancel,
    transfer::Remove,
    overlay::List,
    bridge::List,
    bridge::Create,
    bridge::Pause,
    bridge::Resume,
    bridge::Remove,
    bridge::Explain,
    peer::List,
    peer::Connect,
    peer::Disconnect,
    peer::Update,
    event::Subscribe,
    event::Pull,
    event::Renew,
    event::Unsubscribe,
    node::Info,
    node::Stats,
}

/// Something to be done with the types of every operation; checks and tests that walk the registry are visitors.
#[cfg(any(test, fuzzing))]
pub trait Visitor {
    /// Called once an operation.
    fn visit<O: Operation>(&mut self);
}

/// Finds operations by name.
pub struct Registry;

/// The operations by name.
pub static REGISTRY: Registry = Registry;

impl Registry {
    /// The operation of that name, `service.operation`.
    pub fn find(&self, name: &str) -> Option<&'static Description> {
        CONTRACT.by_name.get(name).map(|&index| &CONTRACT.operations[index])
    }

    /// The operation whose SOAP body element has that local name, `ServiceOperation`.
    pub fn find_element(&self, element: &str) -> Option<&'static Description> {
        CONTRACT.by_element.get(element).map(|&index| &CONTRACT.operations[index])
    }
}

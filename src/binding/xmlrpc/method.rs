//! The methods beside the operations, one table entry each: name, signatures, help and code.

use super::{Context, Frame, Refused, call::Parameters, system, validator};
use crate::binding::xml::Draft;

/// A method that needs nothing but its parameters and the contract.
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Every form in which it may be called: the type of the answer, then those of the parameters.
    pub signatures: &'static [&'static [&'static str]],
    /// What it does.
    pub help: &'static str,
    /// Its code.
    pub answer: fn(&mut Parameters<'_>, &Context<'_>, Frame) -> Result<Draft, Refused>,
}

/// The methods beside the operations that this node answers.
pub fn methods(context: &Context<'_>) -> impl Iterator<Item = &'static Method> {
    let validator = if context.validator { validator::METHODS } else { &[] };
    system::METHODS.iter().chain(validator)
}

/// The method of that name.
pub fn find(name: &str, context: &Context<'_>) -> Option<&'static Method> {
    methods(context).find(|method| method.name == name)
}

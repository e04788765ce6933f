//! Methods by which libraries test each other: `validator1.*` of the XML-RPC validation suite, and the echoes of
//! `interopEchoTests.*`. They touch nothing of the node and are answered only where the configuration says so.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Context, Frame, Refused, call::Parameters, decode::Any, method::Method};
use crate::{
    binding::{
        refusal::{Mistake, Refusal},
        xml::Draft,
    },
    model::{Data, Time},
};

/// How many strings `validator1.moderateSizeArrayCheck` is sent.
const MODERATE: std::ops::RangeInclusive<usize> = 100..=200;

/// The methods of both suites.
pub const METHODS: &[Method] = &[
    Method {
        name: "validator1.arrayOfStructsTest",
        signatures: &[&["int", "array"]],
        help: "The sum of all members named curly.",
        answer: |parameters, context, frame| {
            let stooges: Vec<Stooges> = parameters.read_one()?;
            let curly = stooges.iter().fold(0_i64, |sum, each| sum.saturating_add(each.curly));
            Ok(frame.write(&curly, context)?)
        },
    },
    Method {
        name: "validator1.countTheEntities",
        signatures: &[&["struct", "string"]],
        help: "How often <, >, &, ' and \" stand in the string.",
        answer: |parameters, context, frame| {
            let text = parameters.read_text()?;
            Ok(frame.write(&Entities::of(&text), context)?)
        },
    },
    Method {
        name: "validator1.easyStructTest",
        signatures: &[&["int", "struct"]],
        help: "The sum of the members moe, larry and curly.",
        answer: |parameters, context, frame| {
            let stooges: Stooges = parameters.read_one()?;
            Ok(frame.write(&stooges.sum(), context)?)
        },
    },
    Method {
        name: "validator1.echoStructTest",
        signatures: &[&["struct", "struct"]],
        help: "The struct that was sent.",
        answer: |parameters, context, frame| match parameters.read_one()? {
            sent @ Any::Struct(_) => Ok(frame.write(&sent, context)?),
            _ => Err(Refusal::new(Mistake::Misfit, "want a struct").into()),
        },
    },
    Method {
        name: "validator1.manyTypesTest",
        signatures: &[&["array", "int", "boolean", "string", "double", "dateTime.iso8601", "base64"]],
        help: "The six values that were sent, as an array.",
        answer: many_types,
    },
    Method {
        name: "validator1.moderateSizeArrayCheck",
        signatures: &[&["string", "array"]],
        help: "The first and the last of 100 to 200 strings, joined.",
        answer: |parameters, context, frame| {
            let strings: Vec<String> = parameters.read_one()?;
            match strings.as_slice() {
                [first, .., last] if MODERATE.contains(&strings.len()) => {
                    Ok(frame.write(&format!("{first}{last}"), context)?)
                }
                _ => Err(Refusal::new(Mistake::Misfit, "want 100 to 200 strings").into()),
            }
        },
    },
    Method {
        name: "validator1.nestedStructTest",
        signatures: &[&["int", "struct"]],
        help: "The sum of moe, larry and curly on the first of April 2000, from a struct of years of months of days.",
        answer: |parameters, context, frame| {
            let calendar: HashMap<String, HashMap<String, HashMap<String, Stooges>>> = parameters.read_one()?;
            let day = calendar.get("2000").and_then(|year| year.get("04")).and_then(|month| month.get("01"));
            let missing = || Refusal::new(Mistake::Misfit, "want a day 01 in a month 04 in a year 2000");
            Ok(frame.write(&day.ok_or_else(missing)?.sum(), context)?)
        },
    },
    Method {
        name: "validator1.simpleStructReturnTest",
        signatures: &[&["struct", "int"]],
        help: "The number times 10, 100 and 1000.",
        answer: |parameters, context, frame| {
            let number: i64 = parameters.read_one()?;
            let times = |factor| number.saturating_mul(factor);
            let products = Products { times10: times(10), times100: times(100), times1000: times(1000) };
            Ok(frame.write(&products, context)?)
        },
    },
    echo("interopEchoTests.echoString", &[&["string", "string"]]),
    echo("interopEchoTests.echoStringArray", &[&["array", "array"]]),
    echo("interopEchoTests.echoInteger", &[&["int", "int"]]),
    echo("interopEchoTests.echoIntegerArray", &[&["array", "array"]]),
    echo("interopEchoTests.echoFloat", &[&["double", "double"]]),
    echo("interopEchoTests.echoFloatArray", &[&["array", "array"]]),
    echo("interopEchoTests.echoStruct", &[&["struct", "struct"]]),
    echo("interopEchoTests.echoStructArray", &[&["array", "array"]]),
    echo("interopEchoTests.echoBoolean", &[&["boolean", "boolean"]]),
    echo("interopEchoTests.echoBase64", &[&["base64", "base64"]]),
    echo("interopEchoTests.echoDate", &[&["dateTime.iso8601", "dateTime.iso8601"]]),
];

/// A method that gives back its only parameter, whose type is the caller's affair.
const fn echo(name: &'static str, signatures: &'static [&'static [&'static str]]) -> Method {
    Method {
        name,
        signatures,
        help: "The value that was sent, with its type.",
        answer: |parameters, context, frame| {
            let sent: Any = parameters.read_one()?;
            Ok(frame.write(&sent, context)?)
        },
    }
}

fn many_types(parameters: &mut Parameters<'_>, context: &Context<'_>, frame: Frame) -> Result<Draft, Refused> {
    let number: i64 = parameters.read_position()?;
    let flag: bool = parameters.read_position()?;
    let text: String = parameters.read_position()?;
    let double: f64 = parameters.read_position()?;
    let moment: Time = parameters.read_position()?;
    let bytes: Data = parameters.read_position()?;
    parameters.read_none()?;
    Ok(frame.write(&(number, flag, text, double, moment, bytes), context)?)
}

/// Three numbers.
#[derive(Deserialize)]
struct Stooges {
    #[serde(default)]
    moe: i64,
    #[serde(default)]
    larry: i64,
    curly: i64,
}

impl Stooges {
    fn sum(&self) -> i64 {
        self.moe.saturating_add(self.larry).saturating_add(self.curly)
    }
}

/// How often each character stands in a text that an XML parser has a reference for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entities {
    ct_left_angle_brackets: u64,
    ct_right_angle_brackets: u64,
    ct_ampersands: u64,
    ct_apostrophes: u64,
    ct_quotes: u64,
}

impl Entities {
    fn of(text: &str) -> Self {
        let count = |character| text.matches(character).count() as u64;
        Self {
            ct_left_angle_brackets: count('<'),
            ct_right_angle_brackets: count('>'),
            ct_ampersands: count('&'),
            ct_apostrophes: count('\''),
            ct_quotes: count('"'),
        }
    }
}

/// A number times each power of ten.
#[derive(Serialize)]
struct Products {
    times10: i64,
    times100: i64,
    times1000: i64,
}

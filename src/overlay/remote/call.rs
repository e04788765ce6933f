//! One call: a record out, a record back, in whichever binding the address speaks.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{
    Address, Answer, Failure, Patience, Speech,
    client::{Client, whole},
};
use crate::{
    binding::{AnswerError, soap, xmlrpc},
    model::{Limits, Payload},
};

/// Most bytes of data in an answer that is read into memory; as many as the largest part of a content that can be asked for.
const MAX_DATA: u64 = 16 << 20;
/// The header that carries a journey.
const JOURNEY: HeaderName = HeaderName::from_static("peergate-journey");

/// An operation of the remote system.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// `service.operation`.
    pub name: &'static str,
    /// The fields of its input that XML-RPC takes by position, in the order of the record; all others go into one struct
    /// behind them.
    pub required: &'static [&'static str],
}

/// Under which terms a call is made.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The time for the whole answer; for a streamed one, until its stream begins.
    pub within: Duration,
    /// The value of the header Peergate-Journey.
    pub journey: Option<&'a str>,
}

impl Terms<'_> {
    /// An answer within this time, without a journey.
    pub fn within(within: Duration) -> Self {
        Self { within, journey: None }
    }
}

/// A system that is called over HTTP.
pub struct Remote {
    client: Client,
    limits: Limits,
}

impl Remote {
    /// The system at that address, called for the overlay of that name. Nothing is sent yet.
    ///
    /// # Errors
    /// What the TLS library says.
    pub fn new(overlay: &str, address: Address, patience: Patience) -> Result<Self, reqwest::Error> {
        let limits = Limits { inline_bytes: MAX_DATA, ..Limits::default() };
        Ok(Self { client: Client::new(overlay, address, patience)?, limits })
    }

    /// Its address.
    pub fn address(&self) -> &Address {
        self.client.address()
    }

    /// How messages about it begin: `overlay partner: http://…`.
    pub fn place(&self) -> &str {
        self.client.place()
    }

    /// Calls an operation, and reads its whole answer. Fields that `O` does not have are skipped; those that an answer may
    /// lack have to have defaults.
    ///
    /// # Errors
    /// The fault that was answered, or that there was no answer.
    pub async fn call<I: Serialize, O: DeserializeOwned>(
        &self,
        method: &Method,
        input: &I,
        terms: &Terms<'_>,
    ) -> Result<O, Failure> {
        let deadline = Instant::now() + terms.within;
        let answer = self.post(method, input, terms, deadline).await?;
        if self.is_compound(&answer) {
            let (status, content_type) = (answer.status, answer.content_type().to_owned());
            let read = soap::decode_related_response(&content_type, answer.body, &self.limits);
            let read = tokio::time::timeout_at(deadline, read).await;
            return self.judge(method, status, read.map_err(|_| self.late())?);
        }
        self.document(method, answer, deadline).await
    }

    /// As [`Remote::call`], but that the bytes which `payload` points out may come as a stream: where the answer is MTOM and
    /// they lie behind the envelope. The stream ends well only when the whole answer does.
    ///
    /// # Errors
    /// As for [`Remote::call`].
    pub async fn call_streamed<I: Serialize, O: DeserializeOwned>(
        &self,
        method: &Method,
        input: &I,
        terms: &Terms<'_>,
        payload: impl FnOnce(&mut O) -> &mut Payload,
    ) -> Result<O, Failure> {
        let deadline = Instant::now() + terms.within;
        let answer = self.post(method, input, terms, deadline).await?;
        if !self.is_compound(&answer) {
            return self.document(method, answer, deadline).await;
        }
        let (status, content_type) = (answer.status, answer.content_type().to_owned());
        let read = soap::decode_streamed_response(&content_type, answer.body, &self.limits, payload);
        let read = tokio::time::timeout_at(deadline, read).await;
        self.judge(method, status, read.map_err(|_| self.late())?)
    }

    /// Gets what lies under another path beside that of the calls, with this query. Any status is an answer, but a redirect.
    ///
    /// # Errors
    /// That there was no answer.
    pub async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        accept: &'static str,
        terms: &Terms<'_>,
    ) -> Result<Answer, Failure> {
        let mut headers = self.headers(terms)?;
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let mut url = self.address().beside(path);
        url.query_pairs_mut().extend_pairs(query);
        self.client.send(reqwest::Method::GET, url, headers, Bytes::new(), Instant::now() + terms.within).await
    }

    async fn post<I: Serialize>(
        &self,
        method: &Method,
        input: &I,
        terms: &Terms<'_>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let mut headers = self.headers(terms)?;
        let refused =
            |fault| Failure::unusable(self.place(), format_args!("{} cannot be written: {fault}", method.name));
        let document = match self.address().speech() {
            Speech::Soap => {
                let call = soap::encode_call(method.name, input).map_err(refused)?;
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(call.content_type));
                headers.insert("soapaction", self.header(&call.action)?);
                let accept = "application/xop+xml, multipart/related, text/xml";
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
                call.document
            }
            Speech::Xmlrpc => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
                headers.insert(ACCEPT, HeaderValue::from_static("text/xml"));
                xmlrpc::encode_positional(method.name, input, method.required).map_err(refused)?
            }
        };
        let url = self.address().url().clone();
        self.client.send(reqwest::Method::POST, url, headers, document.into(), deadline).await
    }

    fn headers(&self, terms: &Terms<'_>) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(journey) = terms.journey {
            headers.insert(JOURNEY, self.header(journey)?);
        }
        Ok(headers)
    }

    fn header(&self, text: &str) -> Result<HeaderValue, Failure> {
        HeaderValue::from_str(text).map_err(|error| Failure::unusable(self.place(), error))
    }

    fn is_compound(&self, answer: &Answer) -> bool {
        self.address().speech() == Speech::Soap && soap::is_compound(answer.content_type())
    }

    async fn document<O: DeserializeOwned>(
        &self,
        method: &Method,
        answer: Answer,
        deadline: Instant,
    ) -> Result<O, Failure> {
        let status = answer.status;
        let body = whole(self.place(), answer.body, self.limits.body_bytes(), deadline).await?;
        let read = match self.address().speech() {
            Speech::Soap => soap::decode_response(&body, &self.limits),
            Speech::Xmlrpc => xmlrpc::decode_response(&body, &self.limits),
        };
        self.judge(method, status, read)
    }

    /// What an answer means whose document was read, or could not be.
    fn judge<O>(&self, method: &Method, status: StatusCode, read: Result<O, AnswerError>) -> Result<O, Failure> {
        match read {
            Ok(output) if status.is_success() => Ok(output),
            Err(AnswerError::Fault(fault)) => Err(Failure::answered(self.place(), method.name, fault)),
            Err(AnswerError::Unreadable(reason)) if status.is_success() => {
                let speech = self.address().speech().name();
                Err(Failure::unusable(
                    self.place(),
                    format_args!(
                        "what it answers {} with is not the {speech} of it: {reason}; check url and binding",
                        method.name
                    ),
                ))
            }
            _ => Err(Failure::unusable(self.place(), format_args!("it answers HTTP {status}{}", advice(status)))),
        }
    }

    fn late(&self) -> Failure {
        Failure::late(self.place(), "its answer does not end in time")
    }
}

/// What to do about a status.
fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "; set token_file of the overlay to a token that it takes",
        404 | 405 => "; check the path of url",
        _ => "",
    }
}

//! The way of an answer: back over the connection, to nobody, or to an address that the caller named.

use std::sync::Arc;

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::Url;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Addressing, Edition, Endpoint, Problem};
use crate::{
    binding::{Body, Reply},
    outbound::Outbound,
};

/// The HTTP status that asks for a credential.
const CHALLENGE: u16 = 401;
/// Answers that are on their way to other addresses, or kept for one, at one time.
const MAX_DELIVERIES: usize = 64;

/// Sends answers to other addresses than the caller's connection.
#[derive(Clone, Debug)]
pub struct Deliveries {
    /// None where the configuration names no address.
    outbound: Option<Outbound>,
    places: Arc<Semaphore>,
}

impl Deliveries {
    /// Over this client, or none at all.
    pub fn new(outbound: Option<Outbound>) -> Self {
        Self { outbound, places: Arc::new(Semaphore::new(MAX_DELIVERIES)) }
    }

    /// Checks an address, and takes a place for one answer.
    async fn to(&self, header: &'static str, address: &str) -> Result<Delivery, Problem> {
        let refused = |why: String| Problem::of_address(header, why);
        let only_here =
            || refused("answers are sent over the connection only, since http.reply_networks is empty".into());
        let outbound = self.outbound.clone().ok_or_else(only_here)?;
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| refused(format!("{MAX_DELIVERIES} answers are on their way elsewhere")))?;
        let url = outbound.check(header, address).await.map_err(|fault| refused(fault.message))?;
        Ok(Delivery { outbound, url, _place: place })
    }
}

/// An address that was checked, for one answer.
#[derive(Debug)]
pub struct Delivery {
    outbound: Outbound,
    url: Url,
    _place: OwnedSemaphorePermit,
}

impl Delivery {
    async fn send(self, reply: Reply) {
        let mut headers = HeaderMap::new();
        if let Ok(content_type) = HeaderValue::from_str(&reply.content_type) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        // WS-I Basic Profile 1.1, R2745; what the message is stands in its Action.
        headers.insert("SOAPAction", HeaderValue::from_static("\"\""));
        let body = match reply.body {
            Body::Whole(bytes) => reqwest::Body::from(bytes),
            Body::Stream { size, stream } => {
                headers.insert(CONTENT_LENGTH, size.into());
                reqwest::Body::wrap_stream(stream)
            }
        };
        match self.outbound.post(self.url.clone(), headers, body).await {
            Ok(answer) => tracing::debug!(to = %self.url, status = answer.status, "an answer was delivered"),
            Err(fault) => tracing::warn!(to = %self.url, "an answer could not be delivered: {fault}"),
        }
    }
}

/// Where one answer goes.
#[derive(Debug)]
pub enum Way {
    /// Into the HTTP answer.
    Here,
    /// To nobody: the caller learns that the message was accepted.
    Nowhere,
    /// To an address that was checked.
    There(Box<Delivery>),
}

/// Where the answer or the fault of a message goes.
#[derive(Debug)]
pub struct Ways {
    /// Where the answer goes.
    pub reply: Way,
    /// Where a fault goes.
    pub fault: Way,
}

impl Way {
    /// Sends the answer on this way, and says what the HTTP answer is. What goes elsewhere is sent once: whoever misses
    /// it repeats the message, which is not done twice under the same MessageID.
    pub fn carry(self, reply: Reply) -> Reply {
        match self {
            // A challenge is a matter of HTTP, and its answer is the message again.
            _ if reply.status == CHALLENGE => reply,
            Self::Here => reply,
            Self::Nowhere => Reply::accepted(),
            Self::There(delivery) => {
                tokio::spawn(delivery.send(reply));
                Reply::accepted()
            }
        }
    }
}

impl Ways {
    /// Checks the headers and the addresses in them before anything is done.
    ///
    /// # Errors
    /// What is wrong with the headers, or that an answer cannot go where they say.
    pub async fn of(addressing: &Addressing, deliveries: &Deliveries) -> Result<Self, Problem> {
        let Some(edition) = addressing.edition else { return Ok(Self { reply: Way::Here, fault: Way::Here }) };
        addressing.check_headers()?;
        let reply = way(addressing.reply_to.as_ref(), edition, "ReplyTo", deliveries).await?;
        let fault = match &addressing.fault_to {
            Some(fault_to) => way(Some(fault_to), edition, "FaultTo", deliveries).await?,
            None => way(addressing.reply_to.as_ref(), edition, "ReplyTo", deliveries).await?,
        };
        Ok(Self { reply, fault })
    }
}

impl Addressing {
    /// The way of a fault that comes before [`Ways::of`]: nothing is sent elsewhere for a message that is refused.
    pub fn early_fault(&self) -> Way {
        let endpoint = self.fault_to.as_ref().or(self.reply_to.as_ref());
        match (self.edition, endpoint) {
            (Some(edition), Some(endpoint)) if edition.is_none(&endpoint.address) => Way::Nowhere,
            _ => Way::Here,
        }
    }
}

async fn way(
    endpoint: Option<&Endpoint>,
    edition: Edition,
    header: &'static str,
    deliveries: &Deliveries,
) -> Result<Way, Problem> {
    match endpoint.map(|endpoint| endpoint.address.as_str()) {
        None => Ok(Way::Here),
        Some(address) if address == edition.anonymous() => Ok(Way::Here),
        Some(address) if edition.is_none(address) => Ok(Way::Nowhere),
        Some(address) => deliveries.to(header, address).await.map(|delivery| Way::There(Box::new(delivery))),
    }
}

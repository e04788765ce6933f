//! Callbacks: events as notify.events in the subscriber's binding, posted to its address.
//!
//! The service decides what is sent and when; this is how. Any answer that is no fault takes the events.

use std::sync::Arc;

use async_trait::async_trait;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::{
    binding::{AnswerError, json, soap, xmlrpc},
    model::{CallbackBinding, Event, Fault, Limits, Outcome},
    operation::notify::Events,
    outbound::{Answer, Outbound},
    service::events::{Callback, Notifier},
};

/// Sends to callbacks over HTTP.
pub struct Callbacks {
    outbound: Outbound,
    /// Bounds on what a callback answers.
    limits: Limits,
}

impl Callbacks {
    /// Sends through this.
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound, limits: Limits::default() }
    }

    fn taken(&self, binding: CallbackBinding, answer: &Answer) -> Outcome<()> {
        let read = match binding {
            CallbackBinding::Xmlrpc if answer.status == 200 => xmlrpc::read_acknowledgement(&answer.body, &self.limits),
            // SOAP 1.1 answers a fault with 500, and the fault says more than the status.
            CallbackBinding::Soap if matches!(answer.status, 200 | 202 | 500) => {
                soap::read_acknowledgement(&answer.body, &self.limits)
            }
            _ => Ok(()),
        };
        match read {
            Err(AnswerError::Fault(fault)) => Err(Fault::unavailable(format!("it answered the fault {fault}"))),
            Err(error) => Err(Fault::unavailable(error.to_string())),
            Ok(()) if (200..300).contains(&answer.status) => Ok(()),
            Ok(()) => Err(Fault::unavailable(format!("it answered HTTP {}", answer.status))),
        }
    }
}

#[async_trait]
impl Notifier for Callbacks {
    async fn check(&self, callback: &Callback) -> Outcome<()> {
        self.outbound.check("callbackUrl", &callback.url).await.map(drop)
    }

    async fn notify(&self, callback: &Callback, subscription: &str, events: &[Arc<Event>]) -> Outcome<()> {
        let url =
            callback.url.parse().map_err(|error| Fault::invalid(format!("the callback is no address: {error}")))?;
        let input = Events { subscription_id: subscription.to_owned(), events: events.to_vec() };
        let (headers, body) = request(callback.binding, &input)?;
        let answer = self.outbound.post(url, headers, body).await?;
        self.taken(callback.binding, &answer)
    }
}

/// The headers and the body of the call.
fn request(binding: CallbackBinding, input: &Events) -> Outcome<(HeaderMap, Vec<u8>)> {
    let mut headers = HeaderMap::new();
    let (media_type, body) = match binding {
        CallbackBinding::Xmlrpc => {
            let call = xmlrpc::encode_positional(Events::NAME, input, &Events::REQUIRED)?;
            ("text/xml; charset=utf-8", call.into_bytes())
        }
        CallbackBinding::Soap => {
            let soap::Call { action, content_type, document } = soap::encode_call(Events::NAME, input)?;
            headers.insert("soapaction", HeaderValue::from_str(&action).map_err(Fault::internal)?);
            (content_type, document.into_bytes())
        }
        CallbackBinding::Json => ("application/json", json::encode(input)?),
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok((headers, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Time, outbound::Reach};

    fn callbacks() -> Callbacks {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Callbacks::new(Outbound::new(Reach::default()).unwrap())
    }

    fn input() -> Events {
        let event = Event {
            sequence: 7,
            topic: "content.published".into(),
            time: Time::from_millis(0),
            subject: "bafk".into(),
            detail: "{\"name\":\"a<b\"}".into(),
        };
        Events { subscription_id: "s1".into(), events: vec![Arc::new(event)] }
    }

    #[test]
    fn each_binding_has_its_own_form() {
        let text = |binding| {
            let (headers, body) = request(binding, &input()).unwrap();
            (headers, String::from_utf8(body).unwrap())
        };
        let (_, call) = text(CallbackBinding::Xmlrpc);
        assert!(
            call.contains(
                "<methodName>notify.events</methodName><params><param><value><string>s1</string></value></param>\
                 <param><value><array>"
            ),
            "{call}"
        );
        assert!(call.contains("<name>sequence</name><value><int>7</int></value>"), "{call}");
        let (headers, envelope) = text(CallbackBinding::Soap);
        assert_eq!(headers["soapaction"], "\"urn:peergate:v1/NotifyEvents\"");
        assert!(
            envelope.contains("<NotifyEvents xmlns=\"urn:peergate:v1\"><subscriptionId>s1</subscriptionId><events>")
        );
        let (_, record) = text(CallbackBinding::Json);
        assert!(record.starts_with("{\"subscriptionId\":\"s1\",\"events\":[{\"sequence\":7,"), "{record}");
    }

    #[test]
    fn anything_but_a_fault_takes_the_events() {
        const NIL: &str = "<methodResponse><params><param><value><nil/></value></param></params></methodResponse>";
        const FAULT: &str = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int>\
                             </value></member><member><name>faultString</name><value>no</value></member></struct>\
                             </value></fault></methodResponse>";
        const DONE: &str = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>\
                            <x:NotifyEventsResponse xmlns:x='urn:peergate:v1'><x:result><x:done>true</x:done></x:result>\
                            </x:NotifyEventsResponse></s:Body></s:Envelope>";
        const SOAP_FAULT: &str = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault>\
                                  <faultcode>s:Server</faultcode><faultstring>later</faultstring></s:Fault></s:Body>\
                                  </s:Envelope>";
        let callbacks = callbacks();
        for (binding, status, body, is_taken) in [
            (CallbackBinding::Xmlrpc, 200, NIL, true),
            (CallbackBinding::Xmlrpc, 200, &NIL.replace("<nil/>", "<boolean>1</boolean>"), true),
            (CallbackBinding::Xmlrpc, 200, &NIL.replace("<nil/>", "<struct></struct>"), true),
            (CallbackBinding::Xmlrpc, 200, FAULT, false),
            (CallbackBinding::Xmlrpc, 200, "<html></html>", false),
            (CallbackBinding::Xmlrpc, 500, NIL, false),
            (CallbackBinding::Soap, 200, DONE, true),
            (CallbackBinding::Soap, 202, "", true),
            (CallbackBinding::Soap, 500, SOAP_FAULT, false),
            (CallbackBinding::Soap, 200, SOAP_FAULT, false),
            (CallbackBinding::Soap, 500, "", false),
            (CallbackBinding::Soap, 200, "<html></html>", false),
            (CallbackBinding::Json, 204, "", true),
            (CallbackBinding::Json, 200, "whatever", true),
            (CallbackBinding::Json, 302, "", false),
            (CallbackBinding::Json, 503, "", false),
        ] {
            let answer = Answer { status, body: body.into() };
            let taken = callbacks.taken(binding, &answer);
            assert_eq!(taken.is_ok(), is_taken, "{binding:?} {status} {body}: {taken:?}");
        }
    }
}

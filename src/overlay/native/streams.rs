//! Streams of the overlay's own protocols: opened on demand, and handed over when a peer opens one.
//!
//! Requests to open go to the connection one by one and negotiate in parallel; inbound streams wait in a bounded queue
//! until the swarm's owner takes them, so that none is lost between two polls. What goes beyond the bounds is reset.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll, Waker},
};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{
        Endpoint,
        transport::PortUse,
        upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo},
    },
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
        NotifyHandler, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use tokio::sync::oneshot;

/// Streams of one connection that wait to be opened; further requests are refused.
const MAX_WAITING_TO_OPEN: usize = 256;
/// Inbound streams of one connection that nobody has taken yet; further ones are reset.
const MAX_UNCLAIMED: usize = 64;

/// Where an opened stream goes; dropped without an answer when the connection ends.
pub(super) type Reply = oneshot::Sender<Result<Stream, String>>;

/// A stream to open.
#[derive(Debug)]
pub(super) struct Open {
    pub protocol: StreamProtocol,
    pub reply: Reply,
}

/// A stream that a peer opened.
#[derive(Debug)]
pub(super) struct Inbound {
    pub peer: PeerId,
    pub protocol: StreamProtocol,
    pub stream: Stream,
}

/// The behaviour: a queue in each direction.
pub(super) struct Behaviour {
    protocols: Vec<StreamProtocol>,
    to_open: VecDeque<(PeerId, Open)>,
    inbound: VecDeque<Inbound>,
    waker: Option<Waker>,
}

impl Behaviour {
    /// Answers these protocols.
    pub fn new(protocols: Vec<StreamProtocol>) -> Self {
        Self { protocols, to_open: VecDeque::new(), inbound: VecDeque::new(), waker: None }
    }

    /// Opens a stream to a connected peer. The caller bounds how many it asks for at once.
    pub fn open(&mut self, peer: PeerId, open: Open) {
        self.to_open.push_back((peer, open));
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self) -> Handler {
        Handler { protocols: self.protocols.clone(), to_open: VecDeque::new(), inbound: VecDeque::new() }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Inbound;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, peer: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        let (stream, protocol) = event;
        self.inbound.push_back(Inbound { peer, protocol, stream });
        self.wake();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Inbound, THandlerInEvent<Self>>> {
        if let Some(inbound) = self.inbound.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(inbound));
        }
        if let Some((peer_id, event)) = self.to_open.pop_front() {
            return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::Any, event });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// One connection's part.
pub(super) struct Handler {
    protocols: Vec<StreamProtocol>,
    to_open: VecDeque<Open>,
    inbound: VecDeque<(Stream, StreamProtocol)>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = (Stream, StreamProtocol);
    type InboundProtocol = AnyOf;
    type OutboundProtocol = AnyOf;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<AnyOf> {
        SubstreamProtocol::new(AnyOf(self.protocols.clone()), ())
    }

    /// Peers are worth their connection: a search asks all that are connected.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn on_behaviour_event(&mut self, open: Open) {
        if self.to_open.len() < MAX_WAITING_TO_OPEN {
            self.to_open.push_back(open);
        } else {
            let full = format!("{MAX_WAITING_TO_OPEN} streams wait to be opened already");
            let _ = open.reply.send(Err(full));
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<AnyOf, Reply, Self::ToBehaviour>> {
        if let Some(inbound) = self.inbound.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(inbound));
        }
        while let Some(Open { protocol, reply }) = self.to_open.pop_front() {
            if !reply.is_closed() {
                let protocol = SubstreamProtocol::new(AnyOf(vec![protocol]), reply);
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
        }
        Poll::Pending
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, AnyOf, AnyOf, (), Reply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. })
                if self.inbound.len() < MAX_UNCLAIMED =>
            {
                self.inbound.push_back(protocol);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: (stream, _), info }) => {
                let _ = info.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let _ = info.send(Err(error.to_string()));
            }
            _ => {}
        }
    }
}

/// An upgrade that yields the bare stream and which of its protocols was agreed on.
#[derive(Clone, Debug)]
pub(super) struct AnyOf(Vec<StreamProtocol>);

impl UpgradeInfo for AnyOf {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for AnyOf {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for AnyOf {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

//! Shared by the modules that follow D-Bus signals.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;

use zbus::export::futures_core::Stream;
use zbus::message::{Message, Type};
use zbus::{Connection, MatchRule, MessageStream};

pub(crate) const BUS: &str = "org.freedesktop.DBus";
pub(crate) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Moves the messages of a connection that has no executor. With an executor, zbus would start a thread.
pub(crate) async fn drive(bus: &Connection) -> Infallible {
    loop {
        bus.executor().tick().await;
    }
}

/// The signals that this name sends.
pub(crate) async fn signals_of(name: &str, bus: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder().msg_type(Type::Signal).sender(name)?.build();
    MessageStream::for_match_rule(rule, bus, None).await
}

/// A signal for each change of the owner of this name.
pub(crate) async fn owner_changes(name: &str, bus: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder().msg_type(Type::Signal).sender(BUS)?.interface(BUS)?;
    let rule = rule.member("NameOwnerChanged")?.arg(0, name)?.build();
    MessageStream::for_match_rule(rule, bus, None).await
}

/// The next message. It is an error if the connection was closed.
pub(crate) async fn next(stream: &mut MessageStream) -> zbus::Result<Message> {
    let message = poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await;
    message.unwrap_or_else(|| Err(zbus::Error::Failure("the connection was closed".to_owned())))
}

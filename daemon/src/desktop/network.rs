//! Changes of the network, as the kernel announces them to routing daemons (rtnetlink(7)).

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use super::Surroundings;
use crate::clock::Clock;

/// `RTMGRP_IPV4_ROUTE` and `RTMGRP_IPV6_ROUTE`. Whatever makes another machine reachable adds a route: a cable, a wireless
/// network, a VPN. Announcements of addresses come again and again on a quiet network (router advertisements).
const ROUTES: u32 = 0x40 | 0x400;

/// Changes within this time count as one: an interface brings several routes, and a name server with them.
const BURST: Duration = Duration::from_secs(2);

/// A socket on which the kernel announces changes of routes.
pub(super) struct Routes(AsyncFd<OwnedFd>);

impl Routes {
    /// Has to be called within a tokio runtime.
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, ROUTES))?;
        #[allow(deprecated, reason = "its successor is unsafe, and asks only for what an `OwnedFd` gives")]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE)?;
        Ok(Self(socket))
    }

    /// Counts bursts of changes. Ends with the error of the socket.
    pub(super) async fn follow(self, clock: Arc<dyn Clock>, tell: Arc<watch::Sender<Surroundings>>) -> io::Error {
        loop {
            if let Err(error) = self.change().await {
                return error;
            }
            clock.sleep_until(clock.now().boot + BURST).await;
            if let Err(error) = self.drain() {
                return error;
            }
            tracing::debug!("the network changed");
            tell.send_modify(|surroundings| surroundings.changes += 1);
        }
    }

    async fn change(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            // The outer error means that it was not ready after all.
            if let Ok(outcome) = ready.try_io(|socket| receive(socket.get_ref())) {
                return outcome;
            }
        }
    }

    fn drain(&self) -> io::Result<()> {
        loop {
            match receive(self.0.get_ref()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Takes one announcement off the queue. Its text does not matter, so it may be cut.
fn receive(socket: &OwnedFd) -> io::Result<()> {
    match recv(socket, &mut [0_u8; 64][..], RecvFlags::TRUNC) {
        Ok(_) => Ok(()),
        // Some announcements were lost, as the queue was full.
        Err(rustix::io::Errno::NOBUFS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

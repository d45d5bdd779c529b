//! Finds the user at the other end of a loopback connection in the kernel's tables of sockets.

use std::net::{SocketAddr, SocketAddrV4};

/// All sockets at one moment. The kernel takes some milliseconds to list them, so they are read once for all connections
/// that have arrived meanwhile.
#[derive(Default)]
pub struct SocketTables([String; 2]);

impl SocketTables {
    /// Reads the kernel's tables (`/proc/net/tcp`, and `tcp6` for clients that reach IPv4 through a socket of IPv6; proc_net(5)).
    pub fn now() -> Self {
        Self(["/proc/net/tcp", "/proc/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default()))
    }

    /// Whether the user of this process has opened the connection from `theirs` to `ours`, which was accepted before the tables were
    /// read. Only Linux has such tables; elsewhere nobody can tell, and every connection counts as own.
    pub fn is_own(&self, theirs: SocketAddr, ours: SocketAddr) -> bool {
        if !cfg!(target_os = "linux") {
            return true;
        }
        let own = rustix::process::geteuid().as_raw();
        self.0.iter().find_map(|table| uid_in(table, theirs, ours)) == Some(own)
    }
}

/// The user in the row of the socket that is at `theirs` and connected to `ours`.
fn uid_in(table: &str, theirs: SocketAddr, ours: SocketAddr) -> Option<u32> {
    let (SocketAddr::V4(theirs), SocketAddr::V4(ours)) = (theirs, ours) else { return None };
    let written = |address: SocketAddrV4| {
        // The kernel writes the four bytes as a number of the machine's own order.
        format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
    };
    let (theirs, ours) = (written(theirs), written(ours));
    table.lines().find_map(|row| {
        let mut fields = row.split_ascii_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        // In the table of IPv6, what comes before is the same for every IPv4 address.
        (local.ends_with(&theirs) && remote.ends_with(&ours)).then(|| fields.nth(4)?.parse().ok())?
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_of_the_same_user_is_recognised() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let _ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, theirs) = listener.accept().unwrap();
        assert!(SocketTables::now().is_own(theirs, accepted.local_addr().unwrap()));
        assert!(!SocketTables::default().is_own(theirs, accepted.local_addr().unwrap()), "nobody is known in no table");
    }

    #[test]
    fn the_row_of_the_other_end_is_the_one_that_counts() {
        let (theirs, ours) = ("127.0.0.1:50000".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
        let localhost = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]));
        let row = |prefix: &str, from: u16, to: u16, uid: u32| {
            format!(
                "   1: {prefix}{localhost}:{from:04X} {prefix}{localhost}:{to:04X} 01 00000000:00000000 00:00000000 00000000 {uid:>5} 0 9\n"
            )
        };
        let header =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let others = row("", 80, 50_000, 1) + &row("", 50_000, 81, 2) + &row("", 50_001, 80, 3);
        assert_eq!(uid_in(&(header.to_owned() + &others), theirs, ours), None);
        for prefix in ["", "0000000000000000FFFF0000"] {
            let table = header.to_owned() + &others + &row(prefix, 50_000, 80, 65_534);
            assert_eq!(uid_in(&table, theirs, ours), Some(65_534));
        }
    }
}

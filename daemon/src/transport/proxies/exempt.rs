//! Hosts that need no proxy: `NO_PROXY`. Pure.
//!
//! Commas and blanks separate entries. `*` is every host; a name is that host and all below it, with or without a leading dot;
//! an address with `/LENGTH` is its network. `:PORT` may follow a name or an address (an IPv6 address then stands in brackets).
//! Any other entry is ignored.

use std::net::IpAddr;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Exempt(Vec<Exemption>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Exemption {
    Everything,
    Name(String, Option<u16>),
    Address(IpAddr, Option<u16>),
    Network(IpAddr, u8),
}

impl Exempt {
    pub(super) fn parse(value: &str) -> Self {
        let entries = value.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Exemption::parse).collect())
    }

    pub(super) fn has_name(&self, name: &str, port: u16) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_meant =
            |known: &str| name.strip_suffix(known).is_some_and(|below| below.is_empty() || below.ends_with('.'));
        self.0.iter().any(|entry| match entry {
            Exemption::Everything => true,
            Exemption::Name(known, wanted) => is_meant(known) && wanted.is_none_or(|wanted| wanted == port),
            Exemption::Address(..) | Exemption::Network(..) => false,
        })
    }

    pub(super) fn has_address(&self, address: IpAddr, port: u16) -> bool {
        self.0.iter().any(|entry| match entry {
            Exemption::Everything => true,
            Exemption::Address(known, wanted) => *known == address && wanted.is_none_or(|wanted| wanted == port),
            Exemption::Network(network, length) => is_in(address, *network, *length),
            Exemption::Name(..) => false,
        })
    }
}

impl Exemption {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, length)) = text.split_once('/') {
            let (address, length) = (address.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
            let longest = if address.is_ipv4() { 32 } else { 128 };
            return (length <= longest).then_some(Self::Network(address, length));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address, None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse() {
            return Some(Self::Address(address, port));
        }
        let name = host.strip_prefix('*').unwrap_or(host).trim_matches('.').to_ascii_lowercase();
        (!name.is_empty()).then_some(Self::Name(name, port))
    }
}

fn is_in(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let same = |left: u128, right: u128, bits: u32| {
        let rest = bits - u32::from(length);
        left.checked_shr(rest).unwrap_or(0) == right.checked_shr(rest).unwrap_or(0)
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => same(address.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => same(address.to_bits(), network.to_bits(), 128),
        _ => false,
    }
}

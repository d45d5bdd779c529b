//! Secrets that do not leak by accident.

use std::fmt;
use std::hint::black_box;

use serde::{Deserialize, Deserializer, Serializer};

/// A value that must not be seen: an access token, a refresh token, a client secret, a device code.
///
/// `Debug` prints `[redacted]`, there is no `Display`, and the memory is overwritten when the value is dropped. It can
/// be deserialised, but it is serialised only by a member that says so with `#[serde(serialize_with =
/// "secret::expose")]`, so that putting a secret into a body is always a visible decision.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret<T: Wipe>(T);

/// What [`Secret`] overwrites when it is dropped.
pub trait Wipe {
    /// Overwrites the content with zeros, including what capacity is left over where that can be reached safely.
    fn wipe(&mut self);
}

impl Wipe for String {
    fn wipe(&mut self) {
        let mut bytes = std::mem::take(self).into_bytes();
        bytes.wipe();
    }
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        overwrite(self);
        self.clear();
    }
}

/// Fills the whole buffer with zeros, its spare capacity included.
fn overwrite(bytes: &mut Vec<u8>) {
    bytes.fill(0);
    bytes.resize(bytes.capacity(), 0);
    // The optimiser must assume that somebody reads the zeros, so it cannot leave the writes out.
    black_box(bytes.as_mut_slice());
}

impl<T: Wipe> Secret<T> {
    /// Takes a value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Hands the value out. Whoever calls this answers for where it goes.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: Wipe> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Wipe> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl<'de, T: Wipe + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// Serialises a secret in the clear, for `#[serde(serialize_with = "…")]` on members that are meant to carry one.
///
/// # Errors
/// What the serializer reports.
pub fn expose<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        let secret = Secret::from("aoaAAAAA-token");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[redacted] Some([redacted])");
    }

    #[test]
    fn wiping_overwrites_the_same_buffer_to_the_end_of_its_capacity() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"secret");
        let (buffer, capacity) = (bytes.as_ptr(), bytes.capacity());
        overwrite(&mut bytes);
        assert_eq!((bytes.as_ptr(), bytes.len()), (buffer, capacity));
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
}

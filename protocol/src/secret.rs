//! Secrets that do not leak by accident.

use std::fmt;

use serde::{Deserialize, Serializer};

/// A value that must not be seen: an access token, a refresh token, a client secret, a device code.
///
/// `Debug` prints `[redacted]`, and there is no `Display`. It can be deserialised, but it is serialised only by a member that
/// says so with `#[serde(serialize_with = "secret::expose")]`, so that putting a secret into a body is always a visible
/// decision. Its memory is overwritten by the allocator of `ssoctl` and `ssoctld`, as is all that they free.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. The caller is responsible for where it goes.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

/// Serialises a secret in the clear, for `#[serde(serialize_with = "…")]` on members that are meant to carry one.
///
/// # Errors
/// The error of the serializer.
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
}

//! The JSON of the answer to `POST /v1/import`.

use serde::{Deserialize, Serialize};

/// The results for the token files of the AWS CLI and SDKs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Import {
    /// Their directory.
    pub directory: String,
    /// The files, by name. Empty if there is no such directory.
    pub files: Vec<ImportedFile>,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportedFile {
    /// Its path.
    pub file: String,
    /// The session that the file belongs to by its name; `null` if there is none.
    pub session: Option<String>,
    /// The result for this file.
    pub outcome: ImportOutcome,
    /// More about that, for people.
    pub detail: Option<String>,
}

/// The result for a file. Only `taken_over` changes the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportOutcome {
    /// The session has taken its sign-in over.
    TakenOver,
    /// The session has this sign-in already.
    Known,
    /// The session has a better sign-in.
    OursIsBetter,
    /// Its token has expired and cannot be renewed.
    Expired,
    /// Its issuer does not know it.
    Refused,
    /// Its issuer could not be asked whether it knows it. The file stays.
    NotProved,
    /// It holds ssoctld's own publication.
    Published,
    /// It is for another portal than the session.
    OtherPortal,
    /// It holds a token, and no session of the configuration has its name.
    NoSession,
    /// It holds no token.
    NoToken,
    /// It cannot be read or understood.
    Unreadable,
    /// The session could not decide: its own record is not known yet, or it is signing out.
    NotNow,
    /// An outcome that this version does not know.
    #[serde(other)]
    Unknown,
}

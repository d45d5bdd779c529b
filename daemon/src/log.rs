//! The log on standard error. Text from elsewhere is escaped as everywhere, and a log file does not grow without end.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ssoctl_files::own_file::{LARGEST_LOG, open_log};
use ssoctl_protocol::text::{self, LONGEST_LINE};
use ssoctld::cli::Format;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// `file` is where standard error leads, if that is to be replaced when it is too long.
pub(crate) fn start(filter: Targets, format: Format, file: Option<PathBuf>) {
    let length = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len());
    let log = Log { file, format, length: Arc::new(Mutex::new(length)) };
    let layer = tracing_subscriber::fmt::layer().with_writer(move || log.clone());
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        Format::Text => {
            let is_coloured = shows_colours(&io::stderr());
            registry.with(layer.with_ansi(is_coloured).fmt_fields(debug_fn(field).delimited(" "))).init();
        }
        Format::Json => registry.with(layer.json()).init(),
    }
}

/// Whether this is a terminal that shows colours, and `NO_COLOR` is not set.
pub(crate) fn shows_colours(output: &impl IsTerminal) -> bool {
    let is_set = |name: &str| ssoctld::variable(name).filter(|value| !value.is_empty());
    output.is_terminal() && is_set("TERM").is_some_and(|name| name != "dumb") && is_set("NO_COLOR").is_none()
}

/// One field of an event. The message has no name.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = format!("{value:?}");
    let value = text::shown(&value, LONGEST_LINE);
    match field.name() {
        "message" => write!(writer, "{value}"),
        name => write!(writer, "{name}={value}"),
    }
}

/// Standard error, and the file that it leads to, if a client has named one.
#[derive(Clone)]
struct Log {
    file: Option<PathBuf>,
    format: Format,
    /// The length of the file.
    length: Arc<Mutex<u64>>,
}

impl Write for Log {
    /// Gets a whole event in each call, as the formatters write them.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut length = self.length.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.file.as_ref().filter(|_| *length > LARGEST_LOG) {
            // If no new file can be opened, nothing more is written to the old one.
            let Ok(next) = open_log(file) else { return Ok(event.len()) };
            nix::unistd::dup2_stderr(&next)?;
            *length = 0;
        }
        match (self.format, str::from_utf8(event)) {
            (Format::Json, Ok(document)) => io::stderr().write_all(text::in_json(document).as_bytes())?,
            _ => io::stderr().write_all(event)?,
        }
        *length += event.len() as u64;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn foreign_text_is_escaped_and_cut_in_the_log() {
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        let log = tracing_subscriber::registry().with(layer.fmt_fields(debug_fn(field).delimited(" ")));
        tracing::subscriber::with_default(log, || {
            tracing::info!(error = %"\u{9b}2J\nx", long = %"y".repeat(300_000), "the code is \u{202e}{}", "\u{1b}[31m");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains(r"the code is \u{202e}\u{1b}[31m error=\u{9b}2J\nx long=yyy"), "{:.200}", text);
        assert!(text.len() < 2 * LONGEST_LINE && text.lines().count() == 1);
    }
}

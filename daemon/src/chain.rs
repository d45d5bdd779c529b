//! An error and its sources as one line.

use std::error::Error;

/// The error's text and those of its causes. An error of a library may repeat its cause, which is said once here.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the socket cannot be made")]
    struct Outer(#[from] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}: no room")]
    struct Inner(&'static str, #[source] std::io::Error);

    #[test]
    fn every_cause_is_said_once() {
        let io = || std::io::Error::other("no room");
        assert_eq!(chain(&Outer(Inner("/run", io()))), "the socket cannot be made: /run: no room");
        assert_eq!(chain(&io()), "no room");
    }

    /// Whatever prints the chain would say it twice.
    #[test]
    fn the_text_of_no_error_repeats_its_cause() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut seen = 0;
        let mut repeating = Vec::new();
        for file in ["aws-files", "client", "daemon", "files", "protocol"]
            .iter()
            .flat_map(|at| below(&root.join(at).join("src")))
        {
            if file.ends_with("daemon/src/chain.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            // An attribute and what it stands at: up to the next attribute, or the end of the type.
            for error in text.split("#[error(").skip(1) {
                seen += 1;
                let (says, about) = error.split_once(")]\n").unwrap_or((error, ""));
                let about = about.split("\n}\n").next().unwrap_or_default();
                let has_cause = ["#[from]", "#[source]", "source:"].iter().any(|sign| about.contains(sign));
                if has_cause && ["{0", "{source", "source.", ", source", ".0"].iter().any(|cause| says.contains(cause))
                {
                    repeating.push(format!("{}: {says}", file.display()));
                }
            }
        }
        assert!(seen > 50, "only {seen} errors were looked at");
        assert_eq!(repeating, Vec::<String>::new());
    }

    fn below(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] })
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .collect()
    }
}

//! The person's own text of a segment, with fields in braces. Pure.

use serde_json::Value;
use ssoctl_protocol::text::{LONGEST_LINE, shown};

use super::segment::Segment;

/// A text with fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Format(Vec<Part>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    /// A member of the session, or one within it.
    Field(Vec<String>),
}

impl Format {
    /// Reads `{name} {next.at}`; `{{` and `}}` stand for braces.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '{' | '}' if rest.peek() == Some(&character) => plain.extend(rest.next()),
                '{' => {
                    let mut field = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(character) => field.push(character),
                            None => return Err(format!("{{{field} has no }} behind it; write {{{{ for the character")),
                        }
                    }
                    let is_name =
                        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                    let path: Vec<String> = field.split('.').map(str::to_owned).collect();
                    if !path.iter().all(|name| is_name(name)) {
                        return Err(format!("{{{field}}} is not a field; see: ssoctl status --json"));
                    }
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(Part::Field(path));
                }
                '}' => return Err("a } has no { before it; write }} for the character".to_owned()),
                other => plain.push(other),
            }
        }
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// The text with what the session has. A field that it does not have is empty.
    pub(super) fn fill(&self, session: &Value, segment: &Segment) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(path) => match path.join(".").as_str() {
                "left" => segment.left(),
                "sign" => segment.sign().to_owned(),
                "mood" => segment.mood.as_str().to_owned(),
                _ => value(path.iter().try_fold(session, |value, name| value.get(name))),
            },
        };
        self.0.iter().map(part).collect()
    }
}

fn value(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => shown(text, LONGEST_LINE).into_owned(),
        Some(other) => shown(&other.to_string(), LONGEST_LINE).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::segment::Mood;
    use super::*;

    #[test]
    fn fields_are_those_of_the_status_and_three_more() {
        let session = json!({ "name": "co\u{1b}rp", "next": { "at": "2026" }, "login": null, "refreshable": true });
        let left = Some(std::time::Duration::from_secs(90 * 60));
        let segment = Segment { name: "corp".to_owned(), mood: Mood::Soon, left };
        for (format, text) in [
            ("{name}/{next.at}/{login}/{refreshable}/{none.at}", "co\\u{1b}rp/2026//true/"),
            ("{{{left}}} {sign}{mood}", "{1h30m} soon"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(Format::parse(format).unwrap().fill(&session, &segment), text);
        }
        for wrong in ["{", "{}", "{name", "}", "{Name}", "{a b}", "{a..b}"] {
            assert!(Format::parse(wrong).is_err(), "{wrong}");
        }
    }
}

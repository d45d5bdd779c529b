//! The command that opens a session's pages. Pure.
//!
//! Words are separated by white space; `'` and `"` quote, and nothing else has a meaning: no shell reads the command. The page's
//! address comes from a service, and `;`, `&` and `(` are legal in one, so it never becomes a part of what a shell reads.

/// What stands for the address in the configuration.
const PLACE: &str = "{url}";

/// Programs that run the word after `-c` as a script, or after an option of that meaning.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "ash", "ksh", "zsh", "fish", "busybox", "su"];

/// Programs that put their arguments together and have a shell read them.
const JOINERS: [&str; 9] = ["ssh", "cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh", "eval", "tmux", "watch"];

/// Programs in front of the one that is meant.
const WRAPPERS: [&str; 6] = ["env", "nice", "nohup", "setsid", "sudo", "exec"];

/// A command with a place for the address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrowserCommand {
    words: Vec<String>,
    /// What stands for the address in the words.
    place: &'static str,
}

/// Why a command is not used. The text fits after `browser must be `.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotACommand {
    /// Nothing says where the address goes.
    #[error("a command with {{url}} in it, such as \"firefox {{url}}\"")]
    NoPlace,
    /// The address would be in the middle of a word, or of a word with blanks.
    #[error(
        "a command in which {{url}} is a word or the end of one, such as \"firefox {{url}}\" or \"chromium --app={{url}}\"; {SHELL}"
    )]
    WithinAWord,
    /// A shell would read the address.
    #[error("a command of which no shell reads {{url}}; {SHELL}")]
    Script,
}

const SHELL: &str = "for a shell it is an argument: sh -c 'firefox \"$1\"' - {url}";

impl BrowserCommand {
    /// Reads `browser` of the configuration.
    ///
    /// # Errors
    /// The place of the address is missing, or is one where the address would be more than an argument.
    pub fn configured(text: &str) -> Result<Self, NotACommand> {
        let words = split(text);
        if !words.iter().any(|word| word.contains(PLACE)) {
            return Err(NotACommand::NoPlace);
        }
        Self::checked(words, PLACE)
    }

    /// Reads one of the commands of `$BROWSER`, which call the address `%s`; it comes last where it is not mentioned. `None` if
    /// there are no words.
    ///
    /// # Errors
    /// The address would be more than an argument.
    pub fn of_variable(text: &str) -> Result<Option<Self>, NotACommand> {
        const PLACE: &str = "%s";
        let mut words = split(text);
        if words.is_empty() {
            return Ok(None);
        }
        if !words.iter().any(|word| word.contains(PLACE)) {
            words.push(PLACE.to_owned());
        }
        Self::checked(words, PLACE).map(Some)
    }

    fn checked(words: Vec<String>, place: &'static str) -> Result<Self, NotACommand> {
        let name = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
        let is_before = |word: &String| word.contains('=') || WRAPPERS.contains(&name(word).as_str());
        let program = words.iter().find(|word| !is_before(word)).map(name).unwrap_or_default();
        if JOINERS.contains(&program.as_str()) {
            return Err(NotACommand::Script);
        }
        for (index, word) in words.iter().enumerate().filter(|(_, word)| word.contains(place)) {
            let begin = word.strip_suffix(place).unwrap_or(word);
            if begin.contains(place) || begin.len() == word.len() || begin.chars().any(char::is_whitespace) {
                return Err(NotACommand::WithinAWord);
            }
            let is_script = |option: &str| option.starts_with('-') && !option.starts_with("--") && option.contains('c');
            let after = index.checked_sub(1).map(|before| words[before].as_str()).unwrap_or_default();
            let by_shell = SHELLS.contains(&program.as_str()) && (is_script(after) || after == "--command");
            let attached = SHELLS.contains(&program.as_str()) && is_script(begin);
            if index == 0 || by_shell || attached || matches!(after, "-c" | "-e" | "--eval") {
                return Err(NotACommand::Script);
            }
        }
        Ok(Self { words, place })
    }

    /// The command's words for this address.
    pub fn words(&self, url: &str) -> Vec<String> {
        self.words.iter().map(|word| word.replace(self.place, url)).collect()
    }

    /// The program.
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

fn split(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://a/?x=1&y=(id);z";

    #[test]
    fn commands_are_split_without_a_shell() {
        for (command, words) in [
            ("firefox {url}", vec!["firefox", URL]),
            ("firefox --new-window {url} -P 'my profile'", vec!["firefox", "--new-window", URL, "-P", "my profile"]),
            ("\"/opt/a b/run\" --app={url} ''", vec!["/opt/a b/run", "--app=https://a/?x=1&y=(id);z", ""]),
            ("sh -c 'firefox \"$1\"' - {url}", vec!["sh", "-c", "firefox \"$1\"", "-", URL]),
            ("sh run.sh --app={url}", vec!["sh", "run.sh", "--app=https://a/?x=1&y=(id);z"]),
            ("env MOZ_X=1 firefox {url}", vec!["env", "MOZ_X=1", "firefox", URL]),
        ] {
            assert_eq!(BrowserCommand::configured(command).unwrap().words(URL), words, "{command}");
        }
        for (command, words) in [("lynx %s", vec!["lynx", URL]), ("lynx", vec!["lynx", URL])] {
            assert_eq!(BrowserCommand::of_variable(command).unwrap().unwrap().words(URL), words, "{command}");
        }
        assert_eq!(BrowserCommand::of_variable("  "), Ok(None));
    }

    #[test]
    fn an_address_that_would_be_more_than_an_argument_is_an_error_with_the_right_form() {
        use NotACommand::{NoPlace, Script, WithinAWord};
        for (command, wrong) in [
            ("", NoPlace),
            ("firefox", NoPlace),
            ("sh -c 'firefox {url}'", WithinAWord),
            ("sh -c 'firefox {url} &'", WithinAWord),
            ("firefox {url}/", WithinAWord),
            ("firefox {url}{url}", WithinAWord),
            ("{url}", Script),
            ("sh -c {url}", Script),
            ("bash -lc firefox;{url}", Script),
            ("/bin/sh -c{url}", Script),
            ("env X=1 sh -c {url}", Script),
            ("python3 -c {url}", Script),
            ("perl -e {url}", Script),
            ("ssh host xdg-open {url}", Script),
            ("cmd.exe /c start {url}", Script),
        ] {
            assert_eq!(BrowserCommand::configured(command), Err(wrong), "{command}");
        }
        let said = WithinAWord.to_string();
        assert!(said.contains("--app={url}") && said.ends_with("sh -c 'firefox \"$1\"' - {url}"), "{said}");
        assert_eq!(BrowserCommand::of_variable("sh -c 'firefox %s'"), Err(WithinAWord));
    }
}

//! The command that opens a session's pages.
//!
//! White space separates words, and `'` and `"` quote. Nothing else has a meaning, because no shell reads the command. A page's
//! address comes from a service and may have `;`, `&` and `(` in it, so it must never become part of a shell's script.

/// Programs that run the word after `-c` as a script, or after an option of that meaning.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "ash", "ksh", "zsh", "fish", "busybox", "su"];

/// Programs that join their arguments and let a shell read them.
const JOINERS: [&str; 9] = ["ssh", "cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh", "eval", "tmux", "watch"];

/// Programs that start the program after them.
const WRAPPERS: [&str; 6] = ["env", "nice", "nohup", "setsid", "sudo", "exec"];

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrowserCommand {
    words: Vec<String>,
    /// The text in the words that the address replaces.
    placeholder: &'static str,
}

/// The reason why a command is not used. The text fits after `browser must be `.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotACommand {
    #[error("a command with {{url}} in it, such as \"firefox {{url}}\"")]
    NoPlaceholder,
    /// The address would be in the middle of a word, or in a word with blanks.
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
    /// Reads `browser` of config.toml, in which `{url}` is the address.
    pub fn configured(text: &str) -> Result<Self, NotACommand> {
        let (words, placeholder) = (split(text), "{url}");
        if !words.iter().any(|word| word.contains(placeholder)) {
            return Err(NotACommand::NoPlaceholder);
        }
        Self::checked(words, placeholder)
    }

    /// Reads one of the commands of `$BROWSER`, in which `%s` is the address; without `%s`, the address is the last word. `None` if
    /// there are no words.
    pub fn of_variable(text: &str) -> Result<Option<Self>, NotACommand> {
        let (mut words, placeholder) = (split(text), "%s");
        if words.is_empty() {
            return Ok(None);
        }
        if !words.iter().any(|word| word.contains(placeholder)) {
            words.push(placeholder.to_owned());
        }
        Self::checked(words, placeholder).map(Some)
    }

    fn checked(words: Vec<String>, placeholder: &'static str) -> Result<Self, NotACommand> {
        let name = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
        let is_before = |word: &String| word.contains('=') || WRAPPERS.contains(&name(word).as_str());
        let program = words.iter().find(|word| !is_before(word)).map(name).unwrap_or_default();
        if JOINERS.contains(&program.as_str()) {
            return Err(NotACommand::Script);
        }
        let is_shell = SHELLS.contains(&program.as_str());
        let is_script = |option: &str| option.starts_with('-') && !option.starts_with("--") && option.contains('c');
        for (index, word) in words.iter().enumerate().filter(|(_, word)| word.contains(placeholder)) {
            let begin = word.strip_suffix(placeholder).unwrap_or(word);
            if begin.contains(placeholder) || begin.len() == word.len() || begin.chars().any(char::is_whitespace) {
                return Err(NotACommand::WithinAWord);
            }
            let previous = index.checked_sub(1).map(|before| words[before].as_str()).unwrap_or_default();
            let is_read_by_shell = is_shell && (is_script(previous) || previous == "--command" || is_script(begin));
            if index == 0 || is_read_by_shell || matches!(previous, "-c" | "-e" | "--eval") {
                return Err(NotACommand::Script);
            }
        }
        Ok(Self { words, placeholder })
    }

    pub fn words(&self, url: &str) -> Vec<String> {
        self.words.iter().map(|word| word.replace(self.placeholder, url)).collect()
    }

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
        use NotACommand::{NoPlaceholder, Script, WithinAWord};
        for (command, wrong) in [
            ("", NoPlaceholder),
            ("firefox", NoPlaceholder),
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

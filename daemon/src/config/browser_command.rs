//! The command that opens a session's pages.
//!
//! White space separates words, and `'` and `"` quote. Nothing else has a meaning, because no shell reads the command. A page's
//! address comes from a service and may have `;`, `&` and `(` in it, so it must never become part of a shell's script.
//!
//! `{profile}`, `{account}` and `{role}` are the names of the role that a page of the console belongs to, for a profile or container of the
//! browser for each role; for a page where a person signs in, all three are the session's name. The name of an account is foreign text. So these
//! names are arguments or the ends of arguments, too, and are used only if they look like a name; see [`RoleNames`].
//!
//! An argument that begins with `ext+container:` is an address of its own, which leads Firefox to a container (with the extension "Open
//! external links in a container"): there the placeholders may stand anywhere, and what replaces them is percent-encoded.

use ssoctl_protocol::percent;

/// Programs that run the word after `-c` as a script, or after an option of that meaning.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "ash", "ksh", "zsh", "fish", "busybox", "su"];

/// Programs that join their arguments and let a shell read them.
const JOINERS: [&str; 9] = ["ssh", "cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh", "eval", "tmux", "watch"];

/// Programs that start the program after them.
const WRAPPERS: [&str; 6] = ["env", "nice", "nohup", "setsid", "sudo", "exec"];

/// The names of a role that a command may have places for.
const NAMES: [&str; 3] = ["{profile}", "{account}", "{role}"];

/// The beginning of an address that leads Firefox to a container.
const CONTAINER: &str = "ext+container:";

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrowserCommand {
    words: Vec<String>,
    /// The text in the words that the address replaces.
    placeholder: &'static str,
    /// What replaces [`NAMES`].
    names: [String; 3],
}

/// The role that a page of the console belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleNames {
    /// The AWS profile, if it was named.
    pub profile: Option<String>,
    /// The id of the account.
    pub account: String,
    /// The name of the account, if it is known.
    pub account_name: Option<String>,
    pub role: String,
}

impl RoleNames {
    /// What replaces [`NAMES`]. The account's id stands for a name that is unknown or looks like an option or a path.
    fn words(&self) -> [String; 3] {
        let account = plain(&self.account).unwrap_or("account");
        let role = plain(&self.role).unwrap_or("role");
        let account_name = self.account_name.as_deref().and_then(plain).unwrap_or(account);
        let profile =
            self.profile.as_deref().and_then(plain).map_or_else(|| format!("{role}-{account}"), str::to_owned);
        [profile, account_name.to_owned(), role.to_owned()]
    }
}

/// A name of letters, digits, blanks and `._-+=,@` that does not look like an option or a path.
fn plain(name: &str) -> Option<&str> {
    let is_plain = |one: char| one.is_alphanumeric() || " ._-+=,@".contains(one);
    (name.starts_with(char::is_alphanumeric) && name.chars().all(is_plain)).then_some(name)
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
    /// Reads `browser` of a session in config.toml, in which `{url}` is the address.
    pub fn configured(text: &str, session: &str) -> Result<Self, NotACommand> {
        let (words, placeholder) = (split(text), "{url}");
        if !words.iter().any(|word| word.contains(placeholder)) {
            return Err(NotACommand::NoPlaceholder);
        }
        let session = plain(session).unwrap_or("session");
        let command = Self { words, placeholder, names: [session; 3].map(str::to_owned) };
        for placeholder in [placeholder].iter().chain(&NAMES) {
            command.check(placeholder)?;
        }
        Ok(command)
    }

    /// The command for a page of this role.
    #[must_use]
    pub fn of_role(self, role: &RoleNames) -> Self {
        Self { names: role.words(), ..self }
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
        let command = Self { words, placeholder, names: Default::default() };
        command.check(placeholder)?;
        Ok(Some(command))
    }

    /// Checks that what replaces a placeholder becomes an argument, or the end of one, and is not read by a shell.
    fn check(&self, placeholder: &str) -> Result<(), NotACommand> {
        let words = &self.words;
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
            if word.starts_with(CONTAINER) {
                continue;
            }
            if begin.contains(placeholder) || begin.len() == word.len() || begin.chars().any(char::is_whitespace) {
                return Err(NotACommand::WithinAWord);
            }
            let previous = index.checked_sub(1).map(|before| words[before].as_str()).unwrap_or_default();
            let is_read_by_shell = is_shell && (is_script(previous) || previous == "--command" || is_script(begin));
            if index == 0 || is_read_by_shell || matches!(previous, "-c" | "-e" | "--eval") {
                return Err(NotACommand::Script);
            }
        }
        Ok(())
    }

    pub fn words(&self, url: &str) -> Vec<String> {
        let replaced = |word: &String| {
            let is_address = word.starts_with(CONTAINER);
            let value = |text: &str| if is_address { percent::encode(text) } else { text.to_owned() };
            // A name has no placeholder in it, and the address comes last.
            let names = NAMES.iter().zip(&self.names);
            let word = names.fold(word.clone(), |word, (placeholder, name)| word.replace(placeholder, &value(name)));
            word.replace(self.placeholder, &value(url))
        };
        self.words.iter().map(replaced).collect()
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

    fn configured(command: &str) -> Result<BrowserCommand, NotACommand> {
        BrowserCommand::configured(command, "corp")
    }

    fn role(profile: Option<&str>, account_name: Option<&str>, role: &str) -> RoleNames {
        let own = |text: &str| text.to_owned();
        let (profile, account_name) = (profile.map(own), account_name.map(own));
        RoleNames { profile, account: "111122223333".into(), account_name, role: role.into() }
    }

    #[test]
    fn a_page_of_a_role_has_its_names_and_others_the_sessions() {
        let command = configured("firefox -P {profile} --class={account} {role} {url}").unwrap();
        assert_eq!(command.words("u"), ["firefox", "-P", "corp", "--class=corp", "corp", "u"]);
        let named = |names: RoleNames| command.clone().of_role(&names).words("u")[2..5].join("|");
        assert_eq!(named(role(Some("dev"), Some("Prod Ö 1"), "Admin")), "dev|--class=Prod Ö 1|Admin");
        assert_eq!(named(role(None, None, "Admin")), "Admin-111122223333|--class=111122223333|Admin");
        for foreign in ["--no-sandbox", "../x", "a/b", "a;b", "$(id)", "{url}", "a\u{1b}b", "", " a"] {
            let expected = "role-111122223333|--class=111122223333|role";
            assert_eq!(named(role(Some(foreign), Some(foreign), foreign)), expected, "{foreign}");
        }
    }

    #[test]
    fn an_address_of_a_container_is_encoded() {
        let command = configured("firefox ext+container:name={profile}&url={url}").unwrap();
        let words = command.of_role(&role(Some("dev one"), None, "Admin")).words(URL);
        assert_eq!(words[1], "ext+container:name=dev%20one&url=https%3A%2F%2Fa%2F%3Fx%3D1%26y%3D%28id%29%3Bz");
    }

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
            assert_eq!(configured(command).unwrap().words(URL), words, "{command}");
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
            ("firefox -P{profile}x {url}", WithinAWord),
            ("sh -c 'firefox -P {role}' {url}", WithinAWord),
            ("{account} {url}", Script),
            ("sh -c {account} {url}", Script),
            ("firefox ext+other:name={profile}&url={url}", WithinAWord),
        ] {
            assert_eq!(configured(command), Err(wrong), "{command}");
        }
        let said = WithinAWord.to_string();
        assert!(said.contains("--app={url}") && said.ends_with("sh -c 'firefox \"$1\"' - {url}"), "{said}");
        assert_eq!(BrowserCommand::of_variable("sh -c 'firefox %s'"), Err(WithinAWord));
    }
}

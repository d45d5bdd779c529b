//! Reads the default files, or files that a caller has named, into one [`Config`].

use std::path::{Path, PathBuf};

use ssoctl_protocol::Secret;

use super::aws::{AwsFiles, EndpointSettings, Section};
use super::environment::Environment;
use super::files::{FilePair, NotUsable, Paths, ReadError, read_named_text, read_text};
use super::model::{Config, SessionConfig};
use super::own::OwnFile;
use super::problem::{Problem, Severity};
use super::profiles;
use super::sessions::{DEFAULT_PROFILE, RawConfig, Sessions};

/// Reads the default files. A missing one is normal; one that cannot be read is a [`Problem`].
pub fn load(paths: &Paths, environment: &Environment) -> Config {
    let mut unreadable = Vec::new();
    let mut read = |path: &Path| match read_text(path) {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => {
            let line = if let ReadError::NotUtf8(line) = error { Some(line) } else { None };
            let message = format!("the whole file is ignored: {error}");
            unreadable.push(Problem { severity: Severity::Error, file: path.to_owned(), line, message });
            Secret::default()
        }
    };
    let (own, aws, credentials) = (read(&paths.own), read(&paths.aws), read(&paths.aws_credentials));
    let mut config = parse(paths, own.expose(), aws.expose(), credentials.expose(), environment);
    config.losses.extend(unreadable.iter().cloned());
    config.problems.splice(..0, unreadable);
    config
}

/// The configuration of these texts of the default files.
pub fn parse(paths: &Paths, own: &str, aws: &str, credentials: &str, environment: &Environment) -> Config {
    let own = OwnFile::read(&paths.own, own);
    let aws = AwsFiles::read((&paths.aws, aws), (&paths.aws_credentials, credentials), EndpointSettings::Count);
    config(RawConfig { own: &own, aws: &aws, environment })
}

/// Reads files that a caller has named, or that config.toml lists. They are read on their own, so that a name means there what the
/// files say: with a named configuration file, no session of config.toml counts and no profile of the default credentials file. A
/// credentials file that is named alone replaces the default one. As with botocore, a missing credentials file is empty.
///
/// # Errors
/// [`NotUsable`] if the configuration file is missing, or one of the files cannot be read or trusted.
pub fn load_named(
    paths: &Paths,
    files: &FilePair,
    endpoint_settings: EndpointSettings,
    environment: &Environment,
) -> Result<Config, NotUsable> {
    let credentials = match files.credentials.as_deref().map_or(Ok(None), read_named_text) {
        Err(NotUsable::Missing) => Ok(None),
        read => read,
    };
    let credentials_path = files.credentials.clone().unwrap_or_else(|| PathBuf::from("/dev/null"));
    let Some(path) = &files.config else {
        // Only the credentials file is the caller's. The daemon trusts the default files.
        credentials?;
        return Ok(load(&Paths { aws_credentials: credentials_path, ..paths.clone() }, environment));
    };
    let text = read_named_text(path)?.unwrap_or_default();
    let credentials = credentials
        .map_err(|why| NotUsable::Credentials { path: credentials_path.clone(), source: Box::new(why) })?
        .unwrap_or_default();
    let own = OwnFile::empty(&paths.own);
    let aws = AwsFiles::read((path, text.expose()), (&credentials_path, credentials.expose()), endpoint_settings);
    Ok(config(RawConfig { own: &own, aws: &aws, environment }))
}

fn config(sources: RawConfig<'_>) -> Config {
    let RawConfig { own, aws, environment } = sources;
    let ignored = aws.problems.iter().filter(|problem| problem.severity == Severity::Error);
    let losses = own.losses.iter().chain(ignored).cloned().collect();
    let mut problems: Vec<Problem> = own.problems.iter().chain(&aws.problems).cloned().collect();

    let mut sessions = Sessions::read(sources, &mut problems);
    let profiles = profiles::resolve(sources, &mut sessions, &mut problems);
    let unusable_sessions = std::mem::take(&mut sessions.unusable);
    let sessions = sessions.finish(own, environment);
    problems.extend(sessions.iter().filter_map(endpoint_problem));

    let bundle = |profile: &Section| Some(environment.expand_home(&profile.get("ca_bundle")?.value));
    let ca_bundle = environment.ca_bundle.clone().or_else(|| aws.profiles.get(DEFAULT_PROFILE).and_then(bundle));
    let resolved = profiles.usable.keys().filter_map(|name| aws.profiles.get(name));
    problems.extend(resolved.filter(|profile| bundle(profile) != ca_bundle).filter_map(unused_ca_bundle));

    let is_own = |problem: &Problem| problem.file == *own.path;
    problems.sort_by(|a, b| (is_own(b), &a.file, a.line).cmp(&(is_own(a), &b.file, b.line)));
    Config {
        sessions,
        profiles: profiles.usable,
        unusable_sessions,
        unusable_profiles: profiles.unusable,
        other_profiles: profiles.other,
        losses,
        secret_store: own.secret_store,
        notifications: own.notifications,
        aws_config_files: own.aws_config_files.iter().map(|path| environment.expand_home(path)).collect(),
        quiet_hours: own.quiet_hours,
        picker: own.picker.clone(),
        ca_bundle,
        problems,
    }
}

fn endpoint_problem(session: &SessionConfig) -> Option<Problem> {
    let error = session.endpoints.error()?;
    Some(session.origin.place.error(format!("session {:?} cannot be used: {error}", session.name)))
}

/// One daemon signs in for all profiles, and trusts the same certificates for all of them.
fn unused_ca_bundle(profile: &Section) -> Option<Problem> {
    let message = format!(
        "ca_bundle of profile {:?} is not used for signing in; name it in [default], or in AWS_CA_BUNDLE where ssoctld is started",
        profile.name
    );
    Some(profile.get("ca_bundle")?.place.warning(message))
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

//! Whether a window that is started here would be seen. Client and daemon decide by the same variables.

/// Whether the person would see a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Display {
    /// There is a display, and the person sits at it.
    There,
    /// This is a session over SSH: it would appear on the wrong screen.
    Remote,
    /// There is no display.
    Missing,
}

impl Display {
    /// Decides by the variables of the environment that are set.
    pub fn from_variables(is_set: impl Fn(&str) -> bool) -> Self {
        if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
            Self::Remote
        } else if cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(is_set)
        {
            Self::There
        } else {
            Self::Missing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_ssh_a_display_is_the_wrong_one() {
        let with = |set: &'static [&str]| Display::from_variables(|name| set.contains(&name));
        assert_eq!(with(&["DISPLAY", "SSH_CONNECTION"]), Display::Remote);
        assert_eq!(with(&["WAYLAND_DISPLAY", "SSH_TTY"]), Display::Remote);
        for display in [&["DISPLAY"], &["WAYLAND_DISPLAY"], &["WSL_DISTRO_NAME"]] {
            assert_eq!(with(display), Display::There);
        }
        assert_eq!(with(&[]) == Display::Missing, cfg!(not(target_os = "macos")));
    }
}

//! One list of settings for everybody: the stations in this process, the `env` file, stations run by hand.
//!
//! Names are the environment's. A station in this process gets them as the flags that stand for those variables, so
//! that there is one spelling of every setting and it is tried on every `up`.

use clap::{CommandFactory, FromArgMatches};

/// Settings by their environment names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// Adds a setting.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) -> &mut Settings {
        self.0.push((name, value.into()));
        self
    }

    /// Returns every setting, in order.
    pub(crate) fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// Returns the station's configuration: these settings first, the process's environment for the rest.
    pub(crate) fn configure<C: CommandFactory + FromArgMatches>(&self) -> anyhow::Result<C> {
        let command = C::command();
        let mut line = vec![command.get_name().to_owned()];
        for argument in command.get_arguments() {
            let name = argument.get_env().and_then(|name| name.to_str());
            let value = self.0.iter().find(|(setting, _)| Some(*setting) == name);
            if let (Some((_, value)), Some(flag)) = (value, argument.get_long()) {
                line.push(format!("--{flag}={value}"));
            }
        }
        Ok(C::from_arg_matches(&command.try_get_matches_from(line)?)?)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Config {
        #[arg(long = "http", env = "SAFELIGHT_TEST_HTTP", default_value = "a")]
        http: String,
        #[arg(long, default_value_t = 3)]
        workers: u8,
    }

    #[test]
    fn a_setting_becomes_the_flag_of_its_variable() {
        let mut settings = Settings::default();
        settings.set("SAFELIGHT_TEST_HTTP", "b").set("UNKNOWN_HERE", "c");
        let config: Config = settings.configure().unwrap();
        assert_eq!((config.http.as_str(), config.workers), ("b", 3));
    }
}

//! The command line: libtest's, and two options of our own.

use clap::Parser;
use libtest_mimic::Arguments;

/// Arguments of the suite.
#[derive(Clone, Debug, Parser)]
#[command(name = "e2e", about = "End-to-end tests of the reference platform")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) libtest: Arguments,
    /// More filters; a test runs when any filter fits.
    #[arg(value_name = "FILTERS")]
    pub(crate) more: Vec<String>,
    /// Lists a service under another name.
    #[arg(long, value_name = "OLD=NEW", value_parser = rename)]
    pub(crate) rename: Vec<(String, String)>,
    /// Runs the sample suite: tests that pass and prove nothing.
    #[arg(long)]
    pub(crate) sample: bool,
}

fn rename(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.into(), new.into())),
        _ => Err("expected OLD=NEW".to_owned()),
    }
}

impl Args {
    /// Whether the filters choose a test, its ignore mark aside.
    pub(crate) fn chooses(&self, name: &str) -> bool {
        let fits = |filter: &String| {
            if self.libtest.exact {
                name == filter
            } else {
                name.contains(filter.as_str())
            }
        };
        let mut filters = self.libtest.filter.iter().chain(&self.more).peekable();
        let chosen = filters.peek().is_none() || filters.any(fits);
        chosen && !self.libtest.skip.iter().any(fits)
    }

    /// Whether a test with this ignore mark is executed.
    pub(crate) fn executes(&self, ignored: bool) -> bool {
        self.libtest.include_ignored || self.libtest.ignored == ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], name: &str, expected: bool) {
        let args = Args::try_parse_from([&["e2e"], args].concat()).unwrap();
        assert_eq!(args.chooses(name), expected, "{args:?}");
    }

    #[test]
    fn filters_choose() {
        check(&[], "a::b", true);
        check(&["b"], "a::b", true);
        check(&["c"], "a::b", false);
        check(&["c", "a"], "a::b", true);
        check(&["--exact", "b"], "a::b", false);
        check(&["--exact", "x", "a::b"], "a::b", true);
        check(&["--skip", "a::"], "a::b", false);
    }

    #[test]
    fn the_words_of_libtest_are_known() {
        for args in [
            "--list --format terse",
            "--nocapture --test-threads 3",
            "-Z unstable-options --format json",
            "--ignored --show-output",
            "--rename auth=login --sample",
        ] {
            let words = ["e2e"].into_iter().chain(args.split(' '));
            assert!(Args::try_parse_from(words).is_ok(), "{args}");
        }
        assert!(Args::try_parse_from(["e2e", "--rename", "auth"]).is_err());
    }
}

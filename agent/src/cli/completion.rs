//! `agent completion`: what a shell needs to complete the command line, the words and codes that `explain` knows among it.

use std::io::Write;

use clap::{
    ValueEnum,
    builder::{PossibleValue, PossibleValuesParser},
};

use super::{exit::Status, explain, options, print};

/// For which shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct CompletionOptions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// `agent completion bash > /usr/share/bash-completion/completions/agent`
    Bash,
    /// `agent completion zsh > /usr/share/zsh/vendor-completions/_agent`
    Zsh,
    /// `agent completion fish > /usr/share/fish/vendor_completions.d/agent.fish`
    Fish,
}

/// Prints the script.
///
/// # Errors
/// None: it has the form of the other verbs.
pub fn run(options: CompletionOptions, output: &mut dyn Write) -> anyhow::Result<Status> {
    print(output, &script(options.shell));
    Ok(Status::Good)
}

/// The script of a shell.
pub fn script(shell: Shell) -> String {
    let mut command = command();
    let mut script = Vec::new();
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(shell, &mut command, "agent", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == clap_complete::Shell::Fish {
        // The generator for fish leaves out what stands without a flag.
        script.push_str(&fish(&command, "explain"));
        script.push_str(&fish(&command, "completion"));
    }
    script
}

/// What fish offers after a verb.
fn fish(command: &clap::Command, verb: &str) -> String {
    let verbs = command.get_subcommands().filter(|command| command.get_name() == verb);
    let words = verbs.flat_map(clap::Command::get_positionals).flat_map(clap::Arg::get_possible_values);
    let line = |word: PossibleValue| {
        let help = word.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.replace('\\', "\\\\").replace('\'', "\\'");
        format!(
            "complete -c agent -n \"__fish_agent_using_subcommand {verb}\" -f -a '{}' -d '{help}'\n",
            word.get_name()
        )
    };
    words.map(line).collect()
}

/// The command line as shells see it. The reader of the command line itself takes any word for `explain`, so that a slip is
/// answered with the nearest.
fn command() -> clap::Command {
    let subjects = explain::subjects().into_iter().map(|(name, help)| PossibleValue::new(name).help(help));
    let parser = PossibleValuesParser::new(subjects);
    options::command()
        .mut_subcommand("explain", |explain| explain.mut_arg("about", |about| about.value_parser(parser)))
}

#[cfg(test)]
mod tests;

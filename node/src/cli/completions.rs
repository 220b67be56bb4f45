//! `hefu completions`: what a shell needs to complete commands.

use clap::Args;
use clap_complete::Shell;

use super::app::App;
use super::exit::Exit;
use super::fault::Done;
use super::help;

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(app: &App, args: &Completions) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(app.lang()), "hefu", &mut script);
    app.out.raw(&script);
    Ok(Exit::Ok)
}

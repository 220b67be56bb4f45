//! `hefu run`: the node of this data folder.

use std::net::SocketAddr;

use clap::Args;

use super::app::App;
use super::engine;
use super::exit::Exit;
use super::fault::Done;
use crate::config::Flag;

#[derive(Args, Default)]
pub(crate) struct Run {
    /// Where other nodes reach this one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    p2p_listen: Option<SocketAddr>,
    /// Where the HTTP interface answers.
    #[arg(long, value_name = "ADDRESS:PORT")]
    api_listen: Option<SocketAddr>,
    /// human or json.
    #[arg(long, value_name = "human|json")]
    log_format: Option<String>,
}

pub(crate) fn run(app: &App, args: &Run) -> Done {
    let loaded = app.load_settings(&args.flags())?;
    super::app::expect_folder(&loaded)?;
    for (name, like) in &loaded.stray {
        let like = like.as_deref().unwrap_or("–");
        app.out.warn(&app.out.text("config-stray", &[("name", name), ("like", like)]));
    }
    engine::run_node(&loaded.config)?;
    Ok(Exit::Ok)
}

impl Run {
    fn flags(&self) -> Vec<Flag> {
        let flag =
            |flag, setting, value: Option<String>| value.map(|value| Flag { flag, setting, value });
        let text = |address: &Option<SocketAddr>| address.map(|address| address.to_string());
        [
            flag("--p2p-listen", "p2p.listen", text(&self.p2p_listen)),
            flag("--api-listen", "api.listen", text(&self.api_listen)),
            flag("--log-format", "log.format", self.log_format.clone()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

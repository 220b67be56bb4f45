//! `hefu token`: who may read through the HTTP interface of this node.
//!
//! The settings hold digests only: a token is shown once, or written to a file of its owner's, and
//! is nowhere else. The file is changed by adding to its end, so that comments stay; a node reads it
//! when it starts.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hefu_primitives::H32;
use serde_json::{Value, json};

use super::app::App;
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::table::{Column, col};
use crate::config::{FILE_NAME, NodeConfig, Token};
use crate::keystore::{disk, seal};

/// Longest name of a token.
const MAX_NAME_BYTES: usize = 64;
const COLUMNS: &[Column] = &[col("name", "/name"), col("digest", "/digest").raw()];

#[derive(Subcommand)]
pub(crate) enum Tokens {
    New(New),
    List,
}

#[derive(Args)]
pub(crate) struct New {
    /// Whose it is.
    name: String,
    /// The file to write it to; standard output when not given.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(app: &App, command: Tokens) -> Done {
    match command {
        Tokens::New(args) => new(app, &args),
        Tokens::List => list(app),
    }
}

fn new(app: &App, args: &New) -> Done {
    let loaded = app.settings()?;
    let none = || Fault::with("cli.not_found", loaded.config.data_dir.join(FILE_NAME).display());
    let file = loaded.file.clone().ok_or_else(none)?;
    let token = Fresh::new(&args.name)?;
    let text = app.read_text(&file)?;
    let text = with_token(&text, &token)?;
    // First the token: one that is known and that nobody has is worse than one nobody knows.
    if let Some(out) = &args.out {
        app.write(out, format!("{}\n", token.secret).as_bytes())?;
    }
    disk::replace(&file, text.as_bytes()).map_err(|error| Fault::file(&file, &error))?;
    let secret = args.out.is_none().then_some(&token.secret);
    let value = json!({ "name": token.name, "digest": token.digest, "token": secret,
        "file": args.out.as_ref().map(|out| out.display().to_string()) });
    let shown = match &args.out {
        Some(out) => out.display().to_string(),
        None => token.secret.clone(),
    };
    app.out.done(&value, &app.out.text("token-made", &[("name", &token.name), ("token", &shown)]));
    Ok(Exit::Ok)
}

fn list(app: &App) -> Done {
    let tokens = &app.settings()?.config.api.tokens;
    let row = |token: &Token| json!({ "name": token.name, "digest": token.digest });
    let rows: Vec<Value> = tokens.iter().map(row).collect();
    app.out.list(&json!({ "items": rows }), &rows, COLUMNS, "list-empty");
    Ok(Exit::Ok)
}

/// A token that was just made.
pub(super) struct Fresh {
    name: String,
    secret: String,
    digest: H32,
}

impl Fresh {
    /// 256 random bits.
    pub(super) fn new(name: &str) -> Result<Self, Fault> {
        let good =
            !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
        if !good {
            return Err(Fault::with("cli.usage", "NAME"));
        }
        let secret = H32(seal::random()?).to_string();
        let digest = H32(*blake3::hash(secret.as_bytes()).as_bytes());
        Ok(Self { name: name.to_owned(), secret, digest })
    }

    /// Writes it for this computer's own commands, which look for it there.
    pub(super) fn write(&self, path: &Path) -> Result<(), Fault> {
        let text = format!("{}\n", self.secret);
        disk::replace(path, text.as_bytes()).map_err(|error| Fault::file(path, &error))
    }

    /// Its entry in the settings.
    pub(super) fn entry(&self) -> String {
        let name = toml::Value::String(self.name.clone());
        format!("\n[[api.tokens]]\nname = {name}\ndigest = \"{}\"\n", self.digest)
    }
}

/// Settings with one token more; they are read back before anybody relies on them.
fn with_token(settings: &str, token: &Fresh) -> Result<String, Fault> {
    let text = format!("{}\n{}", settings.trim_end(), token.entry());
    let config: NodeConfig =
        toml::from_str(&text).map_err(|error| Fault::with("cli.config", error.message()))?;
    config.validate().map_err(|conflict| match conflict {
        crate::config::Conflict::RepeatedToken(name) => Fault::with("cli.conflict", name),
        other => other.into(),
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TokenHash;

    #[test]
    fn a_token_is_added_and_everything_else_stays() {
        let settings = "# mine\nregion = 310000\n\n[api]\nlisten = \"127.0.0.1:9\"\n\n[log]\nfilter = \"warn\"\n";
        let (one, two) = (Fresh::new("one").unwrap(), Fresh::new("二 \"2\"").unwrap());
        assert_ne!(one.secret, two.secret);
        let text = with_token(&with_token(settings, &one).unwrap(), &two).unwrap();
        assert!(text.starts_with(settings.trim_end()) && !text.contains(&one.secret));
        let config: NodeConfig = toml::from_str(&text).unwrap();
        assert_eq!((config.api.listen.port(), config.log.filter.as_str()), (9, "warn"));
        for (found, token) in config.api.tokens.iter().zip([&one, &two]) {
            assert_eq!((&found.name, found.digest), (&token.name, token.digest));
            assert_eq!(TokenHash::from_bytes(found.digest.0), TokenHash::of(&token.secret));
        }
        let again = with_token(&text, &Fresh::new("one").unwrap()).unwrap_err();
        assert_eq!(again.code, "cli.conflict");
        let inline = with_token("[api]\ntokens = []\n", &one).unwrap_err();
        assert_eq!(inline.code, "cli.config", "what cannot be added to is left as it is");
        assert!(Fresh::new("").is_err() && Fresh::new("a\nb").is_err());
    }
}

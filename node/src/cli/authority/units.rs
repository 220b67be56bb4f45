//! `hefu authority units`: the windows and units of an authority.

use clap::Args;
use hefu_contracts::identity::{SetUnits, Unit};
use hefu_primitives::Uscc;

use super::super::app::App;
use super::super::args::{Signing, any_region};
use super::super::fault::{Done, Fault};

#[derive(Args)]
pub(crate) struct Units {
    /// The authority.
    code: Uscc,
    /// A unit it gains, with the county or city where it stands: W-01=310115.
    #[arg(long, value_name = "UNIT=REGION", value_delimiter = ',', value_parser = unit)]
    add: Vec<Unit>,
    /// A unit it loses.
    #[arg(long, value_name = "UNIT", value_delimiter = ',')]
    remove: Vec<String>,
    #[command(flatten)]
    signing: Signing,
}

/// Reads `W-01=310115`.
fn unit(text: &str) -> Result<Unit, String> {
    let parts = text.split_once('=').filter(|(code, _)| !code.is_empty());
    let (code, place) = parts.ok_or_else(|| "form-unit".to_owned())?;
    let region = any_region(place).map_err(|_| "form-unit".to_owned())?;
    Ok(Unit { code: code.to_owned(), region })
}

pub(crate) fn run(app: &App, args: Units) -> Done {
    if args.add.is_empty() && args.remove.is_empty() {
        return Err(Fault::needs("--add --remove", "needs-change"));
    }
    let act = SetUnits { authority: args.code, add: args.add, remove: args.remove };
    super::governed(app, &args.signing, args.code, act.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        let read = unit("W-01=310115").unwrap();
        assert_eq!((read.code.as_str(), read.region.0), ("W-01", 310_115));
        for bad in ["W-01", "=310115", "W-01=", "W-01=x"] {
            assert_eq!(unit(bad), Err("form-unit".to_owned()), "{bad}");
        }
    }
}

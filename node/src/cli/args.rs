//! Arguments that many commands have, and the readers of their values.

use std::path::PathBuf;

use clap::Args;
use hefu_primitives::codes::region::find_province;
use hefu_primitives::time::Day;
use hefu_primitives::{Height, Millis, Region, Uscc};
use serde::de::DeserializeOwned;

/// Who signs.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Signing {
    /// The authority that signs.
    #[arg(long = "as", value_name = "USCC")]
    pub(crate) authority: Option<Uscc>,
    /// The key, by label or id.
    #[arg(long, value_name = "LABEL|ID")]
    pub(crate) key: Option<String>,
    /// Do not wait for the outcome: print the transaction's id and end with 8.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Write the act to a file too, for other governors to sign.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

/// Which part of a list.
#[derive(Args, Clone, Debug)]
pub(crate) struct Paging {
    /// Rows of one page.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) limit: u16,
    /// Go on where an earlier answer ended.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
    /// Every page.
    #[arg(long, conflicts_with = "cursor")]
    pub(crate) all: bool,
}

/// As of which block.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct AtHeight {
    /// As known after this block.
    #[arg(long, value_name = "HEIGHT")]
    pub(crate) at_height: Option<Height>,
}

/// What an error of [`word`] begins with; the possible words follow.
pub(crate) const ONE_OF: &str = "one of: ";

/// A province, by code, letters or name.
pub(crate) fn region(text: &str) -> Result<Region, String> {
    find_province(text).map(|province| province.code).ok_or_else(|| "form-province".to_owned())
}

/// A region of any level, by its six digits.
pub(crate) fn any_region(text: &str) -> Result<Region, String> {
    let found = text.parse::<Region>().ok().filter(|region| region.level().is_some());
    found.or_else(|| region(text).ok()).ok_or_else(|| "form-region".to_owned())
}

/// A word of the protocol: what JSON writes with underscores may be typed with hyphens.
pub(crate) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let value = serde_json::Value::String(text.replace('-', "_"));
    serde_json::from_value(value).map_err(|error| {
        // Serde lists the possible words between backticks, after the one that was given.
        let said = error.to_string();
        let words = said.split_once("expected").map_or("", |(_, words)| words);
        let words: Vec<String> =
            words.split('`').skip(1).step_by(2).map(|word| word.replace('_', "-")).collect();
        if words.is_empty() { said } else { format!("{ONE_OF}{}", words.join(" | ")) }
    })
}

/// An instant: RFC 3339, milliseconds since 1970, or a day, meaning its beginning in Beijing.
pub(crate) fn instant(text: &str) -> Result<Millis, String> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(day.start());
    }
    let millis = text.parse::<u64>().ok().map(Millis);
    millis.map_or_else(|| Millis::from_rfc3339(text).map_err(|_| "form-time".to_owned()), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_contracts::certificate::RevocationKind;
    use hefu_contracts::identity::RevocationReason;

    #[test]
    fn readers() {
        assert_eq!(region("浙江省"), Ok(Region(330_000)));
        assert_eq!(region("js"), Ok(Region(320_000)));
        assert!(region("320100").is_err());
        assert_eq!(any_region("320100"), Ok(Region(320_100)));
        assert_eq!(word("annul"), Ok(RevocationKind::Annul));
        assert!(word::<RevocationReason>("stolen").unwrap_err().contains("compromised"));
        assert_eq!(instant("1970-01-02"), Ok(Millis(57_600_000)));
        assert_eq!(instant("5"), Ok(Millis(5)));
        assert_eq!(instant("1970-01-01T00:00:01Z"), Ok(Millis(1_000)));
    }
}

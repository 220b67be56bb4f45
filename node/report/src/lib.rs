//! # hefu-report
//!
//! A report as PDF/A-2u: headings, paragraphs, pairs of a name and a value, and a QR code.
//!
//! ## Rules
//!
//! 1. **The same report and font give the same bytes**: no clock is read, no name is drawn.
//! 2. **Every character is in the font, or there is no report.** A font is chosen by what has to be
//!    written with it ([`FontFile::find`]), never by its name alone.
//! 3. **It conforms, or there is none**: the writer's validator refuses what PDF/A-2u forbids.
//!
//! This crate does not know the ledger: what a report says is the caller's.

#![cfg_attr(test, allow(clippy::disallowed_types, clippy::disallowed_methods))]

mod font;
mod layout;
mod pdf;

pub use font::{FontError, FontFile};
pub use pdf::{RenderError, render};

/// The language a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// Its tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A name and its value; the name may be empty.
    Pair(String, String),
}

/// When something was, as it is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Year.
    pub year: u16,
    /// Month, from 1.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The language.
    pub language: Language,
    /// The title.
    pub title: String,
    /// Below the title.
    pub subtitle: String,
    /// The day that stands in the file as its date.
    pub date: Moment,
    /// What the QR code says.
    pub qr: String,
    /// At the foot of every page, before its number.
    pub foot: String,
    /// The parts.
    pub parts: Vec<Part>,
}

impl Report {
    /// All that is written, for choosing a font.
    pub fn text(&self) -> String {
        let mut text = format!("{}{}{}0123456789/", self.title, self.subtitle, self.foot);
        for part in &self.parts {
            match part {
                Part::Heading(one) | Part::Text(one) => text.push_str(one),
                Part::Pair(name, value) => {
                    text.push_str(name);
                    text.push_str(value);
                }
            }
        }
        text
    }
}

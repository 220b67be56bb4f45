//! A QR code as SVG, PNG, or blocks for a terminal.
//!
//! The level of error correction is M (15 %) where the text fits, else L (7 %). PNG is written by
//! hand: one bit a pixel and stored, not compressed, which at this size is not worth a library.

use qrcode::render::{svg, unicode};
use qrcode::{Color, EcLevel, QrCode};

use super::presentation::PresentationError;

/// Most characters of the QR alphabet that one code holds, version 40 at level L.
pub const MAX_QR_CHARACTERS: usize = 4_296;
/// Light modules around a code.
const QUIET_ZONE: usize = 4;

/// Why there is no QR code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// One code cannot hold so much.
    #[error(
        "the presentation has {characters} characters, a QR code holds {limit}; {}",
        advice(*fields_that_fit)
    )]
    TooLarge {
        /// Characters of the text.
        characters: usize,
        /// Characters one code holds.
        limit: usize,
        /// How many of the chosen fields, from the first on, would fit, where that is known.
        fields_that_fit: Option<usize>,
    },
    /// The presentation cannot be made.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
}

fn advice(fields_that_fit: Option<usize>) -> String {
    match fields_that_fit {
        Some(0) => "not even the first field fits: hand over the file".to_owned(),
        Some(count) => format!("the first {count} of the chosen fields would fit"),
        None => "choose fewer fields or hand over the file".to_owned(),
    }
}

/// A QR code.
#[derive(Clone)]
pub struct QrImage(QrCode);

impl QrImage {
    /// The code of a text.
    ///
    /// # Errors
    /// [`QrError::TooLarge`].
    pub fn of_text(text: &str) -> Result<Self, QrError> {
        let at = |level| QrCode::with_error_correction_level(text, level);
        let code = at(EcLevel::M).or_else(|_| at(EcLevel::L));
        code.map(Self).map_err(|_| QrError::TooLarge {
            characters: text.len(),
            limit: MAX_QR_CHARACTERS,
            fields_that_fit: None,
        })
    }

    /// Modules on a side, without the quiet zone.
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// An SVG document.
    pub fn to_svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().module_dimensions(4, 4).build()
    }

    /// Blocks for a terminal, two modules in a character; dark on light when the terminal is dark.
    pub fn to_terminal(&self) -> String {
        let (dark, light) = (unicode::Dense1x2::Light, unicode::Dense1x2::Dark);
        self.0.render().dark_color(dark).light_color(light).build()
    }

    /// A PNG of `scale` pixels a module, 1 to 16.
    pub fn to_png(&self, scale: usize) -> Vec<u8> {
        let scale = scale.clamp(1, 16);
        let colors = self.0.to_colors();
        let (width, side) = (self.width(), self.width() + 2 * QUIET_ZONE);
        let is_dark = |x: usize, y: usize| {
            let inside = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < width);
            let module = inside(x / scale).zip(inside(y / scale));
            module.is_some_and(|(x, y)| colors[y * width + x] == Color::Dark)
        };
        let pixels = side * scale;
        let mut rows = Vec::with_capacity(pixels * (pixels / 8 + 2));
        for y in 0..pixels {
            rows.push(0); // no filter
            rows.extend((0..pixels).step_by(8).map(|left| {
                // White is 1; bits behind the last pixel do not matter.
                (0..8).fold(0u8, |byte, bit| byte << 1 | u8::from(!is_dark(left + bit, y)))
            }));
        }
        png(pixels as u32, &rows)
    }
}

impl core::fmt::Debug for QrImage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "QrImage({} modules)", self.width())
    }
}

/// A square grey PNG of one bit a pixel (W3C PNG §5, §11).
fn png(side: u32, rows: &[u8]) -> Vec<u8> {
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend([1, 0, 0, 0, 0]); // bit depth, grey, deflate, adaptive filters, not interlaced
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zlib_stored(rows)), (b"IEND", Vec::new())] {
        let body = [kind.as_slice(), &data].concat();
        image.extend((data.len() as u32).to_be_bytes());
        image.extend(&body);
        image.extend(crc32fast::hash(&body).to_be_bytes());
    }
    image
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951 §3.2.4).
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = data.len().div_ceil(0xffff);
    for (index, block) in data.chunks(0xffff).enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(index + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_what_the_standard_says() {
        assert_eq!(QrImage::of_text(&"A".repeat(MAX_QR_CHARACTERS)).unwrap().width(), 177);
        let refused = QrImage::of_text(&"A".repeat(MAX_QR_CHARACTERS + 1)).unwrap_err();
        assert!(matches!(refused, QrError::TooLarge { characters: 4_297, .. }));
        assert!(refused.to_string().contains("4297"));
    }

    #[test]
    fn svg_and_terminal_have_every_module() {
        let image = QrImage::of_text("HEFU1:ABC").unwrap();
        assert!(image.to_svg().starts_with("<?xml"));
        assert!(image.to_svg().contains("viewBox"));
        assert_eq!(image.to_terminal().lines().count(), (image.width() + 8).div_ceil(2));
    }

    /// What a scanner sees is the text.
    #[test]
    fn codes_are_read_back() {
        for length in [1, 100, 1_000, 3_000] {
            let text: String = "HEFU1:6BF$A-Z09 %*+./".chars().cycle().take(length).collect();
            let image = QrImage::of_text(&text).unwrap();
            let (colors, width) = (image.0.to_colors(), image.width());
            let grey = |x: usize, y: usize| {
                let module = (x / 3).checked_sub(4).zip((y / 3).checked_sub(4));
                let module = module.filter(|(x, y)| *x < width && *y < width);
                match module.map(|(x, y)| colors[y * width + x]) {
                    Some(Color::Dark) => 0,
                    _ => 255,
                }
            };
            let side = (width + 8) * 3;
            let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
            let grids = picture.detect_grids();
            assert_eq!(grids.len(), 1);
            assert_eq!(grids[0].decode().unwrap().1, text);
        }
    }

    /// Reads the PNG back, stored block by stored block, and compares every pixel.
    #[test]
    fn png_shows_the_code() {
        let image = QrImage::of_text(&"HEFU1:".repeat(100)).unwrap();
        let scale = 13;
        let png = image.to_png(scale);
        let (signature, mut rest) = png.split_at(8);
        assert_eq!(signature, b"\x89PNG\r\n\x1a\n");
        let mut chunks = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let (body, tail) = tail.split_at(length + 4);
            let (crc, tail) = tail.split_first_chunk::<4>().unwrap();
            assert_eq!(u32::from_be_bytes(*crc), crc32fast::hash(body));
            chunks.push(body.to_vec());
            rest = tail;
        }
        assert_eq!(chunks.len(), 3);
        let mut stream = &chunks[1][4 + 2..];
        let mut rows = Vec::new();
        loop {
            let (head, tail) = stream.split_at(5);
            let length = u16::from_le_bytes([head[1], head[2]]);
            assert_eq!(u16::from_le_bytes([head[3], head[4]]), !length);
            rows.extend_from_slice(&tail[..usize::from(length)]);
            stream = &tail[usize::from(length)..];
            if head[0] == 1 {
                break;
            }
        }
        assert!(rows.len() > 0xffff, "more than one block");
        assert_eq!(stream.len(), 4);
        let pixels = (image.width() + 8) * scale;
        let stride = pixels.div_ceil(8) + 1;
        assert_eq!(rows.len(), stride * pixels);
        let colors = image.0.to_colors();
        for y in 0..pixels {
            for x in 0..pixels {
                let white = rows[y * stride + 1 + x / 8] >> (7 - x % 8) & 1 == 1;
                let (mx, my) = (x / scale, y / scale);
                let inside =
                    (4..image.width() + 4).contains(&mx) && (4..image.width() + 4).contains(&my);
                let dark = inside && colors[(my - 4) * image.width() + mx - 4] == Color::Dark;
                assert_eq!(white, !dark);
            }
        }
    }
}

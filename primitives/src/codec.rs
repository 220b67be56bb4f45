//! The one canonical encoding: deterministic CBOR (RFC 8949 §4.2).
//!
//! Types derive `minicbor`'s traits with numbered fields; this module adds what makes the bytes
//! canonical: a bound before anything is read, no trailing bytes, and a re-encoding that must
//! equal the input. The last check also refuses unknown fields, long integer forms and
//! indefinite lengths, because none of them survives a round trip.

use minicbor::{Decode, Encode};

/// Why bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The input is longer than its bound.
    #[error("{found} bytes are more than the {bound} allowed")]
    TooLarge {
        /// Largest length accepted, in bytes.
        bound: usize,
        /// Length found, in bytes.
        found: usize,
    },
    /// The input is not CBOR of this type.
    #[error("not a valid encoding (at byte {position})")]
    Malformed {
        /// Where decoding stopped, in bytes from the start.
        position: usize,
    },
    /// The input decodes, but a canonical encoder would have written other bytes.
    #[error("not the canonical encoding")]
    NotCanonical,
}

/// A type with exactly one encoding.
pub trait Canonical: Sized {
    /// The canonical bytes.
    fn to_bytes(&self) -> Vec<u8>;

    /// Decodes canonical bytes of at most `bound` bytes.
    ///
    /// # Errors
    /// [`CodecError`] names the first check that failed.
    fn from_bytes(bytes: &[u8], bound: usize) -> Result<Self, CodecError>;

    /// Decodes bytes that this program itself encoded and kept, without looking whether a canonical
    /// encoder would write them: it did. None for what is no encoding at all.
    fn from_own_bytes(bytes: &[u8]) -> Option<Self>;
}

impl<T> Canonical for T
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        // Writing to a vector cannot fail, and none of our types has a failing encoder.
        let written = minicbor::encode(self, &mut bytes);
        debug_assert!(written.is_ok());
        bytes
    }

    fn from_bytes(bytes: &[u8], bound: usize) -> Result<Self, CodecError> {
        if bytes.len() > bound {
            return Err(CodecError::TooLarge { bound, found: bytes.len() });
        }
        let mut decoder = minicbor::Decoder::new(bytes);
        let value: Self = decoder
            .decode()
            .map_err(|error| CodecError::Malformed { position: error.position().unwrap_or(0) })?;
        let mut rest = Expected(bytes);
        let same = minicbor::encode(&value, &mut rest).is_ok() && rest.0.is_empty();
        if decoder.position() != bytes.len() || !same {
            return Err(CodecError::NotCanonical);
        }
        Ok(value)
    }

    fn from_own_bytes(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok()
    }
}

/// A writer that takes nothing but the bytes it expects.
struct Expected<'a>(&'a [u8]);

impl minicbor::encode::Write for Expected<'_> {
    type Error = CodecError;

    fn write_all(&mut self, written: &[u8]) -> Result<(), CodecError> {
        self.0 = self.0.strip_prefix(written).ok_or(CodecError::NotCanonical)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Sample {
        #[n(0)]
        number: u64,
        #[n(1)]
        text: Option<String>,
    }

    #[test]
    fn round_trip() {
        let sample = Sample { number: 7, text: Some("合符".into()) };
        assert_eq!(Sample::from_bytes(&sample.to_bytes(), 64), Ok(sample));
    }

    #[test]
    fn refuses_what_is_not_canonical() {
        let short = Sample { number: 7, text: None }.to_bytes();
        assert_eq!(short, [0x81, 0x07]);
        for other in [
            &[0x81, 0x07, 0x00][..],         // trailing byte
            &[0x81, 0x18, 0x07],             // long integer form
            &[0x9f, 0x07, 0xff],             // indefinite length
            &[0x82, 0x07, 0xf6],             // explicit null
            &[0x83, 0x07, 0xf6, 0x01],       // unknown field
            &[0x82, 0x07, 0x61, 0x61, 0x00], // and after a text
        ] {
            assert_eq!(Sample::from_bytes(other, 64), Err(CodecError::NotCanonical), "{other:x?}");
        }
        assert!(matches!(Sample::from_bytes(&[0xff], 64), Err(CodecError::Malformed { .. })));
        assert_eq!(
            Sample::from_bytes(&[0; 65], 64),
            Err(CodecError::TooLarge { bound: 64, found: 65 })
        );
    }
}

//! What two nodes say on the link stream: hello, admission, heartbeats.
//!
//! The side that dialled opens the stream and says hello first; the other always answers with its
//! own hello, also when it refuses, so that both know why. Then the node with the smaller key
//! admits the connection or calls it a duplicate. Only an admitted connection carries anything
//! else, so exactly one of two crossing dials is ever used and nothing is lost on the other.
//!
//! The bytes are frozen by golden vectors below.

use hefu_primitives::{Canonical, ChainId, Region};
use minicbor::{Decode, Encode};

use super::channel::MAX_CONTROL_FRAME_BYTES;
use super::events::Refusal;

/// Version of everything below and of the frames on the channels.
pub(crate) const PROTOCOL_VERSION: u32 = 1;

/// A frame on the link stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Control {
    /// Who I am, first in each direction.
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// From the smaller key: this connection is the link.
    #[n(1)]
    Admitted,
    /// From the smaller key: another connection is the link.
    #[n(2)]
    Duplicate,
    /// Answer me with [`Control::Pong`].
    #[n(3)]
    Ping(#[n(0)] u64),
    /// The number of the ping it answers.
    #[n(4)]
    Pong(#[n(0)] u64),
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Hello {
    /// [`PROTOCOL_VERSION`].
    #[n(0)]
    pub(crate) version: u32,
    /// The ledger.
    #[n(1)]
    pub(crate) chain: ChainId,
    /// The province, a label for people.
    #[n(2)]
    pub(crate) region: Region,
    /// A random number for each start of the node: another number means that it restarted.
    #[n(3)]
    pub(crate) session: u64,
}

impl Hello {
    /// Whether a peer that said `theirs` may stay. Both sides come to the same answer.
    pub(crate) fn accepts(&self, theirs: &Hello) -> Result<(), Refusal> {
        if self.version != theirs.version {
            return Err(Refusal::WrongVersion { ours: self.version, theirs: theirs.version });
        }
        if self.chain != theirs.chain {
            return Err(Refusal::WrongChain { ours: self.chain, theirs: theirs.chain });
        }
        Ok(())
    }
}

impl Control {
    /// The frame's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.to_bytes()
    }

    /// The frame in `bytes`, if they are one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes, MAX_CONTROL_FRAME_BYTES).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello { version: 1, chain: ChainId([9; 32]), region: Region(310_000), session: 7 }
    }

    #[test]
    fn bytes_are_frozen() {
        let hex = |frame: Control| -> String {
            frame.encode().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let chain = "09".repeat(32);
        assert_eq!(
            hex(Control::Hello(hello())),
            format!("820081 84015820{chain}1a0004baf007").replace(' ', "")
        );
        assert_eq!(hex(Control::Admitted), "820180");
        assert_eq!(hex(Control::Duplicate), "820280");
        assert_eq!(hex(Control::Ping(1)), "82038101");
        assert_eq!(hex(Control::Pong(1)), "82048101");
    }

    #[test]
    fn round_trips_within_the_bound() {
        let largest =
            Hello { version: u32::MAX, region: Region(u32::MAX), session: u64::MAX, ..hello() };
        for frame in [Control::Hello(largest), Control::Admitted, Control::Ping(u64::MAX)] {
            let bytes = frame.encode();
            assert!(bytes.len() <= MAX_CONTROL_FRAME_BYTES);
            assert_eq!(Control::decode(&bytes), Some(frame));
        }
        assert_eq!(Control::decode(&[0x82, 0x05, 0x80]), None);
        assert_eq!(Control::decode(&[]), None);
    }

    #[test]
    fn another_chain_or_version_is_refused_by_both() {
        let (ours, chain) = (hello(), Hello { chain: ChainId([8; 32]), ..hello() });
        assert_eq!(ours.accepts(&Hello { session: 1, region: Region(1), ..ours }), Ok(()));
        assert!(matches!(ours.accepts(&chain), Err(Refusal::WrongChain { .. })));
        assert!(matches!(chain.accepts(&ours), Err(Refusal::WrongChain { .. })));
        let version = Hello { version: 2, ..chain };
        assert_eq!(ours.accepts(&version), Err(Refusal::WrongVersion { ours: 1, theirs: 2 }));
    }
}

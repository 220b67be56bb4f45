//! hefu-consensus

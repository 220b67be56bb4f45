//! hefu-contracts

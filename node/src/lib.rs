//! hefu-node

//! hefu-genesis

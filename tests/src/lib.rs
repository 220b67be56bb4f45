//! hefu-tests

//! validators
